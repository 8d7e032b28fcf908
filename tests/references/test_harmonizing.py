"""The photo's tone and light, the reference's detail."""

import pytest
import torch
import torch.nn.functional as F

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.references import harmonizing, refining

SIZE = 256


def by_frequencies(frame, reference, weight):
    """As if nothing of the frame were a guess."""
    return harmonizing.by_frequencies(frame, torch.ones_like(weight), reference, weight)


@pytest.fixture(scope="module")
def weight():
    return 1 - masks.frame_mask("face", DCGAN_FRAME.resized(SIZE).points(), SIZE)


@pytest.fixture(scope="module")
def detail():
    """A fine pattern that has no tone of its own."""
    return F.interpolate(torch.tensor([[[[0.2, -0.2], [-0.2, 0.2]]]]).repeat(1, 3, 32, 32), (SIZE, SIZE))


def inside(images, weight):
    return images[(weight > 0.5).expand_as(images)]


@pytest.mark.parametrize("tone", [-0.4, 0.0, 0.3])
def test_a_reference_gets_the_tone_of_the_place(weight, detail, tone):
    frame, reference = torch.full((1, 3, SIZE, SIZE), tone), detail + 0.2
    made = by_frequencies(frame, reference, weight)
    assert inside(made, weight).mean() == pytest.approx(tone, abs=0.02)
    brightness = (tone + 1) / (0.2 + 1)  # detail is scaled with the light
    assert inside(made - tone, weight).std().item() == pytest.approx(
        brightness * inside(detail, weight).std().item(), rel=0.1
    )


def test_light_from_one_side_falls_on_the_reference(weight, detail):
    frame = torch.linspace(-0.5, 0.5, SIZE).expand(1, 3, SIZE, SIZE)
    made = by_frequencies(frame, detail, weight)
    low = F.avg_pool2d(made, 32)[0, 0, 4]
    assert low[2] < -0.1 < 0.1 < low[5]


def test_in_the_dark_there_is_less_detail(weight, detail):
    contrast = []
    for tone in (-0.95, -0.5, 0.0):
        made = by_frequencies(torch.full((1, 3, SIZE, SIZE), tone), detail, weight)
        contrast.append(inside(made - tone, weight).std().item())
    assert contrast[0] < 0.3 * contrast[2] and contrast[0] < contrast[1] < contrast[2]


def test_what_lies_around_the_face_does_not_colour_it(weight, detail):
    """White hair and a black one around the same face give the same result inside."""
    frame = torch.zeros(1, 3, SIZE, SIZE)
    made = [
        by_frequencies(
            torch.where(weight > 0.5, frame, value), torch.where(weight > 0.5, detail, -value), weight
        )
        for value in (torch.tensor(-1.0), torch.tensor(1.0))
    ]
    core = 1 - masks.frame_mask("face-80", DCGAN_FRAME.resized(SIZE).points(), SIZE)
    assert inside(made[0] - made[1], core).abs().max() < 0.02


def test_the_face_ends_softly_inside_its_weight(weight):
    frame, face = torch.full((1, 3, SIZE, SIZE), -0.5), torch.full((1, 3, SIZE, SIZE), 0.5)
    made, sharp = (
        harmonizing.compose(frame, face, weight, apart) for apart in (None, torch.ones(1, 1, 128, 128))
    )
    assert made[0, 0, SIZE // 2, SIZE // 2] == pytest.approx(0.5) and made[0, 0, 2, 2] == pytest.approx(-0.5)
    steps = [(part[..., 1:] - part[..., :-1]).abs().max() for part in (made, sharp)]
    assert steps[0] < 0.25 and steps[1] > 2 * steps[0], "no line where it ends, unless it ends before a wall"


def test_what_is_drawn_gives_the_light_and_the_reference_finer_detail(weight, detail):
    drawn = torch.linspace(-0.5, 0.5, harmonizing.SIDE).expand(1, 3, harmonizing.SIDE, harmonizing.SIDE)
    nothing = torch.zeros(1, 1, SIZE, SIZE)
    given = refining.conditions(nothing.expand(1, 3, -1, -1), nothing, detail, weight)
    made = harmonizing.detailed(drawn, given, detail, weight)
    wanted = F.interpolate(drawn, (SIZE, SIZE), mode="bilinear")
    core = 1 - masks.frame_mask("face-80", DCGAN_FRAME.resized(SIZE).points(), SIZE)
    apart = F.avg_pool2d((made - wanted) * core, 16)
    assert apart.abs().max() < 0.05
    fine = inside(made - F.avg_pool2d(made, 9, 1, 4), core).std() / inside(detail, core).std()
    assert 0.4 < fine < 1.3


@pytest.mark.parametrize("way", sorted(harmonizing.HARMONIZERS))
def test_a_dark_photo_stays_dark(weight, detail, way):
    dark = torch.full((1, 3, SIZE, SIZE), -0.95)
    made = harmonizing.HARMONIZERS[way](dark, 1 - weight, detail + 0.2, weight)
    assert inside(made, weight).mean() < -0.85


@pytest.mark.parametrize("light", [1.0, 0.1])
def test_a_face_gets_the_tone_of_the_skin_that_is_seen(weight, light):
    """Also in the dark, where it stays dark."""
    skin = torch.tensor([0.3, -0.05, -0.25])[None, :, None, None].expand(1, 3, SIZE, SIZE)
    redder = skin + torch.tensor([0.06, -0.03, -0.03])[None, :, None, None]
    skin, redder = ((part + 1) * light - 1 for part in (skin, redder))
    given = refining.conditions(redder, 1 - weight, skin, weight)
    made = harmonizing.detailed(refining.shrunk(skin), given, skin, weight)
    moved = (made - skin)[0, :, weight[0, 0] > 0.5].mean(1) / light
    assert moved[0] > 0.015 > -0.005 > moved[1]
