"""A whole photo: what is hidden never reaches the output, what is not hidden stays, and doubt hides more."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

import deid
from deid import inpainting
from deid.anonymization import compositing, pipeline
from deid.anonymization.manifest import manifest
from deid.anonymization.options import Options
from deid.photo import alignment, detection, images, turning
from deid.photo.faces import Face
from deid.photo.masks import MASKS

short_searches = pytest.mark.usefixtures("accept_short_searches")


@short_searches
@pytest.mark.parametrize("mask", MASKS)
def test_hidden_pixels_never_reach_the_output(sample, sample_faces, mask, drawn, noisy):
    """The property everything rests on: noise in place of every hidden pixel gives the same bytes."""
    options = dataclasses.replace(drawn, mask=mask)
    first = pipeline.anonymize(sample, options, sample_faces)
    second = pipeline.anonymize(noisy(sample, first.hidden), options, sample_faces)
    assert first.hidden.sum() > 20_000
    assert all(target.method == drawn.method for target in first.targets)
    assert images.to_uint8(first.photo.pixels).tobytes() == images.to_uint8(second.photo.pixels).tobytes()


@short_searches
def test_hidden_pixels_of_overlapping_and_border_faces_never_reach_the_output(
    sample, sample_faces, drawn, noisy
):
    """A face is also hidden from its neighbour's crop, and where it leaves the photo."""
    left = sample_faces[0]
    found = [left, left.moved(70, 40), left.moved(-170, 20), left.moved(60, -130)]
    first = pipeline.anonymize(sample, drawn, found)
    second = pipeline.anonymize(noisy(sample, first.hidden), drawn, found)
    assert torch.equal(first.photo.pixels, second.photo.pixels)


