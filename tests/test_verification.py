"""The check of results: who is recognised is drawn again, then hidden; and it moves nothing but seeds and masks."""

import dataclasses
import json

import pytest
import torch

from deid import anonymizer, faces, holes, images, masks, recognisers, verification
from deid.__main__ import main
from deid.anonymizer import Options
from deid.drawing import Drawing
from deid.faces import DCGAN_FRAME

ONEPASS = Options(method="onepass")


@pytest.fixture(scope="module")
def first_similarities(sample, sample_faces):
    """What the check finds at once, when it accepts everything."""
    result = anonymizer.anonymize(sample, ONEPASS, sample_faces, threshold=1)
    return [target.similarity["tries"][0] for target in result.targets]


def test_a_face_nobody_recognises_is_left_as_it_was_drawn(sample, sample_faces):
    checked = anonymizer.anonymize(sample, ONEPASS, sample_faces, threshold=1)
    unchecked = anonymizer.anonymize(sample, ONEPASS, sample_faces, verify=False)
    assert torch.equal(checked.photo.pixels, unchecked.photo.pixels)
    for target in checked.targets:
        assert len(target.similarity["tries"]) == 1 and target.similarity["verdict"] == "not recognised"
        assert target.similarity["before"] > target.similarity["after"] + 0.1, "the original at half its size is itself"
    assert all(not target.similarity for target in unchecked.targets)


def test_a_recognised_face_is_drawn_again(sample, sample_faces, first_similarities):
    """The threshold lies just under the more alike of the two first drawings: it must change, the other must not."""
    threshold = max(first_similarities) - 0.011
    once = anonymizer.anonymize(sample, ONEPASS, sample_faces, verify=False)
    result = anonymizer.anonymize(sample, ONEPASS, sample_faces, threshold=threshold)
    again, kept = sorted(result.targets, key=lambda target: -len(target.similarity["tries"]))
    assert len(again.similarity["tries"]) > 1 and len(kept.similarity["tries"]) == 1
    assert again.method == "blackout" or again.similarity["tries"][-1] <= threshold
    seeds = {target.face: target.seed for target in once.targets}
    assert again.seed != seeds[again.face] and kept.seed == seeds[kept.face]
    assert (again.truncation, kept.truncation) == (1.0, ONEPASS.truncation), "from the network's whole variety"


