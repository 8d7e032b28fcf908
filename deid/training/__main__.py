"""Training that is started from a command line, a few minutes at a time: ``python -m deid.training``.

A call goes on where the last one stopped, as if that had not. What ships of versions 1 to 3 was trained in
notebooks. ``accelerate launch -m deid.training dcgan ...`` trains a DCGAN by several processes.
"""

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from deid.data.crops import FaceCrops
from deid.devices import resolve_device
from deid.generators import WeightsError
from deid.photo.images import ImageError
from deid.storage import FolderError
from deid.training import encoding, exports, loop, processes, refining
from deid.training.config import ONEPASS_256, Recipe, Schedule
from deid.training.encoding import EncoderRecipe
from deid.training.refining_examples import RefiningRecipe


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    p = argparse.ArgumentParser(prog="python -m deid.training", description="Train a few minutes at a time.")
    commands = p.add_subparsers(dest="command", required=True)
    refine = commands.add_parser("refining", help="the network that joins references to photos")
    larger = commands.add_parser("onepass-256", help="version 3 at 256 px, grown from onepass-128")
    dcgan = commands.add_parser("dcgan", help="version 1, by one process or several (accelerate launch)")
    encoder = commands.add_parser("encoder", help="where version 1's search begins; needs no photos")
    learning = ((refine, RefiningRecipe()), (larger, ONEPASS_256), (dcgan, Recipe()))
    for command, _ in learning:
        command.add_argument(
            "crops", type=Path, nargs="+", help="dataset folders (notebook 01), crops of one size"
        )
        command.add_argument("--limit", type=int, help="learn from the first so many crops only")
    for command, recipe in (*learning, (encoder, EncoderRecipe())):
        command.add_argument(
            "--run", type=Path, required=True, help="the run's folder; the next call goes on in it"
        )
        command.add_argument("--minutes", type=float, default=9.0, help="stop after so many (%(default)s)")
        command.add_argument(
            "--images", type=int, default=recipe.images, help="seen over the whole run (%(default)s)"
        )
        command.add_argument("--batch", type=int, default=recipe.batch, help="(%(default)s)")
        command.add_argument(
            "--export", type=Path, metavar="FILE", help="write the network, as it is then, to FILE"
        )
    encoder.add_argument("--weights", default="dcgan-64", help="of a DCGAN (%(default)s)")
    refine.add_argument("--start", type=Path, metavar="FILE", help="weights to go on from, in a new run")
    for command in (larger, dcgan):
        command.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (%(default)s)")
    dcgan.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    dcgan.add_argument("--float32", action="store_true", help="compute in float32, not in bfloat16")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code."""
    given = parser().parse_args(arguments)
    try:
        TRAININGS[given.command](given)
    except (ImageError, FolderError, WeightsError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the next call goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


def train_refining(given: argparse.Namespace) -> None:
    """Go on with the network that joins references to photos."""
    processes.refuse_several(given.command)
    recipe = RefiningRecipe(images=given.images, batch=given.batch, start=str(given.start or ""))
    crops = FaceCrops(given.crops, given.limit)
    follow(refining.train(crops, recipe, given.run, 60 * given.minutes), recipe.images)
    if given.export:
        print(refining.export(given.run, given.export))


def train_onepass_256(given: argparse.Namespace) -> None:
    """Go on with version 3 at 256 px."""
    recipe = replace(ONEPASS_256, images=given.images, batch=given.batch)
    crops = FaceCrops(given.crops, given.limit).at(4 * 2 ** len(recipe.channels))
    schedule = Schedule(seconds=60 * given.minutes)
    steps = loop.train(crops, recipe, given.run, schedule, resolve_device(given.device))
    follow(((step.images, step.losses["generator"]) for step in steps), recipe.images)
    if given.export:
        print(*exports.export(given.run, given.export))


def train_dcgan(given: argparse.Namespace) -> None:
    """Go on with a DCGAN; of several processes each calls this, and the first one says how it goes."""
    team = processes.join(given.device)
    recipe = Recipe(images=given.images, batch=given.batch, seed=given.seed, bfloat16=not given.float32)
    crops = FaceCrops(given.crops, given.limit).at(64)
    schedule = Schedule(seconds=60 * given.minutes)
    device = team.device or resolve_device(given.device)
    steps = loop.train(crops, recipe, given.run, schedule, device, processes=team)
    follow(((step.images, step.losses["generator"]) for step in steps), recipe.images, team.number > 0)
    if team.number == 0:
        print(f"trained by {team.count} {'process' if team.count == 1 else 'processes'}")
    team.wait()
    if given.export and team.number == 0:
        print(*exports.export(given.run, given.export))


def train_encoder(given: argparse.Namespace) -> None:
    """Go on with the network that tells a search where to begin."""
    processes.refuse_several(given.command)
    recipe = EncoderRecipe(images=given.images, batch=given.batch, weights=given.weights)
    follow(encoding.train(recipe, given.run, 60 * given.minutes), recipe.images)
    if given.export:
        print(encoding.export(given.run, given.export))


TRAININGS: dict[str, Callable[[argparse.Namespace], None]] = {
    "refining": train_refining,
    "onepass-256": train_onepass_256,
    "dcgan": train_dcgan,
    "encoder": train_encoder,
}


def follow(steps: Iterable[tuple[int, float]], images: int, quiet: bool = False) -> None:
    """Watch a run with a progress bar, unless ``quiet``: images seen so far, and the loss."""
    if quiet:
        deque(steps, maxlen=0)
        return
    seen = images  # where nothing is left to do; a bar that is switched off counts nothing
    with tqdm(total=images, unit="image") as bar:
        for seen, loss in steps:
            bar.update(seen - bar.n)
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
    print(f"{seen} of {images} images seen")


if __name__ == "__main__":
    sys.exit(main())
