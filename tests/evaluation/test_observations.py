"""Photos anonymized and looked at with the real recogniser, on the two people of the sample photo."""

import pytest
import torch

from deid.anonymization.options import Options
from deid.evaluation import attacks, observations, utility
from deid.generators.weights import files
from deid.photo.images import Photo

pytest.importorskip("dlib")
BLACK = Options(method="blackout", verify=False)


def test_people_are_the_same_for_a_seed_and_can_be_listed(two_people):
    chosen = observations.people(two_people, 2)
    assert [person.name for person in chosen] == ["Collins", "Hopper"]
    assert (chosen[0].gallery.name, chosen[0].probe.name) == ("Collins_0001.jpg", "Collins_0002.jpg")
    assert observations.people(two_people, names=["Hopper"]) == chosen[1:]
    with pytest.raises(ValueError, match="2 people with two photos, 3 were asked for"):
        observations.people(two_people, 3)
    with pytest.raises(ValueError, match="Stranger and 0 more"):
        observations.people(two_people, names=["Stranger"])


def test_originals_are_recognised_and_black_faces_are_not(two_people, tmp_path):
    chosen = observations.people(two_people, 2)
    gallery = observations.observe([person.gallery for person in chosen], None, tmp_path)
    probes = observations.observe([person.probe for person in chosen], None, tmp_path)
    found = attacks.fixed(probes.vectors, gallery.vectors)
    assert found["rank-1"][0] == 1 and found["area under curve"] == 1 and probes.detected.all()
    covered = observations.observe([person.probe for person in chosen], BLACK, tmp_path)
    hidden = attacks.fixed(covered.vectors, gallery.vectors)
    assert not covered.detected.any() and covered.after.isnan().all()
    own = "similarity to the own original"
    assert hidden[own][0] < found[own][0] - 0.05
    assert utility.landmark_error(probes).max() == 0 and len(utility.landmark_error(covered)) == 0


def test_observations_are_stored_and_belong_to_their_settings(two_people, tmp_path, monkeypatch):
    paths = [person.probe for person in observations.people(two_people, 2)]
    first = observations.observe(paths, BLACK, tmp_path)
    stored = sorted(tmp_path.iterdir())
    monkeypatch.setattr(observations.images, "load", lambda path: pytest.fail("looked at twice"))
    assert torch.equal(observations.observe(paths, BLACK, tmp_path).vectors, first.vectors)
    monkeypatch.undo()
    pixels = observations.observe(paths, Options(method="pixelate", strength=4, verify=False), tmp_path)
    assert len(sorted(tmp_path.iterdir())) == len(stored) + 1, "another method, another file"
    observations.observe(paths, BLACK, tmp_path, seed=5)
    observations.observe(paths[:1], BLACK, tmp_path)
    assert len(sorted(tmp_path.iterdir())) == len(stored) + 3, "another seed, other photos: other files"
    assert not torch.equal(pixels.vectors, first.vectors)


def test_other_weights_in_the_same_file_are_looked_at_anew(two_people, tmp_path):
    paths = [person.probe for person in observations.people(two_people, 1)]
    bundled, weights = Options(method="onepass").load_method().files[0], tmp_path / "own.safetensors"
    tensors, facts = files.read(bundled)
    for changed in (facts, facts | {"note": "another file"}):
        files.write(weights, tensors, changed)
        options = Options(method="onepass", weights=str(weights), verify=False)
        observations.observe(paths, options, tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_where_no_face_is_found_one_is_put_in_the_middle():
    (face,) = observations.locate_faces(Photo(torch.zeros(1, 3, 100, 120)))
    assert face.points().mean(0).tolist() == pytest.approx([60, 50], abs=6)


def test_rows_of_observations_are_chosen_together(two_people, tmp_path):
    paths = [person.gallery for person in observations.people(two_people, 2)]
    both = observations.observe(paths, None, tmp_path)
    second = both[torch.tensor([1])]
    assert torch.equal(second.vectors, both.vectors[1:]) and torch.equal(second.before, both.before[1:])
    assert second.pixels.shape == (1, 3, 64, 64) and second.pixels.abs().max() <= 1
