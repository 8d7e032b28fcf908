"""The training loop: a run that stops resumes exactly, and its export draws what was trained."""

import json
import math
from dataclasses import replace

import pytest
import torch

from deid.generators import dcgan, load_discriminator, load_generator
from deid.locks import BusyError
from deid.storage import FolderError
from deid.training import checkpoints
from deid.training.config import PLAIN, Recipe, Schedule
from deid.training.ema import recalibrate
from deid.training.exports import export
from deid.training.loop import Training, train


def test_the_learning_rate_is_level_then_falls_to_zero():
    run = Training(Recipe(images=1000, learning_rate=0.1, decay_from=0.6))
    rates = []
    for images in (0, 600, 800, 1000):
        run.images = images
        run._set_learning_rate()
        rates.append(run.optimize_G.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.05, 0.0])


def test_every_pass_uses_every_crop_once(crops):
    run = Training(Recipe(batch=4, flips=False))
    examples = []
    for _ in range(3):  # 12 images are two passes over six crops
        examples.append(run.batch(crops))
        run.images += 4
    examples = torch.cat(examples)
    for part in (examples[:6], examples[6:]):
        found = [next(k for k in range(6) if torch.equal(crop, crops[k])) for crop in part]
        assert sorted(found) == list(range(6))


@pytest.mark.slow
def test_resume_is_bit_exact(crops, run_for, tmp_path, short):
    """Stopped between checkpoints and resumed: losses, previews and checkpoint are the same bytes."""
    whole = run_for(crops, short, tmp_path / "whole", preview_every=40, checkpoint_every=16)
    run_for(crops, short, tmp_path / "parts", steps=5, preview_every=40, checkpoint_every=16)
    assert checkpoints.history(tmp_path / "parts")[-1]["images"] == 40  # one step past the checkpoint at 32
    rest = run_for(crops, short, tmp_path / "parts", preview_every=40, checkpoint_every=16)
    assert [step.images for step in rest] == [40, 48]
    assert [step.losses for step in rest] == [step.losses for step in whole[4:]]
    names = [checkpoints.CHECKPOINT, checkpoints.HISTORY, checkpoints.RECIPE]
    names += [f"{checkpoints.PREVIEWS}/{count:09}.png" for count in (40, 48)]
    for name in names:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert len(list((tmp_path / "parts" / checkpoints.PREVIEWS).iterdir())) == 2
    assert run_for(crops, short, tmp_path / "parts") == []  # finished runs stay finished


