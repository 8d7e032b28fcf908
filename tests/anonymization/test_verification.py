"""The check: who is recognised is drawn again, then hidden; it moves nothing but seeds and masks."""

import dataclasses
import json

import pytest
import torch

from deid.__main__ import main
from deid.anonymization import candidates, compositing, pipeline, synthesis, targets, verification
from deid.anonymization.draft import Draft
from deid.anonymization.manifest import manifest
from deid.anonymization.options import Options
from deid.photo import images, masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.recognition import recognisers
from deid.references.entries import entries_of, write_library
from deid.references.library import Library

ONEPASS = Options(method="onepass")


def finish(drawing):
    """Exhaust a drawing -> its draft and what it told on the way."""
    told = []
    while True:
        try:
            told.append(next(drawing))
        except StopIteration as done:
            return done.value, told


def first_similarities(sample, sample_faces, options=ONEPASS):
    """What the check finds at once, when it accepts everything."""
    result = pipeline.anonymize(sample, options, sample_faces, threshold=1)
    return [outcome.tries[0] for outcome in result.outcomes]


def just_under(similarities):
    """A threshold that the most alike of these exceeds, whatever the last bits of a drawing are."""
    return max(similarities) - 0.011


def test_a_face_that_is_not_recognised_is_left_as_it_was_drawn(sample, sample_faces):
    checked = pipeline.anonymize(sample, ONEPASS, sample_faces, threshold=1)
    unchecked = pipeline.anonymize(sample, ONEPASS, sample_faces, verify=False)
    assert torch.equal(checked.photo.pixels, unchecked.photo.pixels)
    for outcome in checked.outcomes:
        assert len(outcome.tries) == 1 and outcome.verdict == "not recognised"
        assert outcome.before > outcome.tries[0] + 0.1, "the original at half its size is itself"
    assert all(not outcome.similarity for outcome in unchecked.outcomes)


@pytest.mark.slow
def test_a_recognised_face_is_drawn_again(sample, sample_faces):
    """The threshold lies just under the more alike of the two drawings: that one changes, the other stays."""
    threshold = just_under(first_similarities(sample, sample_faces))
    once = pipeline.anonymize(sample, ONEPASS, sample_faces, verify=False)
    result = pipeline.anonymize(sample, ONEPASS, sample_faces, threshold=threshold)
    pairs = zip(result.targets, result.outcomes, strict=True)
    (again, changed), (left, same) = sorted(pairs, key=lambda pair: -len(pair[1].tries))
    assert len(changed.tries) > 1 and len(same.tries) == 1
    assert again.black or changed.tries[-1] <= threshold
    seeds = {target.face: target.seed for target in once.targets}
    assert again.seed != seeds[again.face] and left.seed == seeds[left.face]
    assert (again.truncation, left.truncation) == (1.0, ONEPASS.truncation), (
        "from the network's whole variety"
    )


