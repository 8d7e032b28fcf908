"""The protocol with the real recogniser, on the two people of the sample photo."""

import urllib.request

import pytest
import torch

from deid.evaluation import gates, observations, protocol
from deid.evaluation.reconstruction import Lesson
from deid.recognition import recognisers

EASY = "2 1\nCollins 1 2\nCollins 1 Hopper 1\nHopper 1 2\nCollins 2 Hopper 2\n"


@pytest.mark.slow
def test_a_case_has_attackers_and_what_is_left_to_use(two_people, tmp_path):
    pytest.importorskip("dlib")
    people = observations.people(two_people, 2)
    turned = [observations.Person(person.name, person.probe, person.gallery) for person in people]
    study = protocol.Study(
        [*people, *turned], tmp_path
    )  # four: an attacker who learns needs some to learn from
    found = protocol.evaluate(study, "blackout", adaptive=True)
    assert set(found) == {"fixed", "adaptive", "usefulness"} and found["usefulness"]["still detected"][0] == 0
    other = protocol.evaluate(study, protocol.OTHER)
    assert set(other) == {"fixed"} and other["fixed"]["rank-1"][0] == 0, "another person's photo"


@pytest.mark.slow
def test_a_machine_is_asked_about_the_probes_of_a_study(portraits, tmp_path):
    photos = portraits(tmp_path / "photos", 8)
    study = protocol.Study(
        [observations.Person(path.stem, path, path) for path in photos], tmp_path / "cache"
    )
    found = protocol.tell(study, "blackout")
    assert found["AUC"][0] > 0.95 and found["people"] == 8
    assert protocol.tell(study, "original")["AUC"][0] == 0.5


@pytest.mark.slow
def test_the_attackers_gallery_has_seeds_of_its_own(two_people, tmp_path):
    pytest.importorskip("dlib")
    people = observations.people(two_people, 2)
    same = [observations.Person(person.name, person.probe, person.probe) for person in people]
    study = protocol.Study(same, tmp_path)
    probes, gallery = study.after("onepass"), study.anonymized_gallery("onepass")
    assert not torch.equal(probes.crops, gallery.crops), "the same photos, another seed"


@pytest.mark.slow
def test_what_a_reverser_learned_is_stored_and_belongs_to_its_settings(
    two_people, crops, tmp_path, monkeypatch
):
    pytest.importorskip("dlib")
    study, lesson = protocol.Study(observations.people(two_people, 2), tmp_path), Lesson(pairs=6, seen=16)
    found, restored = protocol.reverse(study, "blur strength=0.05", crops, lesson)
    assert restored.shape == (2, 3, 64, 64) and found["pairs"] == 6 and {"as it is", "restored"} < set(found)
    train = protocol.reconstruction.train_reverser
    monkeypatch.setattr(protocol.reconstruction, "train_reverser", lambda *_: pytest.fail("learned twice"))
    again, same = protocol.reverse(study, "blur strength=0.05", crops, lesson)
    assert again == found and torch.equal(same, restored)
    monkeypatch.setattr(protocol.reconstruction, "train_reverser", train)
    assert protocol.reverse(study, "blackout", crops, lesson)[0] != found, "another case, another network"
    assert len(list(tmp_path.glob("reverser-*"))) == 2
    protocol.reverse(study, "blackout", crops.at(96), lesson)
    assert len(list(tmp_path.glob("reverser-*"))) == 3, "other strangers, too"


def test_originals_cannot_be_undone(two_people, crops, tmp_path):
    pytest.importorskip("dlib")
    study = protocol.Study(observations.people(two_people, 2), tmp_path)
    with pytest.raises(ValueError, match="nothing to undo"):
        protocol.reverse(study, "original", crops, Lesson(pairs=2, seen=32))


@pytest.mark.slow
def test_a_judge_that_cannot_be_had_is_skipped_with_the_reason(two_people, tmp_path, monkeypatch):
    """No downloads at home, a closed port: two say what is missing, the others prove themselves."""
    pytest.importorskip("dlib")
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first download
    recognisers.load.cache_clear()
    (tmp_path / "pairs.txt").write_text(EASY)
    proofs = protocol.proofs(two_people, tmp_path / "pairs.txt", tmp_path / "cache")
    assert list(proofs) == list(recognisers.NAMES) and proofs["dlib"]["accuracy"] == 1
    for name, reason in (("facenet", "could not be downloaded"), ("mobilefacenet", "download failed")):
        assert reason in proofs[name]["skipped"] and "accuracy" not in proofs[name]


def test_a_judge_proves_itself_or_the_run_stops(two_people, tmp_path):
    """Collins against Hopper is easy; a judge that fails it is not set up right."""
    pytest.importorskip("dlib")
    (tmp_path / "pairs.txt").write_text(EASY)
    proof = protocol.prove("dlib", two_people, tmp_path / "pairs.txt", tmp_path / "cache")
    assert proof["accuracy"] == 1 and proof["published"] == 0.9938
    (tmp_path / "pairs.txt").write_text(
        "2 1\nCollins 1 2\nCollins 1 Hopper 1\nCollins 1 2\nHopper 1 Hopper 2\n"
    )
    with pytest.raises(gates.GateError, match="not set up right"):
        protocol.prove("dlib", two_people, tmp_path / "pairs.txt", tmp_path / "cache")


def test_the_protocol_stops_at_what_cannot_be():
    good = {"fixed": {"rank-1": [0.97, 0.95, 0.99], "area under curve": 0.99}}
    weak = {
        "fixed": {"rank-1": [0.5, 0.4, 0.6], "area under curve": 0.9},
        "adaptive": {"rank-1": [0.2, 0.1, 0.3]},
    }
    protocol.check_results({"original": good}, 100)
    with pytest.raises(gates.GateError, match="it cannot be"):
        protocol.check_results({"original": good, "a method": weak}, 100)
