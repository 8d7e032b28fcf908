"""Drawing in one pass: never from hidden pixels; another seed, another person."""

import pytest
import torch
import torch.nn.functional as F

from deid.generators import onepass
from deid.generators.stylegan2 import Config
from deid.generators.weights import files
from deid.inpainting import MaskedFaces
from deid.inpainting.one_pass import OnePass
from deid.inpainting.settings import TRUNCATION
from deid.photo import masks

TINY = Config((16, 16, 16, 8), z_dim=12, mapping=(20, 20), group_channels=0)


@pytest.fixture(scope="module")
def method(tmp_path_factory) -> OnePass:
    """Random weights, with styles strong enough to tell latents apart."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    files.write(path, onepass.Generator(TINY).state_dict(), {"role": "generator"}, torch.float32)
    return OnePass(path)


def masked_faces(crops, mask="face"):
    visible = torch.cat([masks.frame_mask(mask, points, 64) for points in crops.landmarks])
    return crops.batch(range(len(crops))), visible, crops.landmarks


def drawn(method, pixels, visible, landmarks, seeds, truncation=TRUNCATION):
    (step,) = method.draw(MaskedFaces(pixels, visible, seeds, landmarks, truncation))
    return step.images


@pytest.mark.parametrize("mask", masks.MASKS)
def test_hidden_pixels_never_matter(method, crops, mask):
    pixels, visible, landmarks = masked_faces(crops, mask)
    noisy = torch.where(visible > 0.5, pixels, torch.rand_like(pixels) * 2 - 1)
    seeds = list(range(len(pixels)))
    first, second = (drawn(method, crop, visible, landmarks, seeds) for crop in (pixels, noisy))
    assert torch.equal(first, second)


def test_seed_surroundings_and_landmarks_matter(method, crops):
    pixels, visible, landmarks = masked_faces(crops)
    first = drawn(method, pixels[:1], visible[:1], landmarks[:1], [1])
    assert not torch.equal(first, drawn(method, pixels[:1], visible[:1], landmarks[:1], [2]))
    assert not torch.equal(first, drawn(method, -pixels[:1], visible[:1], landmarks[:1], [1]))
    assert not torch.equal(first, drawn(method, pixels[:1], visible[:1], landmarks[:1] + 3, [1]))


def test_truncation_draws_people_towards_the_mean_one(method, crops):
    masked = masked_faces(crops)

    def apart(truncation: float) -> float:
        first, second = (drawn(method, *masked, [seed] * len(crops), truncation) for seed in (1, 2))
        return F.l1_loss(first, second).item()

    assert apart(0.0) == 0 < apart(0.3) < apart(1.0)


def test_a_batch_is_its_faces_one_by_one(method, crops):
    pixels, visible, landmarks = masked_faces(crops)
    together = drawn(method, pixels[:3], visible[:3], landmarks[:3], [5, 6, 7])
    for k, seed in enumerate((5, 6, 7)):
        alone = drawn(method, pixels[k : k + 1], visible[k : k + 1], landmarks[k : k + 1], [seed])
        torch.testing.assert_close(together[k : k + 1], alone, rtol=0, atol=1e-5)


def test_each_face_of_a_batch_has_its_own_truncation(method, crops):
    masked = [part[:2] for part in masked_faces(crops)]
    together = drawn(method, *masked, [5, 6], truncation=[0.2, 1.0])
    for k, truncation in enumerate((0.2, 1.0)):
        alone = drawn(method, *(part[k : k + 1] for part in masked), [5 + k], truncation=truncation)
        torch.testing.assert_close(together[k : k + 1], alone, rtol=0, atol=1e-5)


def test_a_face_without_landmarks_is_refused(method, crops):
    pixels, visible, _ = masked_faces(crops)
    with pytest.raises(ValueError, match="needs the landmarks"):
        next(method.draw(MaskedFaces(pixels[:1], visible[:1], [1])))
