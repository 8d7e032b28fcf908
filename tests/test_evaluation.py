"""The protocol with the real recogniser on the two people of the sample photo, and attackers on known vectors."""

import urllib.request

import pytest
import torch
import torch.nn.functional as F

from deid import attacks, evaluation, expression, images, privacy, protocol, recognisers, usefulness
from deid.anonymizer import Options

dlib = pytest.importorskip("dlib")
BLACK = Options(method="blackout", verify=False)


@pytest.fixture(scope="module")
def two(portraits, tmp_path_factory):
    """LFW's layout with two people, two photos each."""
    folder = tmp_path_factory.mktemp("lfw")
    for index, path in enumerate(portraits(folder / "cut", 4)):
        person = folder / "lfw" / ("Collins", "Hopper")[index % 2]
        person.mkdir(parents=True, exist_ok=True)
        images.save(images.load(path), person / f"{person.name}_{index // 2 + 1:04}.jpg")
    return folder / "lfw"


def test_people_are_the_same_for_a_seed_and_can_be_listed(two):
    chosen = evaluation.people(two, 2)
    assert [person.name for person in chosen] == ["Collins", "Hopper"]
    assert (chosen[0].gallery.name, chosen[0].probe.name) == ("Collins_0001.jpg", "Collins_0002.jpg")
    assert evaluation.people(two, names=["Hopper"]) == chosen[1:]
    with pytest.raises(ValueError, match="2 people with two photos, 3 were asked for"):
        evaluation.people(two, 3)
    with pytest.raises(ValueError, match="Nobody and 0 more"):
        evaluation.people(two, names=["Nobody"])


def test_originals_are_recognised_and_black_faces_are_not(two, tmp_path):
    chosen = evaluation.people(two, 2)
    gallery = evaluation.look_at([person.gallery for person in chosen], None, tmp_path)
    probes = evaluation.look_at([person.probe for person in chosen], None, tmp_path)
    found = attacks.fixed(probes.vectors, gallery.vectors)
    assert found["rank-1"][0] == 1 and found["area under curve"] == 1 and probes.kept.all()
    covered = evaluation.look_at([person.probe for person in chosen], BLACK, tmp_path)
    hidden = attacks.fixed(covered.vectors, gallery.vectors)
    assert not covered.kept.any() and covered.after.isnan().all()
    assert hidden["similarity to the own original"][0] < found["similarity to the own original"][0] - 0.05
    assert usefulness.landmark_error(probes).max() == 0 and len(usefulness.landmark_error(covered)) == 0


def test_what_was_seen_is_kept_and_belongs_to_its_settings(two, tmp_path, monkeypatch):
    paths = [person.probe for person in evaluation.people(two, 2)]
    first = evaluation.look_at(paths, BLACK, tmp_path)
    files = sorted(tmp_path.iterdir())
    monkeypatch.setattr(evaluation.images, "load", lambda path: pytest.fail("looked at twice"))
    assert torch.equal(evaluation.look_at(paths, BLACK, tmp_path).vectors, first.vectors)
    monkeypatch.undo()
    pixels = evaluation.look_at(paths, Options(method="pixelate", strength=4, verify=False), tmp_path)
    assert len(sorted(tmp_path.iterdir())) == len(files) + 1, "another method, another file"
    evaluation.look_at(paths, BLACK, tmp_path, seed=5)
    evaluation.look_at(paths[:1], BLACK, tmp_path)
    assert len(sorted(tmp_path.iterdir())) == len(files) + 3, "another seed, other photos: other files"
    assert not torch.equal(pixels.vectors, first.vectors)


def test_where_no_face_is_found_one_is_put_in_the_middle():
    (face,) = evaluation.locate(images.Photo(torch.zeros(1, 3, 100, 120)))
    assert face.points().mean(0).tolist() == pytest.approx([60, 50], abs=6)


def unit(*shape, seed=0):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_the_fixed_attacker_on_known_vectors():
    gallery = unit(60, 128)
    exact, chance = attacks.fixed(gallery, gallery), attacks.fixed(unit(60, 128, seed=1), gallery)
    assert exact["rank-1"][0] == 1 and exact["true accepts at 0.1%"][0] == 1
    assert chance["rank-1"][0] < 0.1 and chance["area under curve"] == pytest.approx(0.5, abs=0.1)


def test_the_adaptive_attacker_undoes_what_can_be_learned():
    """A method that moves every face the same way, and one that turns all of them: the fixed attacker sees nothing."""
    people = unit(200, 128)
    photos = [F.normalize(people + 0.3 * unit(200, 128, seed=seed), dim=1) for seed in (1, 2, 3)]
    shift = 4 * unit(1, 128, seed=9)
    moved = [F.normalize(photo + shift, dim=1) for photo in photos]
    turn = torch.linalg.qr(torch.randn(128, 128, generator=torch.Generator().manual_seed(4)))[0]
    turned = [photo @ turn for photo in photos]
    for probes, parrot in ((moved[1], moved[2]), (turned[1], turned[2])):
        fixed = attacks.fixed(probes, photos[0])["rank-1"][0]
        adaptive = attacks.adaptive(probes, photos[0], parrot)["rank-1"]
        assert adaptive[0] > 0.9 and adaptive[0] >= fixed, "anonymized photos of the same people give them away"
    assert attacks.fixed(turned[1], photos[0])["rank-1"][0] < 0.05


