"""Where a network drew a mixture of head and wall, the wall goes on up to the reference."""

import pytest
import torch

from deid.photo import masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.blending import gaussian
from deid.references.backdrop import layers

SIZE = 128


@pytest.fixture
def regions():
    """Outlines: of the hole, of the reference that is shown."""
    points = DCGAN_FRAME.resized(SIZE).points()
    visible, inside = (masks.frame_mask(name, points, SIZE) for name in ("face-120", "face-80"))
    return visible, 1 - inside


def pictures(regions, head, wall):
    """A wall around a hole, and what a network drew in it: a head that fades into the wall."""
    visible, weight = regions
    tones = (torch.tensor(tone)[None, :, None, None] for tone in (head, wall))
    real = torch.where(weight > 0.5, *tones)
    return real, torch.where((visible + weight) > 0.5, real, gaussian(real, 5.0))


def beside(regions):
    visible, weight = regions
    return ((1 - visible) * (1 - weight) > 0.5).expand(1, 3, -1, -1)


def test_a_wall_goes_on_up_to_the_head(regions):
    real, drawn = pictures(regions, [0.4, 0.1, 0.0], [-0.6, -0.5, 0.2])
    made = layers(drawn, real, *regions).around
    assert (made - real)[beside(regions)].abs().mean() < 0.4 * (drawn - real)[beside(regions)].abs().mean()
    core = (masks.dilate(1 - regions[1], 4) < 0.5).expand_as(made)
    assert torch.equal(made[core], drawn[core])


def test_a_face_keeps_its_colours_up_to_its_edge(regions):
    """The network had mixed them with the wall, there as well."""
    real, _ = pictures(regions, [0.4, 0.1, 0.0], [-0.6, -0.5, 0.2])
    drawn = torch.where(regions[0] > 0.5, real, gaussian(real, 1.5))
    edge = (regions[1] * masks.dilate(1 - regions[1], 2) > 0.5).expand_as(drawn)
    made = layers(drawn, real, *regions).face
    assert (made - real)[edge].abs().mean() < 0.5 * (drawn - real)[edge].abs().mean()


def test_skin_stays_as_it_was_drawn(regions):
    """A neck under the chin: the network knows better how one goes on into the other."""
    real, drawn = pictures(regions, [0.4, 0.1, 0.0], [0.35, 0.1, 0.05])
    made = layers(drawn, real, *regions)
    far = (masks.dilate(regions[0], 7) < 0.5).expand_as(drawn)
    assert torch.equal(made.face[far], drawn[far]) and torch.equal(made.around[far], drawn[far])
    assert not made.apart.any()


def test_no_line_is_left_where_the_hole_begins(regions):
    """A forehead, and a network that drew the first pixels of the hole too dark."""
    visible, weight = regions
    skin = torch.full((1, 3, SIZE, SIZE), 0.2)
    line = masks.dilate(visible, 1) * (1 - visible)
    made = layers(skin - 0.1 * line, skin, *regions).around
    assert ((made - skin).abs() * line).sum() / (3 * line.sum()) < 0.03


def test_hidden_pixels_do_not_matter(regions):
    real, drawn = pictures(regions, [0.4, 0.1, 0.0], [-0.6, -0.5, 0.2])
    other = torch.where(regions[0] > 0.5, real, -real)
    made = [torch.cat(layers(drawn, frame, *regions), 1) for frame in (real, other)]
    assert torch.equal(*made)