@pytest.mark.slow
@short_searches
def test_previews_never_show_a_hidden_pixel(sample, sample_faces, drawn, noisy):
    """The GIF is a door, too: its frames are made of what is visible."""
    hidden = compositing.hide(sample.pixels, pipeline.plan_targets(sample_faces, drawn)).hidden
    runs = [[step.preview for step in pipeline.steps(photo, drawn, sample_faces, preview_every=1)
             if step.preview is not None] for photo in (sample, noisy(sample, hidden))]  # fmt: skip
    assert len(runs[0]) >= 4
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@short_searches
def test_pixels_outside_the_faces_stay(sample, sample_faces, drawn):
    result = pipeline.anonymize(sample, drawn, sample_faces)
    reach = 2 * 4 * round(max(alignment.scale(t.matrix) for t in result.targets)) + 1
    rows = F.max_pool2d(result.hidden, (reach, 1), 1, (reach // 2, 0))
    around = F.max_pool2d(rows, (1, reach), 1, (0, reach // 2))
    changed = (result.photo.pixels != sample.pixels).any(1, keepdim=True)
    scene = compositing.hide(sample.pixels, result.targets)
    painted = ((scene.pixels != sample.pixels) & (scene.hidden < 0.5)).any(1, keepdim=True)
    assert not changed[(around < 0.5) & ~painted].any(), "only arms of glasses go"
    assert painted.float().mean() < 0.002
    assert changed[result.hidden > 0.5].float().mean() > 0.98


@pytest.mark.slow
@short_searches
def test_same_seed_same_bytes_other_seed_other_face(sample, sample_faces, drawn):
    first, again = (pipeline.anonymize(sample, drawn, sample_faces) for _ in range(2))
    others = [
        pipeline.anonymize(sample, dataclasses.replace(drawn, seed=seed), sample_faces) for seed in (1, 2, 3)
    ]
    assert torch.equal(first.photo.pixels, again.photo.pixels)
    assert not all(torch.equal(first.photo.pixels, other.photo.pixels) for other in others)
    assert first.targets[0].seed != first.targets[1].seed, "two faces of a photo are two people"


@pytest.mark.slow
@pytest.mark.parametrize("method", [name for name, entry in inpainting.METHODS.items() if entry.weights])
def test_every_method_that_draws_has_a_network_that_ships(sample, sample_faces, method):
    """Without the check: whether a face passes it hangs on the last bits of a search."""
    options = Options(method=method, starts=8, iterations=40, verify=False)
    result = pipeline.anonymize(sample, options, sample_faces)
    assert [target.method for target in result.targets] == [method, method]
    assert len(pipeline.find_faces(result.photo, options)) == 2, "what was drawn is a face to the detector"
    files = [path.name for path in options.load_method().files]
    assert list(manifest(result, options)["weights_sha256"]) == files, "the files that were used"
    assert files[0] == f"{inpainting.METHODS[method].weights}.safetensors"


def test_weights_of_another_family_are_refused_before_any_photo():
    with pytest.raises(ValueError, match="dcgan-64: a dcgan network; use --method dcgan with it"):
        pipeline.check_options(Options(method="stylegan2", weights="dcgan-64"))


@pytest.fixture(scope="module")
def between(sample, sample_faces) -> tuple[Options, list[Face]]:
    """Options whose least score one of two real detections misses; the two, the surer one first."""
    options = Options(method="blur", detector="mtcnn", verify=False)
    sure, weak = sorted(pipeline.find_faces(sample, options), key=lambda face: -face.score)
    return dataclasses.replace(options, min_score=(weak.score + sure.score) / 2), [sure, weak]


def test_a_doubtful_face_is_blacked_out_unasked_and_said(sample, between):
    options, (sure, weak) = between
    result = pipeline.anonymize(sample, options)
    became = {target.face: (target.method, target.reason) for target in result.targets}
    assert became == {sure: ("blur", ""), weak: ("blackout", "doubtful")} and result.doubtful == []
    x, y = weak.landmarks[2]
    assert (result.photo.pixels[0, :, round(y), round(x)] == -1).all()
    reasons = [face.get("reason") for face in manifest(result, options)["faces"]]
    assert sorted(reasons, key=str) == [None, "doubtful"]


def test_a_doubtful_face_is_replaced_where_asked(sample, between):
    options, faces = between
    result = pipeline.anonymize(sample, options, doubtful="replace")
    assert {t.face: t.method for t in result.targets} == dict.fromkeys(faces, "blur")


def test_a_doubtful_face_that_stays_visible_is_reported_not_forgotten(sample, between):
    options, (sure, weak) = between
    left = dataclasses.replace(options, doubtful="keep")
    result = pipeline.anonymize(sample, left)
    assert [target.face for target in result.targets] == [sure] and result.doubtful == [weak]
    (listed,) = manifest(result, left)["doubtful_faces_left_visible"]
    assert listed["box"] == [round(value, 2) for value in weak.box] and listed["found_by"] == ["mtcnn"]
    none = pipeline.anonymize(sample, left, min_score=1.0)
    assert none.status == "no face found" and none.doubtful == sorted(
        [weak, sure], key=lambda face: -face.size
    )


def test_a_manifest_repeats_who_was_doubtful(sample, between):
    """Faces given by hand with their scores: the same become black."""
    options, faces = between
    result = pipeline.anonymize(sample, options)
    records = manifest(result, options)["faces"]
    given = [Face(tuple(r["box"]), r["score"], tuple(map(tuple, r["landmarks"]))) for r in records]
    again = pipeline.anonymize(sample, options, given)
    assert [t.reason for t in again.targets] == [t.reason for t in result.targets]


def test_a_face_on_its_head_is_replaced_on_its_head(sample, quick):
    """Turned back, the result is that of the upright photo, but for what the detector sees otherwise."""
    options = dataclasses.replace(quick["onepass"], verify=False)
    turned = dataclasses.replace(sample, pixels=turning.turned(sample.pixels, 2).contiguous())
    upright, lying = (pipeline.anonymize(photo, options) for photo in (sample, turned))
    assert len(lying.targets) == 2
    assert ((upright.hidden - lying.hidden.flip(2, 3)).abs().sum() / upright.hidden.sum()).item() < 0.25
    for target in lying.targets:
        assert target.matrix[0, 0] < 0 and target.matrix[1, 1] < 0, "the frame stands on its head"
        for x, y in target.face.landmarks[:3]:
            assert lying.hidden[0, 0, round(y), round(x)] == 1
    assert {face.by for face in pipeline.find_faces(lying.photo, options)} <= {
        ("mtcnn", "centerface"),
        ("centerface",),
    }


def test_small_faces_are_blacked_out_and_said(sample, sample_faces, quick):
    small = min(sample_faces, key=lambda face: face.size)
    options = dataclasses.replace(quick["onepass"], min_size=small.size + 0.5)
    result = pipeline.anonymize(sample, options, sample_faces)
    blacked = next(target for target in result.targets if target.face == small)
    x, y = small.landmarks[2]
    assert (blacked.method, blacked.reason) == ("blackout", f"smaller than {small.size + 0.5:g} px")
    assert (result.photo.pixels[0, :, round(y), round(x)] == -1).all()
    assert manifest(result, options)["faces"][-1]["reason"].startswith("smaller")


def test_a_search_that_fails_hides_the_face(sample, sample_faces, monkeypatch, quick):
    monkeypatch.setattr("deid.anonymization.synthesis.MAX_CONTEXTUAL", 0.0)
    result = pipeline.anonymize(sample, quick["dcgan"], sample_faces)
    assert {target.method for target in result.targets} == {"blackout"}
    inside = result.hidden.expand_as(result.photo.pixels) > 0.5
    assert (result.photo.pixels[inside] == -1).all()


@pytest.mark.usefixtures("own_library")
def test_a_face_that_no_person_fits_is_black_with_its_jaw_and_chin(sample, sample_faces, monkeypatch):
    monkeypatch.setattr("deid.anonymization.synthesis.MAX_CONTEXTUAL", 0.0)
    result = pipeline.anonymize(sample, Options("reference", mask="inner", verify=False), sample_faces)
    whole = pipeline.plan_targets(sample_faces, Options("blackout", mask="forehead"))
    assert {target.mask for target in result.targets} == {"forehead"}
    hidden = compositing.hide(sample.pixels, whole).hidden
    assert (result.hidden >= hidden).all()
    assert (result.photo.pixels[hidden.expand(-1, 3, -1, -1) > 0] == -1).all()


@pytest.mark.parametrize("method", ["blur", "pixelate", "blackout"])
def test_classical_methods_change_only_the_faces(sample, sample_faces, method):
    result = pipeline.anonymize(sample, Options(method=method, verify=False), sample_faces)
    changed = (result.photo.pixels != sample.pixels).any(1, keepdim=True)
    assert not changed[result.hidden < 0.5].any()
    assert changed[result.hidden > 0.5].float().mean() > 0.9


def test_a_cameras_photo_is_searched_for_faces_from_24_px():
    large = images.Photo(torch.zeros(1, 3, 2100, 2000))
    assert pipeline.smallest_searched(large, Options()) == 24
    assert (
        pipeline.smallest_searched(images.Photo(torch.zeros(1, 3, 80, 120)), Options()) == Options().smallest
    )


def test_options_can_be_given_by_name_from_python(sample, sample_faces, sample_path):
    result = deid.anonymize(sample, found=sample_faces, method="blackout")
    assert {target.method for target in result.targets} == {"blackout"}
    assert len(deid.anonymize(str(sample_path), method="blackout").targets) == 2, "a path does, too"
    with pytest.raises(ValueError, match="method must be"):
        deid.anonymize(sample, method="magic")


def test_no_face_is_its_own_status(quick):
    empty = images.Photo(torch.zeros(1, 3, 80, 120))
    result = pipeline.anonymize(empty, quick["onepass"])
    assert result.status == "no face found" and result.targets == [] and result.outcomes == []
    assert torch.equal(result.photo.pixels, empty.pixels)


def test_targets_and_outcomes_belong_together(sample, sample_faces, quick):
    """By position, and neither is written to: a second run leaves the first one's as they were."""
    result = pipeline.anonymize(sample, quick["onepass"], sample_faces)
    assert len(result.targets) == len(result.outcomes) == 2
    for target, outcome in zip(result.targets, result.outcomes, strict=True):
        assert outcome.fill is not None and outcome.fill.shape[2] == target.frame.size
        with pytest.raises(dataclasses.FrozenInstanceError):
            target.method = "blackout"
        with pytest.raises(dataclasses.FrozenInstanceError):
            outcome.seconds = 0.0


@pytest.mark.slow
def test_groups_every_certain_face_is_hidden(shared_data, quick):
    """On real group photos: every face found at 0.9 and 24 px is replaced or blacked out."""
    for name in ("2008_001322.jpg", "2007_007763.jpg"):
        photo = images.load(shared_data / "groups" / name)
        result = pipeline.anonymize(photo, quick["onepass"])
        for face in detection.detect(photo.pixels, 0.9, 24)[0]:
            for x, y in face.landmarks:
                assert result.hidden[0, 0, round(y), round(x)] == 1