def test_the_adaptive_attacker_finds_nothing_where_nothing_is():
    gallery, probes, parrot = (unit(200, 128, seed=seed) for seed in (1, 2, 3))
    found = attacks.adaptive(probes, gallery, parrot)
    assert found["rank-1"][0] < 0.04, "learned from others than he is judged on"
    assert found["area under curve"] == pytest.approx(0.5, abs=0.06)


def test_the_adaptive_attacker_does_not_lose_what_the_fixed_one_has():
    people = unit(200, 128)
    gallery, probes = (F.normalize(people + 0.5 * unit(200, 128, seed=seed), dim=1) for seed in (1, 2))
    fixed, adaptive = attacks.fixed(probes, gallery), attacks.adaptive(probes, gallery, unit(200, 128, seed=3))
    privacy.gate_attackers("a method", *(privacy.Interval(*found["rank-1"]) for found in (fixed, adaptive)))
    assert adaptive["rank-1"][0] > fixed["rank-1"][0] - 0.05


def test_expression_of_the_sample_faces(sample, sample_faces):
    """Mirrored, a face looks the other way and does the same; turned in the photo, it rolls."""
    for face in sample_faces:
        straight = expression.expression(sample.pixels, face)
        mirrored = expression.expression(sample.pixels.flip(3), face.mirrored(sample.size[0]))
        roll, yaw, pitch, mouth, eyes = (straight - mirrored * torch.tensor([-1, -1, 1, 1, 1])).abs().tolist()
        assert roll < 0.08 and yaw < 0.1 and pitch < 0.08 and mouth < 0.15 and eyes < 0.1
        assert 0.1 < straight[4] < 0.6


def test_what_a_reverser_learned_is_kept_and_belongs_to_its_settings(two, crops, tmp_path, monkeypatch):
    study = protocol.Study(evaluation.people(two, 2), tmp_path)
    found, restored = protocol.reverse(study, "blur strength=0.05", crops, pairs=6, seen=64)
    assert restored.shape == (2, 3, 64, 64) and found["pairs"] == 6 and {"as it is", "restored"} < set(found)
    train = protocol.reverser.train
    monkeypatch.setattr(protocol.reverser, "train", lambda *_, **__: pytest.fail("learned twice"))
    again, same = protocol.reverse(study, "blur strength=0.05", crops, pairs=6, seen=64)
    assert again == found and torch.equal(same, restored)
    monkeypatch.setattr(protocol.reverser, "train", train)
    assert protocol.reverse(study, "blackout", crops, pairs=6, seen=64)[0] != found, "another case, another network"
    assert len(list(tmp_path.glob("reverser-*"))) == 2
    protocol.reverse(study, "blackout", crops.at(96), pairs=6, seen=64)
    assert len(list(tmp_path.glob("reverser-*"))) == 3, "other strangers, too"


def test_correlation_by_hand():
    known = torch.linspace(-1, 1, 50)
    assert usefulness.correlation(known, 3 * known + 1).value == pytest.approx(1)
    assert usefulness.correlation(known, -known).high == pytest.approx(-1)
    nothing = usefulness.correlation(known, torch.rand(50, generator=torch.Generator().manual_seed(0)))
    assert nothing.low < 0 < nothing.high
    assert usefulness.correlation(known, torch.zeros(50)).value == 0, "the same for everybody keeps nothing"


def test_recognisers_that_ship_work_offline(sample, sample_faces):
    for name in ("openface", "dlib"):
        vectors = recognisers.load(name).embed(sample.pixels, sample_faces)
        again = recognisers.load(name).embed(sample.pixels.flip(3), [f.mirrored(sample.size[0]) for f in sample_faces])
        alike = vectors @ again.T
        assert alike.diagonal().min() > alike[0, 1] + 0.05, f"{name}: a mirrored face is still the same person"


def test_a_judge_that_cannot_be_had_is_skipped_with_the_reason(two, tmp_path, monkeypatch):
    """In a home without downloads, behind a closed port: facenet says what is missing, the others prove themselves."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first download
    recognisers.load.cache_clear()
    (tmp_path / "pairs.txt").write_text("2 1\nCollins 1 2\nCollins 1 Hopper 1\nHopper 1 2\nCollins 2 Hopper 2\n")
    proofs = protocol.proofs(two, tmp_path / "pairs.txt", tmp_path / "cache")
    assert list(proofs) == list(recognisers.NAMES) and proofs["dlib"]["accuracy"] == 1
    assert "could not be downloaded" in proofs["facenet"]["skipped"] and "accuracy" not in proofs["facenet"]


def test_a_judge_proves_itself_or_the_run_stops(two, tmp_path):
    """Collins against Hopper is easy; a judge that fails it is not set up right."""
    (tmp_path / "pairs.txt").write_text("2 1\nCollins 1 2\nCollins 1 Hopper 1\nHopper 1 2\nCollins 2 Hopper 2\n")
    proof = protocol.prove("dlib", two, tmp_path / "pairs.txt", tmp_path / "cache")
    assert proof["accuracy"] == 1 and proof["published"] == 0.9938
    (tmp_path / "pairs.txt").write_text("2 1\nCollins 1 2\nCollins 1 Hopper 1\nCollins 1 2\nHopper 1 2\n".replace(
        "Hopper 1 2", "Hopper 1 Hopper 2"))  # fmt: skip
    with pytest.raises(privacy.GateError, match="not set up right"):
        protocol.prove("dlib", two, tmp_path / "pairs.txt", tmp_path / "cache")
