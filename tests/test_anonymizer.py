"""A whole photo: what is hidden never reaches the output, what is not hidden stays, and doubt hides more."""

import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from deid import anonymizer, faces, holes, images
from deid.anonymizer import BUNDLED, Options
from deid.faces import Face
from deid.masks import MASKS

# Without the check: it compares with the original, and has tests of its own (test_verification.py).
QUICK = Options(method="dcgan", starts=2, iterations=3, verify=False)
# A StyleGAN2 in NVIDIA's layout with random weights of 32 px: no faces, but the whole way through FFHQ's frame.
GOLDEN = str(Path(__file__).parent / "golden" / "generator.pkl")
STYLE = Options(method="stylegan2", weights=GOLDEN, starts=2, iterations=3, verify=False)
ONEPASS = Options(method="onepass", verify=False)
drawing = pytest.mark.parametrize("drawn", [QUICK, STYLE, ONEPASS], ids=lambda options: options.method)


@pytest.fixture(autouse=True)
def accept_a_short_search(monkeypatch):
    """A search of three iterations fits badly; these tests are about where its pixels come from."""
    monkeypatch.setattr("deid.drawing.MAX_CONTEXTUAL", 9.0)


def noisy(photo, hidden, seed=5):
    """The photo with other pixels where ``hidden`` is."""
    noise = torch.rand(photo.pixels.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return dataclasses.replace(photo, pixels=torch.where(hidden > 0.5, noise, photo.pixels))


@drawing
@pytest.mark.parametrize("mask", MASKS)
def test_hidden_pixels_never_reach_the_output(sample, sample_faces, mask, drawn):
    """The property everything rests on: noise in place of every hidden pixel gives the same bytes."""
    options = dataclasses.replace(drawn, mask=mask)
    first = anonymizer.anonymize(sample, options, sample_faces)
    second = anonymizer.anonymize(noisy(sample, first.hidden), options, sample_faces)
    assert first.hidden.sum() > 20_000
    assert all(target.method == drawn.method for target in first.targets)
    assert images.to_uint8(first.photo.pixels).tobytes() == images.to_uint8(second.photo.pixels).tobytes()


@drawing
def test_hidden_pixels_of_overlapping_and_border_faces_never_reach_the_output(sample, sample_faces, drawn):
    """A face is also hidden from its neighbour's crop, and where it leaves the photo."""
    left = sample_faces[0]
    found = [left, left.moved(70, 40), left.moved(-170, 20), left.moved(60, -130)]
    first = anonymizer.anonymize(sample, drawn, found)
    second = anonymizer.anonymize(noisy(sample, first.hidden), drawn, found)
    assert torch.equal(first.photo.pixels, second.photo.pixels)


@drawing
def test_previews_never_show_a_hidden_pixel(sample, sample_faces, drawn):
    """The GIF is a door, too: its frames are made of what is visible."""
    hidden = anonymizer.hide(sample.pixels, anonymizer.plan(sample_faces, drawn))[1]
    runs = [[step.preview for step in anonymizer.steps(photo, drawn, sample_faces, preview_every=1)
             if step.preview is not None] for photo in (sample, noisy(sample, hidden))]  # fmt: skip
    assert len(runs[0]) >= 4
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@drawing
def test_pixels_outside_the_faces_stay(sample, sample_faces, drawn):
    result = anonymizer.anonymize(sample, drawn, sample_faces)
    reach = 2 * 4 * round(max(faces.scale(t.matrix) for t in result.targets)) + 1
    around = F.max_pool2d(result.hidden, reach, 1, reach // 2)
    changed = (result.photo.pixels != sample.pixels).any(1, keepdim=True)
    assert not changed[around < 0.5].any()
    assert changed[result.hidden > 0.5].float().mean() > 0.98


def test_every_pixel_of_the_outline_is_hidden_at_photo_resolution(sample, sample_faces):
    pixels, hidden = anonymizer.hide(sample.pixels, anonymizer.plan(sample_faces, QUICK))
    assert (pixels[hidden.expand_as(pixels) > 0.5] == 0).all()
    for face in sample_faces:
        for x, y in face.landmarks:
            assert hidden[0, 0, round(y), round(x)] == 1


@drawing
def test_same_seed_same_bytes_other_seed_other_face(sample, sample_faces, drawn):
    first, again = (anonymizer.anonymize(sample, drawn, sample_faces) for _ in range(2))
    other = anonymizer.anonymize(sample, dataclasses.replace(drawn, seed=1), sample_faces)
    assert torch.equal(first.photo.pixels, again.photo.pixels)
    assert not torch.equal(first.photo.pixels, other.photo.pixels)
    assert first.targets[0].seed != first.targets[1].seed, "two faces of a photo are two people"


def test_each_network_gets_the_frame_it_knows(sample, sample_faces):
    style, dcgan = (anonymizer.plan(sample_faces, options)[0] for options in (STYLE, QUICK))
    assert (style.frame.size, dcgan.frame.size) == (32, 64)
    assert style.frame.template == faces.FFHQ_FRAME.template
    eyes = [(target.landmarks[1] - target.landmarks[0]).norm() / target.frame.size for target in (style, dcgan)]
    assert eyes[0] == pytest.approx(0.25, abs=0.03) and eyes[1] == pytest.approx(0.28, abs=0.03)


def test_every_method_that_draws_has_a_network_that_ships(sample, sample_faces):
    for method in holes.DRAWN:
        result = anonymizer.anonymize(sample, Options(method=method, starts=8, iterations=20), sample_faces)
        assert [target.method for target in result.targets] == [method, method]
        assert len(anonymizer.find_faces(result.photo, QUICK)) == 2, "what was drawn is a face to the detector"
        name, hashes = BUNDLED[method], anonymizer.manifest(result, Options(method=method))["weights_sha256"]
        judge = [f"{name}-discriminator.safetensors"] if method in holes.SEARCHED else []
        assert list(hashes) == [f"{name}.safetensors", *judge], "the files that were used"


def test_weights_of_another_family_are_refused_before_any_photo():
    with pytest.raises(ValueError, match="dcgan-64: a dcgan network; use --method dcgan with it"):
        anonymizer.check(Options(method="stylegan2", weights="dcgan-64"))


def test_faces_under_the_least_score_are_reported_not_forgotten(sample):
    """What is left visible must be known: here a least score that the weaker of two real detections misses."""
    weak, sure = sorted(anonymizer.find_faces(sample, QUICK), key=lambda face: face.score)
    least = (weak.score + sure.score) / 2
    result = anonymizer.anonymize(sample, dataclasses.replace(QUICK, min_score=least))
    assert [target.face for target in result.targets] == [sure] and result.doubtful == [weak]
    (listed,) = anonymizer.manifest(result, QUICK)["doubtful_faces_left_visible"]
    assert listed["box"] == [round(value, 2) for value in weak.box]
    nobody = anonymizer.anonymize(sample, dataclasses.replace(QUICK, min_score=1.0))
    assert nobody.status == "no face found" and nobody.doubtful == sorted([weak, sure], key=lambda face: -face.size)


def test_a_doubtful_face_under_a_hole_is_no_doubt(sample, sample_faces):
    hidden = anonymizer.hide(sample.pixels, anonymizer.plan(sample_faces, QUICK))[1]
    assert holes.covered(sample_faces[0].moved(5, -5), hidden)
    assert not holes.covered(sample_faces[0].moved(60, 0), hidden)
    assert not holes.covered(sample_faces[0], torch.zeros_like(hidden))


def test_small_faces_are_blacked_out_and_said(sample, sample_faces):
    small = min(sample_faces, key=lambda face: face.size)
    options = dataclasses.replace(QUICK, min_size=small.size + 0.5)
    result = anonymizer.anonymize(sample, options, sample_faces)
    blacked = next(target for target in result.targets if target.face == small)
    x, y = small.landmarks[2]
    assert (blacked.method, blacked.reason) == ("blackout", f"smaller than {small.size + 0.5:g} px")
    assert (result.photo.pixels[0, :, round(y), round(x)] == -1).all()
    assert anonymizer.manifest(result, options)["faces"][-1]["reason"].startswith("smaller")


def test_a_search_that_fails_hides_the_face(sample, sample_faces, monkeypatch):
    monkeypatch.setattr("deid.drawing.MAX_CONTEXTUAL", 0.0)
    result = anonymizer.anonymize(sample, QUICK, sample_faces)
    assert {target.method for target in result.targets} == {"blackout"}
    inside = result.hidden.expand_as(result.photo.pixels) > 0.5
    assert (result.photo.pixels[inside] == -1).all()


def test_near_faces_are_drawn_over_far_ones(sample, sample_faces):
    near = sample_faces[0]
    points = near.points()
    centre = points.mean(0)
    far = Face(near.box, 1.0, tuple(map(tuple, ((points - centre) * 0.5 + centre + 30).tolist())))
    far = dataclasses.replace(far, box=(near.box[0] + 60, near.box[1] + 60, near.box[2] - 60, near.box[3] - 60))
    targets = anonymizer.plan([near, far], QUICK)
    fills = {id(t): torch.full((1, 3, 64, 64), value) for t, value in zip(targets, (-0.5, 0.5), strict=True)}
    pixels, _ = anonymizer.hide(sample.pixels, targets)
    composed = anonymizer.compose(pixels, targets, fills)
    inside_near = anonymizer.hidden_by(targets[1], sample.size)
    left, top, right, bottom = inside_near[0]
    area = composed[:, :, top:bottom, left:right]
    assert targets[1].face == near
    assert area[inside_near[1].expand_as(area) > 0.5].sub(0.5).abs().max() < 1e-5


@pytest.mark.parametrize("method", ["blur", "pixelate", "blackout"])
def test_classical_methods_change_only_the_faces(sample, sample_faces, method):
    result = anonymizer.anonymize(sample, Options(method=method), sample_faces)
    changed = (result.photo.pixels != sample.pixels).any(1, keepdim=True)
    assert not changed[result.hidden < 0.5].any()
    assert changed[result.hidden > 0.5].float().mean() > 0.9


def test_a_cameras_photo_is_searched_for_faces_from_24_px():
    large = images.Photo(torch.zeros(1, 3, 2100, 2000))
    assert anonymizer.smallest_searched(large, Options()) == 24
    assert anonymizer.smallest_searched(images.Photo(torch.zeros(1, 3, 80, 120)), Options()) == Options().smallest


def test_options_can_be_given_by_name(sample, sample_faces):
    result = anonymizer.anonymize(sample, found=sample_faces, method="blackout")
    assert {target.method for target in result.targets} == {"blackout"}
    with pytest.raises(ValueError, match="method must be"):
        anonymizer.anonymize(sample, method="magic")


def test_no_face_is_its_own_status():
    empty = images.Photo(torch.zeros(1, 3, 80, 120))
    result = anonymizer.anonymize(empty, QUICK)
    assert result.status == "no face found"
    assert torch.equal(result.photo.pixels, empty.pixels)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"method": "magic"}, "method must be"), ({"mask": "nose"}, "mask must be"), ({"min_score": 0}, "min-score"),
     ({"starts": 0}, "at least 1"), ({"iterations": 0}, "at least 1")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Options(**wrong)


def test_devices_that_are_not_there_are_refused():
    assert anonymizer.resolve_device("auto") in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match="auto, cpu, cuda or mps"):
        anonymizer.resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="not available"):
            anonymizer.resolve_device("cuda")


def test_groups_every_certain_face_is_hidden(shared_data):
    """On real group photos: every face found at 0.9 and 24 px is replaced or blacked out."""
    for name in ("2008_001322.jpg", "2007_007763.jpg"):
        photo = images.load(shared_data / "groups" / name)
        result = anonymizer.anonymize(photo, dataclasses.replace(QUICK, starts=1, iterations=1))
        for face in faces.detect(photo.pixels, 0.9, 24)[0]:
            for x, y in face.landmarks:
                assert result.hidden[0, 0, round(y), round(x)] == 1