@pytest.mark.slow
@pytest.mark.parametrize("mask", ["face", "centre-32"])
@pytest.mark.parametrize("jitter", [0.0, 0.1])
def test_the_result_follows_from_visible_pixels_and_the_manifest(sample, sample_faces, mask, jitter):
    """With noise under the mask, and what the manifest says of each face: the same photo."""
    options = dataclasses.replace(ONEPASS, mask=mask, jitter=jitter)
    threshold = just_under(first_similarities(sample, sample_faces, options))
    result = pipeline.anonymize(sample, options, sample_faces, threshold=threshold)
    assert sum(outcome.attempts for outcome in result.outcomes) > 0, "the check had a say"
    noise = torch.rand(sample.pixels.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    other = torch.where(result.hidden > 0.5, noise, sample.pixels)
    planned = []
    for known in json.loads(json.dumps(manifest(result, options)))["faces"]:
        face = Face(tuple(known["box"]), known["score"], tuple(map(tuple, known["landmarks"])))
        said = {name: known[name] for name in ("method", "mask", "truncation") if name in known}
        planned.append(
            targets.place(face, dataclasses.replace(options, **said), result.targets[0].frame, known["seed"])
        )
    planned.sort(key=lambda target: target.face.size)
    draft, _ = finish(synthesis.draw(Draft.of(other, planned), options))
    assert torch.equal(draft.scene.hidden, result.hidden)
    apart = images.to_uint8(draft.finished()).astype(int) - images.to_uint8(result.photo.pixels).astype(int)
    assert abs(apart).max() <= 1, "drawn in another batch, a value may round otherwise"
    inside = draft.scene.hidden.expand_as(sample.pixels) > 0.5
    assert (result.photo.pixels[inside] != 0).float().mean() > 0.99, "no grey is left"


def test_a_larger_mask_hides_all_that_the_smaller_one_did():
    for smaller, larger in verification.LARGER.items():
        little, much = (1 - masks.frame_mask(mask, DCGAN_FRAME.points(), 64) for mask in (smaller, larger))
        assert (much >= little).all() and much.sum() > little.sum()


@pytest.mark.slow
def test_a_gif_shows_no_drawing_that_was_rejected(sample, sample_faces):
    """Its frames begin anew after the last change: with other drawings before it, they are the same."""
    frames, options = (
        [],
        dataclasses.replace(ONEPASS, threshold=just_under(first_similarities(sample, sample_faces))),
    )
    for step in pipeline.steps(sample, options, sample_faces, preview_every=1):
        frames = [] if step.stage == "hidden" else frames
        frames += [step.preview] if step.preview is not None else []
    final = step.result
    assert any(outcome.attempts for outcome in final.outcomes)
    last_holes = compositing.hide(sample.pixels, final.targets).pixels
    assert torch.equal(frames[0], last_holes), "the first frame has the last holes"
    assert torch.equal(frames[-1], final.photo.pixels) and len(frames) == 3


@pytest.mark.slow
@pytest.mark.parametrize("options", [ONEPASS, Options(method="blur", strength=0.02)], ids=["onepass", "blur"])
def test_who_is_always_recognised_ends_black(sample, sample_faces, options):
    result = pipeline.anonymize(sample, options, sample_faces, threshold=-1)
    for target, outcome in zip(result.targets, result.outcomes, strict=True):
        assert (target.method, target.reason) == ("blackout", "still recognised")
        assert outcome.verdict == "hidden completely" and outcome.fill is None
        assert outcome.attempts == (verification.REDRAWN + 1 if options.draws else 1)
    assert (result.photo.pixels[result.hidden.expand_as(result.photo.pixels) > 0.5] == -1).all()
    larger = dataclasses.replace(options, mask="face-140" if options.draws else "face-120")
    assert torch.equal(
        result.hidden, compositing.hide(sample.pixels, pipeline.plan_targets(sample_faces, larger)).hidden
    )


def test_three_more_people_are_tried_before_the_hole_grows(sample_faces):
    options = Options(mask="inner")
    (target, *_), outcome, holes = pipeline.plan_targets(sample_faces, options), targets.Outcome(), []
    while not target.black:
        target, outcome = verification.change(target, outcome, options)
        holes.append(target.mask)
    assert holes == [*["inner"] * 3, "forehead", "face-120"] and outcome.verdict == "hidden completely"


def test_who_was_recognised_is_not_tried_again(sample_faces):
    (target, *_), outcome = pipeline.plan_targets(sample_faces, Options()), targets.Outcome()
    for name in ("set/one", "set/two"):
        shown = dataclasses.replace(target, reference=name)
        target, outcome = verification.change(shown, outcome, Options())
    assert target.avoid == ("set/one", "set/two")


def test_no_more_people_are_looked_at_than_it_needs(sample, sample_faces, library_path, monkeypatch):
    """The first who is not too alike is as good as any other one."""
    options = Options("reference", weights=str(library_path))
    looked, drawn_for = [], candidates.drawn_for
    monkeypatch.setattr(
        candidates, "drawn_for", lambda *given: (looked.append(one) or one for one in drawn_for(*given))
    )
    draft = Draft.of(sample.pixels, pipeline.plan_targets(sample_faces, options))
    originals, _ = verification.embed_originals(sample.pixels, draft.targets, draft.outcomes, options)
    chosen = verification.choose(draft, 0, dataclasses.replace(originals, threshold=2.0), options)
    assert len(looked) == 1 and chosen.targets[0].reference == looked[0].target.reference
    looked.clear()
    verification.choose(draft, 0, dataclasses.replace(originals, threshold=-2.0), options)
    assert len(looked) == verification.CANDIDATES


def test_a_look_at_some_faces_leaves_the_others_as_they_were(sample, sample_faces):
    planned = pipeline.plan_targets(sample_faces, ONEPASS)
    outcomes = [targets.Outcome() for _ in planned]
    originals, outcomes = verification.embed_originals(sample.pixels, planned, outcomes, ONEPASS)
    looked, known = verification.check(sample.pixels, planned, outcomes, originals, {1})
    assert known == [1] and looked[0] is outcomes[0] and looked[1].tries[-1] > 0.9
    assert verification.check(sample.pixels, planned, outcomes, originals)[1] == [0, 1]


def test_a_weak_blur_is_recognised(sample, sample_faces):
    result = pipeline.anonymize(sample, Options(method="blur", strength=0.02), sample_faces)
    assert all(target.reason == "still recognised" for target in result.targets)


def test_the_manifest_says_who_checked_and_what_was_found(sample_path, tmp_path):
    assert main([str(sample_path), "-o", str(tmp_path / "on"), "--method", "onepass"]) == 0
    assert main([str(sample_path), "-o", str(tmp_path / "off"), "--method", "onepass", "--no-verify"]) == 0
    on, off = (json.loads((tmp_path / name / "sample.jpg.json").read_text()) for name in ("on", "off"))
    assert on["verification"]["recogniser"] == "openface" and 0 < on["verification"]["threshold"] < 1
    assert {"before", "tries", "after", "verdict"} == set(on["faces"][0]["similarity"])
    assert (
        off["verification"] == "off" and "similarity" not in off["faces"][0] and not off["options"]["verify"]
    )


def test_a_recogniser_that_is_not_there_stops_before_any_photo(sample_path, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("deid.recognition.recognisers.importlib.util.find_spec", lambda name: None)
    recognisers.load.cache_clear()
    assert (
        main([str(sample_path), "-o", str(tmp_path / "out"), "--method", "blur", "--recogniser", "dlib"]) == 2
    )
    assert "pip install dlib-bin" in capsys.readouterr().err and not (tmp_path / "out").exists()
    recognisers.load.cache_clear()


@pytest.fixture
def couple_path(library_path, tmp_path):
    """A library of two people, who soon have to make third ones."""
    chosen = [entry for entry in entries_of(Library.open(library_path)) if entry.identity in ("P001", "P003")]
    return write_library(tmp_path / "couple.safetensors", chosen)


def test_references_and_pairs_are_repeated_from_the_manifest_too(sample, sample_faces, couple_path):
    """With noise under the mask, and what the manifest says of each face: the same photo."""
    options = Options("reference", weights=str(couple_path), seed=3)  # shows a pair
    threshold = just_under(first_similarities(sample, sample_faces, options))
    result = pipeline.anonymize(sample, options, sample_faces, threshold=threshold)
    assert sum(outcome.attempts for outcome in result.outcomes) > 0, "the check had a say"
    scene = compositing.hide(sample.pixels, result.targets)
    whole = compositing.blend(scene, result.targets, [outcome.fill for outcome in result.outcomes])
    assert torch.equal(whole, result.photo.pixels), "changed faces alone were composed anew"
    noise = torch.rand(sample.pixels.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    other, planned = torch.where(result.hidden > 0.5, noise, sample.pixels), []
    method = options.load_method()
    for known in manifest(result, options)["faces"]:
        face = Face(tuple(known["box"]), known["score"], tuple(map(tuple, known["landmarks"])))
        said = {name: known[name] for name in ("method", "mask") if name in known}
        target = targets.place(
            face, dataclasses.replace(options, **said), method.frame_for(face), known["seed"]
        )
        planned.append(dataclasses.replace(target, reference=known.get("reference", "")))
    planned.sort(key=lambda target: target.face.size)
    assert any("+" in target.reference for target in planned), "a pair was shown"
    draft, _ = finish(synthesis.draw(Draft.of(other, planned), options))
    apart = images.to_uint8(draft.finished()).astype(int) - images.to_uint8(result.photo.pixels).astype(int)
    assert torch.equal(draft.scene.hidden, result.hidden) and abs(apart).max() <= 1
