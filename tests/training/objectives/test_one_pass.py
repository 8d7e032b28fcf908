"""What a one-pass generator is shown, and what it pays for."""

from dataclasses import replace

import pytest
import torch

from deid.generators import onepass
from deid.training.objectives import (
    MaskedBatch,
    OnePassObjective,
)


def test_a_mirrored_example_has_mirrored_landmarks(crops, short_onepass):
    random = torch.Generator().manual_seed(0)
    examples = OnePassObjective(short_onepass, None, None, random, random).examples(crops, [0] * 16)
    mirrored = [k for k in range(16) if torch.equal(examples.crops[k], crops[0].flip(2))]
    assert 0 < len(mirrored) < 16
    plain = next(k for k in range(16) if k not in mirrored)
    left_eye = crops.landmarks[0, 0].round().int().tolist()
    assert examples.given[plain, 4].argmax() == 64 * left_eye[1] + left_eye[0]
    # In the mirror the left eye is the right one, and so are the corners of the mouth.
    exchanged = examples.given[mirrored[0], [5, 4, 6, 8, 7]].flip(2)
    torch.testing.assert_close(exchanged, examples.given[plain, 4:], rtol=0, atol=1e-4)
    assert not torch.allclose(exchanged, examples.given[mirrored[0], 4:], rtol=0, atol=1e-4)


def test_examples_leave_the_crops_and_their_landmarks_alone(crops, short_onepass, objective_for):
    before = crops.batch(range(6)), crops.landmarks.clone()
    objective_for(short_onepass).examples(crops, [*range(6)] * 4)
    assert torch.equal(crops.batch(range(6)), before[0]) and torch.equal(crops.landmarks, before[1])


def test_a_masked_batch_hides_the_face_and_nothing_else(masked):
    assert masked.given.shape == (6, onepass.CONDITIONS, 64, 64)
    assert torch.equal(masked.given[:, :3], masked.crops * masked.visible)
    filled = masked.filled(torch.full_like(masked.crops, 0.25))
    assert torch.equal(filled, torch.where(masked.visible > 0.5, masked.crops, torch.tensor(0.25)))


def test_a_masked_batch_moves_as_a_whole():
    batch = MaskedBatch(torch.rand(2, 3, 8, 8), torch.rand(2, 1, 8, 8), torch.rand(2, 9, 8, 8))
    moved = batch.to(torch.device("cpu"), memory_format=torch.channels_last)
    for part in ("crops", "visible", "given"):
        assert getattr(moved, part).is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(getattr(moved, part), getattr(batch, part))


def test_a_one_pass_recipe_with_translation_or_noise_is_refused(short_onepass, objective_for):
    for change in ({"translation": 4}, {"noise": True}):
        with pytest.raises(ValueError, match="set translation=0, noise=False"):
            objective_for(replace(short_onepass, **change))


def test_a_preview_of_hidden_faces_shows_their_surroundings(crops, masked, short_onepass, objective_for):
    objective = objective_for(short_onepass)
    z = objective.G.sample_z(12, torch.Generator().manual_seed(0))
    with torch.no_grad():
        preview = objective.preview(objective.G, z, crops)
        by_hand = masked.filled(objective.G(z[:6], masked.given))
        mean = objective.preview(objective.G, z, crops, truncation=0.0)
    torch.testing.assert_close(preview[:6], by_hand, rtol=0, atol=1e-5)
    for part in (preview[:6], preview[6:]):
        assert torch.equal(part * masked.visible, masked.crops * masked.visible)
    torch.testing.assert_close(mean[:6], mean[6:], rtol=0, atol=1e-5)
    assert not torch.allclose(preview[:6], preview[6:], rtol=0, atol=1e-5), "other latents draw other faces"


def test_the_generators_loss_needs_the_discriminators_first(masked, short_onepass, objective_for):
    objective = objective_for(short_onepass)
    with pytest.raises(ValueError, match="discriminator_loss of the same batch comes first"):
        objective.generator_loss(masked, masked.crops)


def test_the_generator_does_not_pay_for_the_hidden_persons_pixels(masked, short_onepass, objective_for):
    """Where D is blind, other texture in the hidden part costs nothing; other light and other skin do."""
    objective = objective_for(replace(short_onepass, variety=0.0, matching=0.0))
    objective.D.b4.out.weight.data.zero_()
    pixels, hidden = masked.crops, 1 - masked.visible
    texture = torch.tensor([[0.2, -0.2], [-0.2, 0.2]]).repeat(32, 32)
    objective.discriminator_loss(masked, pixels, 0.0)
    same = objective.generator_loss(masked, pixels)
    assert objective.generator_loss(masked, pixels + texture * hidden).item() == pytest.approx(
        same.item(), abs=5e-3
    )
    assert objective.generator_loss(masked, pixels + 0.5 * hidden) > same + 0.1
    assert objective.generator_loss(masked, pixels + 0.5 * masked.visible) > same + 0.1


def test_two_latents_with_one_face_cost(crops, short_onepass, objective_for):
    objective = objective_for(short_onepass)
    batch = objective.examples(crops, range(4))
    first = batch.given[:, :3]
    objective.G.forward = lambda z, given: given[:, :3]
    assert objective._variety_loss(batch, first).item() == pytest.approx(0.06)
    objective.G.forward = lambda z, given: given[:, :3] + 0.3
    loss = objective._variety_loss(batch, first).item()
    assert loss == pytest.approx(0.06, abs=1e-4), "another light is not another person"
    other = (
        torch.tensor([[0.8, -0.8], [-0.8, 0.8]]).repeat_interleave(4, 0).repeat_interleave(4, 1).repeat(8, 8)
    )
    objective.G.forward = lambda z, given: given[:, :3] + other
    assert objective._variety_loss(batch, first) == 0
