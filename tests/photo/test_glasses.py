"""Arms of glasses: found beside a face that is hidden, painted over, and nothing else is touched."""

import pytest
import torch

from deid.photo import alignment, glasses, glasses_network, masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.glasses import Arm, Beside

SIZE = 256


@pytest.fixture(scope="module")
def hidden_sample(sample, sample_faces):
    """The sample with its two faces hidden: pixels, what is hidden, and landmarks and place of each face.

    The left one wears no glasses, the right one does.
    """
    frame = DCGAN_FRAME.resized(SIZE)
    hidden, places = torch.zeros_like(sample.pixels[:, :1]), []
    for face in sorted(sample_faces, key=lambda face: face.box[0]):
        place = frame.matrix(face)
        landmarks = alignment.apply(alignment.invert(place), face.points())
        region = alignment.paste_region(place, SIZE, (hidden.shape[3], hidden.shape[2]))
        x, y = (torch.arange(*ends, dtype=torch.float64) for ends in (region[::2], region[1::2]))
        inside = masks.hides("forehead", alignment.positions(alignment.invert(place), x, y), landmarks, SIZE)
        hidden[..., region[1] : region[3], region[0] : region[2]] += inside
        places.append((landmarks, place))
    hidden = hidden.clamp(max=1)
    return sample.pixels.masked_fill(hidden > 0.5, 0), hidden, places


def test_glasses_are_told_by_what_is_seen_beside_a_face(hidden_sample):
    pixels, hidden, places = hidden_sample
    bare, worn = (
        glasses_network.worn(torch.cat([view.strip for view in glasses.views(pixels, hidden, *place)])).sum()
        for place in places
    )
    assert bare < -1 and worn > 3


def test_an_arm_is_painted_over_and_nothing_else(hidden_sample):
    pixels, hidden, places = hidden_sample
    painted = pixels.clone()
    assert glasses.remove_arms(painted, hidden, *places[0]) == []
    assert torch.equal(painted, pixels), "no glasses, nothing to paint"
    found = glasses.remove_arms(painted, hidden, *places[1])
    changed = (painted != pixels).any(1)[0]
    y, x = changed.nonzero().unbind(1)
    places_changed = torch.stack([x, y], 1).double()
    beside = [torch.cdist(places_changed, arm.line).amin(1) - arm.reach for arm in found]
    assert len(x) > 100 and torch.stack(beside).amin(0).max() <= 0
    assert not (changed & (hidden[0, 0] > 0.5)).any()


def test_what_is_hidden_does_not_matter(hidden_sample):
    pixels, hidden, places = hidden_sample
    noise = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noisy = torch.where(hidden > 0.5, noise, pixels)
    before = noisy.clone()
    grey = pixels.clone()
    assert glasses.remove_arms(noisy, hidden, *places[1]) and glasses.remove_arms(grey, hidden, *places[1])
    assert torch.equal(noisy * (1 - hidden), grey * (1 - hidden))
    assert torch.equal(noisy * hidden, before * hidden)


def test_small_faces_are_left_alone(hidden_sample):
    pixels, hidden, places = hidden_sample
    landmarks, place = places[1]
    small = alignment.scale(place) / 8
    few = torch.nn.functional.interpolate(torch.cat([pixels, hidden], 1), scale_factor=1 / 8, mode="area")
    assert small * 0.28 * SIZE < glasses.LEAST
    assert glasses.arms(few[:, :3], (few[:, 3:] > 0.5).float(), landmarks, place / 8) == []


def scene(line: int, edge: bool = False) -> Beside:
    """Skin beside a hole of 20 columns: with a dark line so many pixels thick, and with a wall above it."""
    pixels = torch.tensor([0.5, 0.2, 0.0])[None, :, None, None].repeat(1, 1, glasses.SIDE, glasses.SIDE)
    if edge:
        pixels[:, :, :30] = -0.3
    pixels[:, :, 30 : 30 + line, :50] = -0.8
    hidden = torch.zeros(glasses.SIDE, glasses.SIDE, dtype=torch.bool)
    hidden[:, :20] = True
    return Beside(pixels, hidden, torch.eye(2, 3, dtype=torch.float64))


def test_a_dark_line_over_skin_is_an_arm():
    arm = glasses._arm(scene(line=3))
    assert arm and (arm.line[:, 1] - 31).abs().max() <= 1
    assert arm.line[0, 0] <= 20 and arm.reach < 5
    assert glasses._arm(scene(line=0)) is None


def test_a_line_along_the_edge_of_something_is_none():
    assert glasses._arm(scene(line=2)) and glasses._arm(scene(line=2, edge=True)) is None


def test_paint_continues_what_lies_above_and_below():
    view = scene(line=3)
    pixels = view.pixels.clone()
    glasses._paint(pixels, view.hidden[None, None].float(), line_arm())
    assert (pixels[..., 20:48] - view.pixels[:, :, :1, 20:48]).abs().max() < 1e-4


def line_arm() -> Arm:
    x = torch.arange(18.0, 52.0)
    return Arm(torch.stack([x, torch.full_like(x, 31.0)], 1), 3.5)


def test_beyond_the_photo_nothing_is_painted():
    view = scene(line=3)
    pixels = view.pixels.clone()
    away = Arm(line_arm().line + torch.tensor([200.0, 0.0]), 3.5)
    glasses._paint(pixels, view.hidden[None, None].float(), away)
    assert torch.equal(pixels, view.pixels)
