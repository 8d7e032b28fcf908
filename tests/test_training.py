"""The recipe's formulas by hand, and a run that stops and goes on as if it never had."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from deid import averaging, games, journal, training
from deid.generators import WeightsError, dcgan, files, load_discriminator, load_generator
from deid.recipes import PLAIN, STYLE, Recipe

SHORT = Recipe(images=96, batch=16)  # six steps

# `list(netG.state_dict())` and `list(netD.state_dict())` of https://pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
TUTORIAL_G = [
    "main.0.weight", *(f"main.1.{name}" for name in NORM),
    "main.3.weight", *(f"main.4.{name}" for name in NORM),
    "main.6.weight", *(f"main.7.{name}" for name in NORM),
    "main.9.weight", *(f"main.10.{name}" for name in NORM),
    "main.12.weight",
]  # fmt: skip
TUTORIAL_D = [
    "main.0.weight",
    "main.2.weight", *(f"main.3.{name}" for name in NORM),
    "main.5.weight", *(f"main.6.{name}" for name in NORM),
    "main.8.weight", *(f"main.9.{name}" for name in NORM),
    "main.11.weight",
]  # fmt: skip


def run_for(crops, recipe: Recipe, run: Path, steps: int | None = None, **options) -> list[training.Step]:
    """The first ``steps`` of a run (all of them by default), which then is dropped as if killed."""
    taken = []
    for step in training.train(crops, recipe, run, **options):
        taken.append(step)
        if len(taken) == steps:
            break
    return taken


def test_losses_by_hand():
    real, fake = torch.tensor([0.0, math.log(3)]), torch.tensor([0.0, -math.log(3)])
    # sigmoid(log 3) = 3/4: each side is the mean of -log 1/2 and -log 3/4.
    side = (math.log(2) + math.log(4 / 3)) / 2
    assert games.discriminator_loss(real, fake).item() == pytest.approx(2 * side)
    assert games.generator_loss(real).item() == pytest.approx(side)
    assert games.generator_loss(fake).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_losses_are_binary_cross_entropy_on_logits():
    real, fake = torch.randn(2, 64, generator=torch.Generator().manual_seed(0)) * 5
    ones, zeros = torch.ones(64), torch.zeros(64)
    expected = F.binary_cross_entropy_with_logits(real, ones) + F.binary_cross_entropy_with_logits(fake, zeros)
    torch.testing.assert_close(games.discriminator_loss(real, fake), expected)
    torch.testing.assert_close(games.generator_loss(fake), F.binary_cross_entropy_with_logits(fake, ones))
    assert games.generator_loss(torch.tensor([-500.0])).item() == 500  # no overflow, no vanishing gradient


def test_translation_shifts_by_at_most_reach():
    dot = torch.zeros(400, 1, 17, 17)
    dot[:, :, 8, 8] = 1
    shifted = games.translate(dot, 3, torch.Generator().manual_seed(0))
    assert shifted.shape == dot.shape and (shifted.sum((1, 2, 3)) == 1).all()
    places = shifted.nonzero()[:, 2:] - 8
    assert places.min() == -3 and places.max() == 3  # every distance occurs, none further
    assert len({tuple(place) for place in places.tolist()}) == 49
    assert places.float().mean().abs() < 0.3


def test_translation_keeps_the_picture_and_its_gradient():
    images = torch.rand(8, 3, 12, 12, requires_grad=True)
    shifted = games.translate(images, 2, torch.Generator().manual_seed(1))
    inner = images[0, :, 2:-2, 2:-2]
    assert any(torch.equal(shifted[0, :, y : y + 8, x : x + 8], inner) for y in range(5) for x in range(5))
    shifted.sum().backward()
    assert (images.grad[:, :, 2:-2, 2:-2] == 1).all() and set(images.grad.unique().tolist()) <= {0.0, 1.0}
    assert games.translate(images, 0, torch.Generator()) is images


def test_average_follows_its_formula():
    average, network = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    torch.nn.init.constant_(average.weight, 4.0)
    torch.nn.init.constant_(network.weight, 8.0)
    network.running_mean += 3
    averaging.update_average(average, network, 0.75)
    assert average.weight.tolist() == [5.0, 5.0]
    assert average.running_mean.tolist() == [3.0, 3.0]  # buffers are copied, not averaged
    averaging.update_average(average, network, 0.0)
    assert average.weight.tolist() == [8.0, 8.0]


def test_learning_rate_is_level_then_falls_to_zero():
    run = training.Training(Recipe(images=1000, learning_rate=0.1, decay_from=0.6))
    rates = []
    for seen in (0, 600, 800, 1000):
        run.images = seen
        run._set_learning_rate()
        rates.append(run.optimize_G.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.0])


def test_every_pass_sees_every_crop_once(crops):
    run = training.Training(Recipe(batch=4, flips=False))
    seen = []
    for _ in range(3):  # 12 images are two passes over six crops
        seen.append(run.batch(crops))
        run.images += 4
    seen = torch.cat(seen)
    for part in (seen[:6], seen[6:]):
        found = [next(k for k in range(6) if torch.equal(crop, crops[k])) for crop in part]
        assert sorted(found) == list(range(6))


def test_resume_is_bit_exact(crops, tmp_path):
    """Stopped between checkpoints and gone on with: losses, previews and the final checkpoint are the same bytes."""
    whole = run_for(crops, SHORT, tmp_path / "whole", preview_every=80, checkpoint_every=32)
    run_for(crops, SHORT, tmp_path / "parts", steps=5, preview_every=80, checkpoint_every=32)
    assert journal.history(tmp_path / "parts")[-1]["images"] == 80  # one step past the checkpoint at 64
    rest = run_for(crops, SHORT, tmp_path / "parts", preview_every=80, checkpoint_every=32)
    assert [step.images for step in rest] == [80, 96]
    assert [step.losses for step in rest] == [step.losses for step in whole[4:]]
    names = [journal.CHECKPOINT, journal.HISTORY, journal.RECIPE]
    names += [f"{journal.PREVIEWS}/{count:09}.png" for count in (80, 96)]
    for name in names:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert len(list((tmp_path / "parts" / journal.PREVIEWS).iterdir())) == 2
    assert run_for(crops, SHORT, tmp_path / "parts") == []  # finished runs stay finished


def test_a_run_stopped_for_now_goes_on_another_time(crops, tmp_path):
    whole = run_for(crops, SHORT, tmp_path / "whole")
    first = run_for(crops, SHORT, tmp_path / "parts", until=48)
    rest = run_for(crops, SHORT, tmp_path / "parts")
    assert [step.images for step in first] == [16, 32, 48]
    assert [step.losses for step in first + rest] == [step.losses for step in whole]


def test_another_seed_is_another_run(crops, tmp_path):
    (one,) = run_for(crops, SHORT, tmp_path / "a", steps=1)
    (again,) = run_for(crops, SHORT, tmp_path / "b", steps=1)
    (other,) = run_for(crops, replace(SHORT, seed=1), tmp_path / "c", steps=1)
    assert one.losses == again.losses != other.losses


def test_a_run_leaves_what_the_study_reads(crops, tmp_path):
    steps = run_for(crops, SHORT, tmp_path, preview_every=48, checkpoint_every=48)
    assert [step.images for step in steps] == [16, 32, 48, 64, 80, 96]
    assert [step.images for step in steps if step.preview is not None] == [48, 96]
    assert steps[2].preview.shape == (64, 3, 64, 64) and steps[2].preview.abs().max() <= 1
    assert journal.history(tmp_path) == [{"images": step.images, **step.losses} for step in steps]
    assert [count for count, _ in journal.previews(tmp_path)] == [48, 96]
    (tmp_path / journal.HISTORY).write_bytes((tmp_path / journal.HISTORY).read_bytes()[:-5])
    assert len(journal.history(tmp_path)) == 5  # a torn line is no record


def test_another_recipe_is_refused(crops, tmp_path):
    run_for(crops, SHORT, tmp_path, steps=1)
    with pytest.raises(ValueError, match=r"recipe\.json: this run was started with .*choose another run folder"):
        run_for(crops, replace(SHORT, flips=False), tmp_path, steps=1)


def test_a_run_of_an_older_version_goes_on(crops, tmp_path):
    """A setting that its recipe does not name yet was what is now the default."""
    run_for(crops, SHORT, tmp_path, until=48)
    settings = journal.recipe(tmp_path)
    (tmp_path / journal.RECIPE).write_text(json.dumps({k: v for k, v in settings.items() if k != "variety"}))
    with pytest.raises(ValueError, match="started with"):
        run_for(crops, replace(SHORT, variety=1.0), tmp_path)
    assert [step.images for step in run_for(crops, SHORT, tmp_path)] == [64, 80, 96]


def test_training_teaches_the_discriminator(crops, tmp_path):
    """Six crops and eight steps: D starts at chance (2 log 2) and then tells real from fake."""
    recipe = Recipe(images=480, batch=16, learning_rate=5e-4)
    losses = [step.losses["discriminator"] for step in run_for(crops, recipe, tmp_path, steps=8)]
    assert losses[0] == pytest.approx(2 * math.log(2), abs=0.2)
    assert min(losses) < 0.6 * losses[0]


def test_training_leaves_no_gradient_of_one_network_in_the_other(crops):
    """G's step moves G alone, D's step D alone: with one learning rate at zero that network stands still."""
    for still, moving in (("G", "D"), ("D", "G")):
        run = training.Training(SHORT)
        run._set_learning_rate = lambda: None
        getattr(run, f"optimize_{still}").param_groups[0]["lr"] = 0.0
        before = {name: [p.clone() for p in getattr(run, name).parameters()] for name in "GD"}
        run.step(run.batch(crops))
        moved = {
            name: max(
                (p - q).abs().max().item() for p, q in zip(before[name], getattr(run, name).parameters(), strict=True)
            )
            for name in "GD"
        }
        assert moved[still] == 0 and moved[moving] > 1e-5


def test_the_plain_recipe_is_the_original_study(crops, tmp_path):
    recipe = replace(PLAIN, images=48, batch=16)
    assert (PLAIN.norm, PLAIN.flips, PLAIN.translation, PLAIN.average) == ("batch", False, 0, 0.0)
    assert len(run_for(crops, recipe, tmp_path)) == 3
    state = torch.load(tmp_path / journal.CHECKPOINT, weights_only=True)
    assert list(state["D"]) == TUTORIAL_D
    assert all(torch.equal(state["G"][name], state["average"][name]) for name in TUTORIAL_G)


def test_state_dicts_are_those_of_the_tutorial():
    assert list(dcgan.Generator().state_dict()) == TUTORIAL_G
    assert list(dcgan.Discriminator(norm="batch").state_dict()) == TUTORIAL_D
    shapes = [tuple(value.shape) for name, value in dcgan.Generator().state_dict().items() if value.ndim == 4]
    assert shapes == [(100, 512, 4, 4), (512, 256, 4, 4), (256, 128, 4, 4), (128, 64, 4, 4), (64, 3, 4, 4)]
    spectral = dcgan.Discriminator(norm="spectral").plain_state_dict()
    assert list(spectral) == [name for name in TUTORIAL_D if name.split(".")[1] not in ("3", "6", "9")]


def test_networks_start_as_the_paper_says():
    torch.manual_seed(0)
    G = dcgan.Generator()
    assert G.main[3].weight.std().item() == pytest.approx(0.02, rel=0.05) and G.main[4].weight.mean() > 0.9
    assert G(G.sample_z(2, torch.Generator().manual_seed(0))).shape == (2, 3, 64, 64)
    assert dcgan.Discriminator()(torch.zeros(5, 3, 64, 64)).shape == (5,)


@pytest.mark.parametrize("norm", ["spectral", "batch"])
def test_export_loads_as_the_networks_that_were_trained(crops, tmp_path, norm):
    run_for(crops, replace(SHORT, norm=norm, images=32), tmp_path / "run")
    paths = training.export(tmp_path / "run", tmp_path / "mine.safetensors", batches=2)
    assert [path.name for path in paths] == ["mine.safetensors", "mine-discriminator.safetensors"]
    assert sum(path.stat().st_size for path in paths) < 16e6
    G, D = load_generator(paths[0]), load_discriminator(paths[0])
    assert not G.training and not D.training and not any(p.requires_grad for p in [*G.parameters(), *D.parameters()])
    assert G.facts["images_seen"] == 32 and G.facts["recipe"]["norm"] == norm and D.facts["role"] == "discriminator"

    run = training.Training(replace(SHORT, norm=norm, images=32))
    run.load_state(torch.load(tmp_path / "run" / journal.CHECKPOINT, weights_only=True))
    z = G.sample_z(4, torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = averaging.recalibrate(run.average, batches=2)(z)
        assert (G(z) - expected).abs().max() < 0.01  # half precision on disk
        assert (D(crops.batch([0, 1, 2])) - run.D.eval()(crops.batch([0, 1, 2]))).abs().max() < 0.02


def test_training_goes_on_from_weights_where_the_checkpoint_is_gone(crops, tmp_path):
    """A first run is exported and lost; a second one starts from the file and goes on counting."""
    run_for(crops, replace(SHORT, images=48), tmp_path / "lost")
    file, _ = training.export(tmp_path / "lost", tmp_path / "first.safetensors", batches=2)
    again = replace(SHORT, start=str(file))
    started = training.Training(again)
    assert started.images == 48
    z = torch.randn(4, 100)
    with torch.no_grad():
        torch.testing.assert_close(started.average.eval()(z), load_generator(file)(z), rtol=0, atol=1e-3)
    for layer, other in zip(started.D.main, load_discriminator(file).main, strict=True):
        if isinstance(layer, torch.nn.Conv2d):  # normalised anew, so the same up to a factor
            assert F.cosine_similarity(layer.weight.flatten(), other.weight.flatten(), 0) > 0.999
    steps = run_for(crops, again, tmp_path / "second")
    assert [step.images for step in steps] == [64, 80, 96]
    file, _ = training.export(tmp_path / "second", tmp_path / "second.safetensors", batches=2)
    assert load_generator(file).facts["images_seen"] == 96
    assert not torch.equal(load_generator(file)(z), load_generator(again.start)(z))


@pytest.mark.parametrize("noise", [False, True])
def test_a_stylegan2_learns_by_the_same_loop(crops, tmp_path, noise):
    """Resumed bit for bit, exported, loaded; without noise no layer's noise ever gets any strength."""
    recipe = replace(STYLE, images=96, channels=(8,) * 5, latent=16, mapping=2, noise=noise)
    whole = run_for(crops, recipe, tmp_path / "whole", checkpoint_every=48)
    run_for(crops, recipe, tmp_path / "parts", until=48)
    rest = run_for(crops, recipe, tmp_path / "parts")
    assert [step.losses for step in rest] == [step.losses for step in whole[3:]]
    G = load_generator(training.export(tmp_path / "whole", tmp_path / "mine.safetensors")[0])
    w = G.mapping(G.sample_z(3, torch.Generator().manual_seed(0)))
    assert torch.equal(G.synthesis(w, "const"), G.synthesis(w, "none")) != noise
    assert G.mapping.w_avg.abs().max() > 0, "the mean that truncation needs was followed"
    assert G.facts["frame"] == "deid" and G.facts["images_seen"] == 96


