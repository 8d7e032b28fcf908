"""Number plates, badges and screens: parts of a photo that are hidden without a face."""

import pytest
import torch

from deid.anonymization import regions
from deid.anonymization.wishes import Wish


@pytest.fixture
def stripes() -> torch.Tensor:
    """A photo (1, 3, 60, 80) of letters, as it were: stripes of 2 pixels."""
    return (torch.arange(80) // 2 % 2 * 2.0 - 1).expand(1, 3, 60, 80).clone()


@pytest.mark.parametrize("how", ["blackout", "pixelate", "blur"])
def test_what_stood_in_a_region_is_gone_and_all_else_is_as_it_was(stripes, how):
    scene = regions.hide(stripes, [Wish((20, 10, 60, 30), how)])
    inside = scene.pixels[:, :, 10:31, 20:61]
    assert inside.std(3).max() < 0.4, "the stripes are gone: they vary by 1"
    assert scene.hidden[:, :, 10:31, 20:61].min() == 1 and scene.hidden.sum() < 46 * 26
    outside = scene.hidden.expand_as(stripes) == 0
    assert torch.equal(scene.pixels[outside], stripes[outside])
    assert stripes.std() > 0.9, "the photo itself is not written to"


def test_black_lies_over_everything_and_a_region_may_reach_beyond_the_border(stripes):
    black, blur = Wish((-30, -30, 40, 20), "blackout"), Wish((20, 0, 200, 40), "blur")
    scene = regions.hide(stripes, [black, blur])
    assert (scene.pixels[:, :, :20, :40] == -1).all() and scene.hidden[0, 0, 39, 79] == 1


def test_a_region_beside_the_photo_hides_nothing(stripes):
    assert not regions.hide(stripes, [Wish((500, 500, 600, 600), "blackout")]).hidden.any()
