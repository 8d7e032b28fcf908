"""A generator that sees the surroundings: never the hidden pixels, another seed another person, trained as others."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from deid import faces, games, inpainting, masks, training
from deid.averaging import recalibrate
from deid.faces import DCGAN_FRAME
from deid.generators import load_discriminator, load_generator, onepass
from deid.generators.stylegan2 import Config
from deid.recipes import ONEPASS, networks

TINY = Config((16, 16, 16, 8), z_dim=12, mapping=(20, 20), group_channels=0)
SHORT = replace(ONEPASS, images=64, batch=16, channels=TINY.channels, latent=16)


@pytest.fixture(scope="module")
def generator():
    """Random weights, with styles strong enough to tell latents apart."""
    torch.manual_seed(0)
    return onepass.Generator(TINY).eval()


def faces_with_holes(crops, mask="face"):
    visible = torch.cat([masks.frame_mask(mask, points, 64) for points in crops.landmarks])
    return crops.batch(range(len(crops))), visible, crops.landmarks


def drawn(generator, pixels, visible, landmarks, seeds):
    (step,) = inpainting.inpaint(pixels, visible, landmarks, seeds, generator=generator, discriminator=None)
    return step.images


@pytest.mark.parametrize("mask", masks.MASKS)
def test_hidden_pixels_never_matter(generator, crops, mask):
    pixels, visible, landmarks = faces_with_holes(crops, mask)
    noisy = torch.where(visible > 0.5, pixels, torch.rand_like(pixels) * 2 - 1)
    seeds = list(range(len(pixels)))
    assert torch.equal(drawn(generator, pixels, visible, landmarks, seeds),
                       drawn(generator, noisy, visible, landmarks, seeds))  # fmt: skip


def test_seed_surroundings_and_landmarks_matter(generator, crops):
    pixels, visible, landmarks = faces_with_holes(crops)
    first = drawn(generator, pixels[:1], visible[:1], landmarks[:1], [1])
    assert not torch.equal(first, drawn(generator, pixels[:1], visible[:1], landmarks[:1], [2]))
    assert not torch.equal(first, drawn(generator, -pixels[:1], visible[:1], landmarks[:1], [1]))
    assert not torch.equal(first, drawn(generator, pixels[:1], visible[:1], landmarks[:1] + 3, [1]))


def test_truncation_draws_people_towards_the_mean_one(generator, crops):
    pixels, visible, landmarks = faces_with_holes(crops)
    networks = {"generator": generator, "discriminator": None}

    def apart(truncation: float) -> float:
        first, second = (list(inpainting.inpaint(pixels, visible, landmarks, [seed] * len(pixels), **networks,
                              truncation=truncation))[-1].images for seed in (1, 2))  # fmt: skip
        return F.l1_loss(first, second).item()

    assert apart(0.0) == 0 < apart(0.3) < apart(1.0)


def test_a_batch_is_its_faces_one_by_one(generator, crops):
    pixels, visible, landmarks = faces_with_holes(crops)
    together = drawn(generator, pixels[:3], visible[:3], landmarks[:3], [5, 6, 7])
    for k, seed in enumerate((5, 6, 7)):
        alone = drawn(generator, pixels[k : k + 1], visible[k : k + 1], landmarks[k : k + 1], [seed])
        torch.testing.assert_close(together[k : k + 1], alone, rtol=0, atol=1e-5)


def test_each_face_of_a_batch_has_its_own_truncation(generator, crops):
    pixels, visible, landmarks = (part[:2] for part in faces_with_holes(crops))
    networks = {"generator": generator, "discriminator": None}
    (step,) = inpainting.inpaint(pixels, visible, landmarks, [5, 6], **networks, truncation=[0.2, 1.0])
    for k, truncation in enumerate((0.2, 1.0)):
        alone = [part[k : k + 1] for part in (pixels, visible, landmarks)]
        (own,) = inpainting.inpaint(*alone, [5 + k], **networks, truncation=truncation)
        torch.testing.assert_close(step.images[k : k + 1], own.images, rtol=0, atol=1e-5)


def test_conditions_hold_the_visible_pixels_and_the_places_of_the_landmarks():
    crop, visible = torch.full((1, 3, 64, 64), 0.5), torch.ones(1, 1, 64, 64)
    visible[..., 10:20, 30:40] = 0
    landmarks = torch.tensor([[[20.0, 30], [40, 30], [32, 38], [24, 46], [42, 47]]])
    maps = onepass.conditions(crop, visible, landmarks)
    assert maps.shape == (1, onepass.CONDITIONS, 64, 64)
    assert maps[0, :3, 12, 32].abs().sum() == 0 and (maps[0, :3, 5, 5] == 0.5).all()
    assert torch.equal(maps[:, 3:4], visible)
    for blob, (x, y) in zip(maps[0, 4:], landmarks[0].int().tolist(), strict=True):
        assert blob.argmax().item() == 64 * y + x and blob.max() == 1


def test_crops_know_their_landmarks(crops):
    """Aligned crops: each landmark within a few pixels of the template, and the eyes where the pixels show them."""
    assert crops.landmarks.shape == (len(crops), 5, 2)
    assert (crops.landmarks - DCGAN_FRAME.points()).abs().max() < 6
    matrix = DCGAN_FRAME.matrix(faces.Face((0, 0, 64, 64), 1.0, tuple(map(tuple, crops.landmarks[0].tolist()))))
    assert faces.scale(matrix) == pytest.approx(1, abs=0.02), "they are in the frame's own pixels"


def test_haar_wavelets_are_means_and_details_and_come_back():
    images = torch.rand(2, 3, 8, 8) * 2 - 1
    waves = onepass.haar(images)
    assert waves.shape == (2, 12, 4, 4)
    torch.testing.assert_close(waves[:, :3], F.avg_pool2d(images, 2))
    torch.testing.assert_close(onepass.unhaar(waves), images)
    coarse, fine = onepass.pyramid(images, 2)
    torch.testing.assert_close(fine, waves)
    torch.testing.assert_close(coarse[:, :3], F.avg_pool2d(images, 4))


def test_a_grown_network_draws_and_judges_as_before_until_it_is_trained(generator, tmp_path):
    D, config = onepass.Discriminator(TINY), replace(TINY, channels=(*TINY.channels, 8))
    larger, judge = onepass.grow(generator, config), onepass.grow(D, config)
    images, given = torch.rand(2, 3, 128, 128) * 2 - 1, torch.rand(2, onepass.CONDITIONS, 128, 128)
    z, halved = torch.randn(2, TINY.z_dim), F.avg_pool2d(given, 2)
    with torch.no_grad():
        torch.testing.assert_close(larger(z, given), onepass._doubled(generator(z, halved)))
        torch.testing.assert_close(judge(images, given)[0], D(F.avg_pool2d(images, 2), halved)[0])
    judge(larger(z, given), given)[0].sum().backward()
    assert larger.blocks[-1].torgb.weight.grad.abs().sum() > 0, "what is zero now can learn"
    with pytest.raises(ValueError, match="do not begin with"):
        onepass.grow(generator, replace(TINY, channels=(16, 8, 16, 8, 8)))


def test_a_recipe_grows_what_it_starts_from(crops, tmp_path):
    list(training.train(crops, replace(SHORT, images=16), tmp_path / "small"))
    file, _ = training.export(tmp_path / "small", tmp_path / "small.safetensors")
    G, D, seen = networks(replace(SHORT, channels=(*SHORT.channels, 8), start=str(file)))
    assert (G.resolution, D.resolution, seen) == (128, 128, 16)
    assert all(parameter.requires_grad for parameter in G.parameters() if parameter.ndim)


def test_a_mirrored_example_has_mirrored_landmarks(crops):
    random = torch.Generator().manual_seed(0)
    game = games.Completion(SHORT, None, None, random, random)
    examples = game.examples(crops, [0] * 16)
    mirrored = [k for k in range(16) if torch.equal(examples.crops[k], crops[0].flip(2))]
    assert 0 < len(mirrored) < 16
    left_eye, plain = crops.landmarks[0, 0], next(k for k in range(16) if k not in mirrored)
    assert examples.given[plain, 4].argmax() % 64 == round(left_eye[0].item())
    assert examples.given[mirrored[0], 5].argmax() % 64 == round(63 - left_eye[0].item()), "now the right eye's"


def test_some_faces_are_shown_as_small_ones_look(crops):
    batch = crops.batch(range(6)).repeat(3, 1, 1, 1)
    seen = games.enlarge(batch, 0.5, torch.Generator().manual_seed(0))
    changed = (seen != batch).flatten(1).any(1)
    assert 4 <= changed.sum() <= 14, "a share of them"
    step = lambda images: (images[..., 1:] - images[..., :-1]).abs().mean((1, 2, 3))  # noqa: E731
    assert (step(seen)[changed] < step(batch)[changed]).all(), "finer detail is gone"
    apart = F.adaptive_avg_pool2d(seen - batch, 8).abs().amax((1, 2, 3))
    assert apart.max() < 0.25 and seen.abs().max() <= 1, "what is coarse stays, and in range"
    assert torch.equal(games.enlarge(batch, 0.0, torch.Generator()), batch)


def test_holes_are_of_every_kind_and_cover_the_middle_of_the_face():
    random = torch.Generator().manual_seed(0)
    holes = torch.cat([games.random_hole(DCGAN_FRAME.points(), 64, random) for _ in range(60)])
    share = 1 - holes.mean((1, 2, 3))
    assert share.min() > 0.15 and share.max() < 0.95 and share.std() > 0.08
    assert (holes[:, 0, 32, 32] == 0).all()


def test_losses_by_hand():
    better, worse = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 3.0])
    expected = (torch.log(1 + torch.exp(torch.tensor(-1.0))) + torch.log(torch.tensor(2.0))) / 2
    torch.testing.assert_close(games.relativistic_loss(better, worse), expected)


def test_g_does_not_pay_for_the_hidden_persons_pixels(crops):
    """Where D is blind, a hole filled otherwise costs nothing, as long as light and skin stay what they are."""
    torch.manual_seed(0)
    G, D, _ = networks(replace(SHORT, variety=0.0, matching=0.0))
    D.b4.out.weight.data.zero_()
    random = torch.Generator().manual_seed(0)
    game = games.Completion(replace(SHORT, variety=0.0, matching=0.0), G, D, random, random)
    pixels, visible, landmarks = faces_with_holes(crops)
    real = games.hide(pixels, landmarks, visible)
    texture = torch.tensor([[0.2, -0.2], [-0.2, 0.2]]).repeat(32, 32)
    game.discriminator_loss(real, pixels, 0.0)
    same = game.generator_loss(real, pixels)
    assert game.generator_loss(real, pixels + texture * (1 - visible)).item() == pytest.approx(same.item(), abs=5e-3)
    assert game.generator_loss(real, pixels + 0.5 * (1 - visible)) > same + 0.1
    assert game.generator_loss(real, pixels + 0.5 * visible) > same + 0.1


def test_two_latents_with_one_face_cost(crops):
    torch.manual_seed(0)
    G, D, _ = networks(SHORT)
    game = games.Completion(SHORT, G, D, *(torch.Generator().manual_seed(0) for _ in range(2)))
    real = game.examples(crops, range(4))
    deaf, first = onepass.Generator(G.config), real.given[:, :3]
    game = games.Completion(SHORT, deaf, D, game.random, game.noise)
    deaf.forward = lambda z, given: given[:, :3]
    assert game._sameness(real, first).item() == pytest.approx(0.06)
    deaf.forward = lambda z, given: given[:, :3] + 0.3
    assert game._sameness(real, first).item() == pytest.approx(0.06, abs=1e-4), "another light is not another person"
    other = torch.tensor([[0.8, -0.8], [-0.8, 0.8]]).repeat_interleave(4, 0).repeat_interleave(4, 1).repeat(8, 8)
    deaf.forward = lambda z, given: given[:, :3] + other
    assert game._sameness(real, first) == 0


def test_training_resumes_bit_exactly_and_its_export_draws_the_same(crops, tmp_path):
    options = {"preview_every": 32, "checkpoint_every": 32, "shown": crops}
    whole = list(training.train(crops, SHORT, tmp_path / "whole", **options))
    list(training.train(crops, SHORT, tmp_path / "parts", until=32, **options))
    rest = list(training.train(crops, SHORT, tmp_path / "parts", **options))
    assert [step.losses for step in rest] == [step.losses for step in whole[2:]]
    assert whole[-1].preview.shape == (96, 3, 64, 64)
    file, beside = training.export(tmp_path / "whole", tmp_path / "mine.safetensors")
    G, D = load_generator(file), load_discriminator(file)
    assert (G.family, D.family, G.resolution, G.facts["images_seen"]) == ("onepass", "onepass", 64, 64)
    trained = training.Training(SHORT)
    trained.load_state(torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True))
    pixels, visible, landmarks = faces_with_holes(crops)
    seeds = list(range(len(pixels)))
    same = drawn(recalibrate(trained.average, 64), pixels, visible, landmarks, seeds)
    torch.testing.assert_close(drawn(G, pixels, visible, landmarks, seeds), same, rtol=0, atol=0.02)
    given = onepass.conditions(pixels, visible, landmarks)
    with torch.no_grad():
        torch.testing.assert_close(D(pixels, given)[0], trained.D(pixels, given)[0], rtol=0, atol=0.02)