def test_averaged_weights_get_their_own_statistics():
    """After recalibration a batch in evaluation mode looks like one normalised by itself."""
    torch.manual_seed(0)
    G = dcgan.Generator()
    z = G.sample_z(128, torch.Generator().manual_seed(9))
    with torch.no_grad():
        own = G.train()(z)
        G.eval()
        for layer in G.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_var.fill_(7.0)
        wrong = (G(z) - own).abs().mean()
        averaging.recalibrate(G, batches=4)
        assert not G.training and {m.momentum for m in G.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {0.1}
        assert (G(z) - own).abs().mean() < 0.05 * wrong


def test_weights_that_cannot_be_used_say_so(crops, tmp_path):
    with pytest.raises(WeightsError, match="neither a file nor a bundled network"):
        load_generator("no-such-network")
    (tmp_path / "text.safetensors").write_text(json.dumps({"a": 1}))
    with pytest.raises(WeightsError, match="not a readable safetensors file"):
        load_generator(tmp_path / "text.safetensors")
    files.write(tmp_path / "other.safetensors", {"a": torch.zeros(2)}, {})
    with pytest.raises(WeightsError, match="other.safetensors: neither a DCGAN in the layout of PyTorch's tutorial"):
        load_generator(tmp_path / "other.safetensors")
    files.write(tmp_path / "alone.safetensors", dcgan.Generator().state_dict(), {})
    assert load_generator(tmp_path / "alone.safetensors").z_dim == 100
    with pytest.raises(WeightsError, match="discriminator.safetensors: missing"):
        load_discriminator(tmp_path / "alone.safetensors")