@pytest.mark.parametrize("mask", ["face", "centre-32"])
@pytest.mark.parametrize("jitter", [0.0, 0.1])
def test_the_result_follows_from_visible_pixels_and_the_manifest(sample, sample_faces, mask, jitter):
    """With noise under the mask, and what the manifest says of each face: the same photo."""
    options = dataclasses.replace(ONEPASS, mask=mask, jitter=jitter)
    result = anonymizer.anonymize(sample, options, sample_faces, threshold=0.1)
    assert sum(target.attempts for target in result.targets) > 0, "the check had a say"
    noise = torch.rand(sample.pixels.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    other = torch.where(result.hidden > 0.5, noise, sample.pixels)
    frame, targets = result.targets[0].frame, []
    for known in json.loads(json.dumps(anonymizer.manifest(result, options)))["faces"]:
        face = faces.Face(tuple(known["box"]), known["score"], tuple(map(tuple, known["landmarks"])))
        targets.append(holes.aim(face, frame, known["method"], known["mask"], known["seed"], jitter,
                                 known.get("truncation", 1.0)))  # fmt: skip
    targets.sort(key=lambda target: target.face.size)
    work = Drawing(*holes.hide(other, targets), targets, options, "cpu")
    for _ in work.draw():
        pass
    assert torch.equal(work.hidden, result.hidden)
    apart = images.to_uint8(work.finished()).astype(int) - images.to_uint8(result.photo.pixels).astype(int)
    assert abs(apart).max() <= 1, "drawn in another batch, a value may round otherwise"
    assert (result.photo.pixels[work.hidden.expand_as(sample.pixels) > 0.5] != 0).float().mean() > 0.99, (
        "no grey is left"
    )


def test_a_larger_mask_hides_all_that_the_smaller_one_did():
    for smaller, larger in verification.LARGER.items():
        little, much = (1 - masks.frame_mask(mask, DCGAN_FRAME.points(), 64) for mask in (smaller, larger))
        assert (much >= little).all() and much.sum() > little.sum()


def test_a_gif_shows_no_drawing_that_was_rejected(sample, sample_faces):
    """Its frames begin anew after the last change: with other drawings before it, they are the same."""
    frames, accepted = [], []
    for step in anonymizer.steps(sample, dataclasses.replace(ONEPASS, threshold=0.1), sample_faces, preview_every=1):
        frames = [] if step.stage == "hidden" else frames
        frames += [step.preview] if step.preview is not None else []
    final = step.result
    assert any(target.attempts for target in final.targets)
    assert torch.equal(frames[0], holes.hide(sample.pixels, final.targets)[0]), "the first frame has the last holes"
    accepted = frames[-1]
    assert torch.equal(accepted, final.photo.pixels) and len(frames) == 3


@pytest.mark.parametrize("options", [ONEPASS, Options(method="blur", strength=0.02)], ids=["onepass", "blur"])
def test_who_is_always_recognised_ends_black(sample, sample_faces, options):
    result = anonymizer.anonymize(sample, options, sample_faces, threshold=-1)
    for target in result.targets:
        assert (target.method, target.reason) == ("blackout", "still recognised")
        assert target.similarity["verdict"] == "hidden completely"
        assert target.attempts == (verification.REDRAWN + 1 if options.draws else 1)
    assert (result.photo.pixels[result.hidden.expand_as(result.photo.pixels) > 0.5] == -1).all()
    larger = dataclasses.replace(options, mask="face-140" if options.draws else "face-120")
    assert torch.equal(result.hidden, holes.hide(sample.pixels, anonymizer.plan(sample_faces, larger))[1])


def test_black_lies_over_a_neighbours_mosaic(sample, sample_faces):
    """Two overlapping faces: the smaller one's black is not uncovered by the larger one's pixels."""
    left = sample_faces[0]
    small = faces.Face((*left.box[:2], left.box[0] + 60, left.box[1] + 60), 1.0, left.landmarks)
    targets = anonymizer.plan([small, left], Options(method="pixelate"))
    verification.hide(targets[0], "a test")
    pixels, _ = anonymizer.obscure(sample.pixels, targets)
    (x1, y1, x2, y2), inside = holes.hidden_by(targets[0], sample.size)
    assert (pixels[:, :, y1:y2, x1:x2][inside.expand(-1, 3, -1, -1) > 0.5] == -1).all()


def test_a_weak_blur_is_recognised(sample, sample_faces):
    result = anonymizer.anonymize(sample, Options(method="blur", strength=0.02), sample_faces)
    assert all(target.reason == "still recognised" for target in result.targets)


def test_the_manifest_says_who_checked_and_what_was_found(sample_path, tmp_path):
    assert main([str(sample_path), "-o", str(tmp_path / "on"), "--method", "onepass"]) == 0
    assert main([str(sample_path), "-o", str(tmp_path / "off"), "--method", "onepass", "--no-verify"]) == 0
    on, off = (json.loads((tmp_path / name / "sample.jpg.json").read_text()) for name in ("on", "off"))
    assert on["verification"]["recogniser"] == "openface" and 0 < on["verification"]["threshold"] < 1
    assert {"before", "tries", "after", "verdict"} == set(on["faces"][0]["similarity"])
    assert off["verification"] == "off" and "similarity" not in off["faces"][0] and not off["options"]["verify"]


def test_a_recogniser_that_is_not_there_stops_before_any_photo(sample_path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("deid.recognisers.importlib.util.find_spec", lambda name: None)
    recognisers.load.cache_clear()
    assert main([str(sample_path), "-o", str(tmp_path / "out"), "--recogniser", "dlib", "--threshold", "0.9"]) == 2
    assert "pip install dlib-bin" in capsys.readouterr().err and not (tmp_path / "out").exists()
    recognisers.load.cache_clear()