def test_a_second_training_in_the_same_folder_is_refused(crops, tmp_path, short):
    first = train(crops, short, tmp_path / "run")
    next(first)
    with pytest.raises(BusyError, match=f"^{tmp_path / 'run'}: another run is at work there"):
        next(train(crops, short, tmp_path / "run"))
    with pytest.raises(BusyError):
        checkpoints.discard(tmp_path / "run")
    next(train(crops, short, tmp_path / "other")), next(first)
    first.close()
    assert next(train(crops, short, tmp_path / "run")).images == 8, "no checkpoint was written"
    checkpoints.discard(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_stopped_for_now_goes_on_another_time(crops, run_for, tmp_path, short_stylegan2):
    whole = run_for(crops, short_stylegan2, tmp_path / "whole")
    first = run_for(crops, short_stylegan2, tmp_path / "parts", until=48)
    next_step = run_for(crops, short_stylegan2, tmp_path / "parts", seconds=0)
    rest = run_for(crops, short_stylegan2, tmp_path / "parts")
    assert [step.images for step in first + next_step] == [16, 32, 48, 64]
    assert [step.losses for step in first + next_step + rest] == [step.losses for step in whole]


@pytest.mark.slow
def test_another_seed_is_another_run(crops, run_for, tmp_path, short):
    (one,) = run_for(crops, short, tmp_path / "a", steps=1)
    (again,) = run_for(crops, short, tmp_path / "b", steps=1)
    (other,) = run_for(crops, replace(short, seed=1), tmp_path / "c", steps=1)
    assert one.losses == again.losses != other.losses


@pytest.mark.slow
def test_a_run_leaves_what_the_study_reads(crops, run_for, tmp_path, short):
    steps = run_for(crops, short, tmp_path, preview_every=24, checkpoint_every=24)
    assert [step.images for step in steps] == [8, 16, 24, 32, 40, 48]
    assert [step.images for step in steps if step.preview is not None] == [24, 48]
    assert steps[2].preview.shape == (64, 3, 64, 64) and steps[2].preview.abs().max() <= 1
    assert checkpoints.history(tmp_path) == [{"images": step.images, **step.losses} for step in steps]
    assert [count for count, _ in checkpoints.previews(tmp_path)] == [24, 48]


def test_a_loss_that_is_no_number_stops_the_run_and_its_checkpoint_stays(
    crops, run_for, tmp_path, short, monkeypatch
):
    run_for(crops, short, tmp_path, until=short.batch)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    real = Training.step

    def diverged(self, batch):
        for parameter in self.G.parameters():
            parameter.data.fill_(float("nan"))
        return real(self, batch)

    monkeypatch.setattr(Training, "step", diverged)
    with pytest.raises(
        checkpoints.DivergedError, match=r"generator is not finite after .* lower learning rate"
    ):
        run_for(crops, short, tmp_path)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_another_recipe_is_refused(crops, run_for, tmp_path, short):
    run_for(crops, short, tmp_path, steps=1)
    with pytest.raises(
        ValueError, match=r"recipe\.json: this run was started with .*choose another run folder"
    ):
        run_for(crops, replace(short, flips=False), tmp_path, steps=1)


def test_a_recipe_that_cannot_be_trained_leaves_nothing(crops, run_for, tmp_path):
    with pytest.raises(ValueError, match="family must be one of"):
        run_for(crops, Recipe(family="vae"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_of_an_older_version_goes_on(crops, run_for, tmp_path, short_stylegan2):
    """A setting that its recipe does not name yet was what is now the default."""
    run_for(crops, short_stylegan2, tmp_path, until=48)
    settings = checkpoints.read_recipe(tmp_path)
    older = {name: value for name, value in settings.items() if name != "variety"}
    (tmp_path / checkpoints.RECIPE).write_text(json.dumps(older))
    with pytest.raises(ValueError, match="started with"):
        run_for(crops, replace(short_stylegan2, variety=1.0), tmp_path)
    rest = run_for(crops, short_stylegan2, tmp_path)
    assert [step.images for step in rest] == [64, 80, 96]


@pytest.mark.slow
def test_a_users_picture_among_the_previews_survives_a_resume(crops, run_for, tmp_path, short_stylegan2):
    run_for(crops, short_stylegan2, tmp_path, steps=3, preview_every=16, checkpoint_every=32)
    (tmp_path / checkpoints.PREVIEWS / "holiday.png").write_bytes(b"mine")
    rest = run_for(crops, short_stylegan2, tmp_path, preview_every=32)
    assert len(rest) == 4, "the third step was past the last checkpoint"
    assert (tmp_path / checkpoints.PREVIEWS / "holiday.png").read_bytes() == b"mine"
    assert [count for count, _ in checkpoints.previews(tmp_path)] == [16, 32, 64, 96]


@pytest.mark.parametrize("name", ["checkpoint.pt", "previews/000000008.png"])
def test_a_run_in_a_folder_with_foreign_files_is_refused_and_they_survive(
    crops, run_for, tmp_path, short, name
):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(FolderError, match="choose another folder"):
        run_for(crops, short, tmp_path, preview_every=8, checkpoint_every=8)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]
    assert (tmp_path / name).read_bytes() == b"mine"


@pytest.mark.slow
def test_training_teaches_the_discriminator(crops, run_for, tmp_path):
    """Six crops and eight steps: D starts at chance (2 log 2) and then tells real from fake."""
    recipe = Recipe(images=240, batch=8, learning_rate=5e-4)
    losses = [step.losses["discriminator"] for step in run_for(crops, recipe, tmp_path, steps=8)]
    assert losses[0] == pytest.approx(2 * math.log(2), abs=0.2)
    assert min(losses) < 0.6 * losses[0]


@pytest.mark.slow
def test_training_leaves_no_gradient_of_one_network_in_the_other(crops, short):
    """G's step moves G alone, D's step D alone: with one learning rate at zero that network stands still."""
    for still, moving in (("G", "D"), ("D", "G")):
        run = Training(short)
        run._set_learning_rate = lambda: None
        getattr(run, f"optimize_{still}").param_groups[0]["lr"] = 0.0
        before = {name: [p.clone() for p in getattr(run, name).parameters()] for name in "GD"}
        run.step(run.batch(crops))
        moved = {}
        for name in "GD":
            pairs = zip(before[name], getattr(run, name).parameters(), strict=True)
            moved[name] = max((p - q).abs().max().item() for p, q in pairs)
        assert moved[still] == 0 and moved[moving] > 1e-5


@pytest.mark.slow
def test_a_plain_run_averages_nothing_and_uses_batch_norm(crops, run_for, tmp_path):
    assert len(run_for(crops, replace(PLAIN, images=24, batch=8), tmp_path)) == 3
    state = torch.load(tmp_path / checkpoints.CHECKPOINT, weights_only=True)
    assert list(state["D"]) == list(dcgan.Discriminator(norm="batch").state_dict())
    assert list(state["G"]) == list(dcgan.Generator().state_dict())
    assert all(torch.equal(state["G"][name], state["average"][name]) for name in state["G"])


@pytest.mark.slow
@pytest.mark.parametrize("noise", [False, True])
def test_a_stylegan2_learns_by_the_same_loop(crops, run_for, tmp_path, short_stylegan2, noise):
    """Resumed bit for bit, exported, loaded; without noise no layer's noise ever gets any strength."""
    recipe = replace(short_stylegan2, noise=noise)
    whole = run_for(crops, recipe, tmp_path / "whole", checkpoint_every=48)
    run_for(crops, recipe, tmp_path / "parts", until=48)
    rest = run_for(crops, recipe, tmp_path / "parts")
    assert [step.losses for step in rest] == [step.losses for step in whole[3:]]
    G = load_generator(export(tmp_path / "whole", tmp_path / "mine.safetensors")[0])
    w = G.mapping(G.sample_z(3, torch.Generator().manual_seed(0)))
    assert torch.equal(G.synthesis(w, "const"), G.synthesis(w, "none")) != noise
    assert G.mapping.w_avg.abs().max() > 0, "the mean that truncation needs was followed"
    assert G.facts["frame"] == "deid" and G.facts["images_seen"] == 96


@pytest.mark.slow
def test_a_one_pass_network_resumes_bit_exactly_and_its_export_draws_the_same(
    crops, masked, tmp_path, short_onepass
):
    schedule = Schedule(preview_every=32, checkpoint_every=32, preview_crops=crops)
    whole = list(train(crops, short_onepass, tmp_path / "whole", schedule))
    list(train(crops, short_onepass, tmp_path / "parts", replace(schedule, until=32)))
    rest = list(train(crops, short_onepass, tmp_path / "parts", schedule))
    assert [step.losses for step in rest] == [step.losses for step in whole[2:]]
    assert whole[-1].preview.shape == (96, 3, 64, 64)
    file, _ = export(tmp_path / "whole", tmp_path / "mine.safetensors")
    G, D = load_generator(file), load_discriminator(file)
    assert (G.family, D.family, G.resolution, G.facts["images_seen"]) == ("onepass", "onepass", 64, 64)
    trained = Training(short_onepass)
    trained.load_state(torch.load(tmp_path / "whole" / checkpoints.CHECKPOINT, weights_only=True))
    z = G.sample_z(len(masked.crops), torch.Generator().manual_seed(0))
    with torch.no_grad():
        for truncation in (0.5, 1.0):
            same = recalibrate(trained.average, 64)(z, masked.given, truncation)
            torch.testing.assert_close(G(z, masked.given, truncation), same, rtol=0, atol=0.02)
        own, again = trained.D(masked.crops, masked.given)[0], D(masked.crops, masked.given)[0]
        torch.testing.assert_close(again, own, rtol=0, atol=0.02)


def test_previews_show_other_faces_where_the_schedule_has_some(crops, masked, tmp_path, short_onepass):
    mirrored = [crops.batch(range(6)).flip(3), crops.landmarks]

    class Unseen:
        landmarks = mirrored[1]

        def __len__(self) -> int:
            return 6

        def batch(self, indices):
            return mirrored[0][indices]

    recipe = replace(short_onepass, images=16)
    (step,) = train(crops, recipe, tmp_path, Schedule(preview_crops=Unseen()))
    visible = masked.visible
    assert torch.equal(step.preview[:6] * visible, mirrored[0] * visible)
