"""What a training run leaves in its folder, so that it can be watched, stopped and resumed.

``recipe.json``, ``history.jsonl`` (one line a step), ``previews/`` (one PNG grid each) and ``checkpoint.pt``.
The recipe marks the folder as ours. A preview is ours if its name is nine digits. Other files are left alone.
A lock lets one process at a time train in it.
"""

import contextlib
import io
import json
import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torchvision.utils import make_grid

from deid import storage
from deid.generators.weights.recorded_pickle import BROKEN, said
from deid.photo import images
from deid.photo.images import Photo
from deid.storage import Marker, write_atomically

CHECKPOINT, HISTORY, PREVIEWS, RECIPE = "checkpoint.pt", "history.jsonl", "previews", "recipe.json"
MARKER = Marker(RECIPE, "images")


class DivergedError(ValueError):
    """A training whose losses are no numbers any more; the message names the run and the fix."""


class RunError(ValueError):
    """A file of a run that is damaged, or another version's; the message names the file and the fix."""


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise ``RunError`` for whatever reading a damaged file, or using what it holds, raises."""
    try:
        yield
    except RunError:
        raise
    except (*BROKEN, OSError, zipfile.BadZipFile) as error:
        raise RunError(f"{path}: cannot be used ({said(error)}); choose another run folder") from error


class Resumable(Protocol):
    """A training whose state goes into a checkpoint; ``images``: how many it has had so far."""

    images: int

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore the state of a checkpoint."""


@contextlib.contextmanager
def resumed(training: Resumable, recipe: Any, run: str | Path, device: str = "cpu") -> Iterator[None]:
    """Hold the folder ``run`` for ``training``, by the dataclass ``recipe``; it goes on from its checkpoint.

    History and previews past the checkpoint are dropped, and half files of killed runs. Raises
    ``LockError`` where another training is at work in the folder, and as ``write_recipe`` does.
    """
    run = Path(run)
    claim(run)
    with storage.only_one(run, [run, run / PREVIEWS]):
        write_recipe(asdict(recipe), run, asdict(type(recipe)()))
        if (state := load_checkpoint(run, device)) is not None:
            with reading(run / CHECKPOINT):
                training.load_state(state)
        rewind(training.images, run)
        yield


def claim(run: str | Path) -> None:
    """Raise ``FolderError`` where the folder holds files of our names that are not ours."""
    MARKER.claim(run, [HISTORY, PREVIEWS, CHECKPOINT])


def history(run: str | Path) -> list[dict[str, Any]]:
    """The losses of a run, one record a step: images, discriminator, generator.

    Raises ``RunError`` where they are damaged.
    """
    path = Path(run) / HISTORY
    if not path.exists():
        return []
    with reading(path):
        lines = path.read_bytes().splitlines(keepends=True)
        records = [json.loads(line) for line in lines if line.endswith(b"\n")]  # a torn last line is none
        if not all(isinstance(record, dict) and type(record.get("images")) is int for record in records):
            raise ValueError("a line that is no record of a step")
    return records


def previews(run: str | Path) -> list[tuple[int, Tensor]]:
    """The preview grids of a run: (images seen, (1, 3, H, W)) in order."""
    return [(int(path.stem), images.load(path).pixels) for path in _preview_files(run)]


def read_recipe(run: str | Path) -> dict[str, Any]:
    """The settings that the run was started with. Raises ``RunError`` where they are damaged."""
    with reading(Path(run) / RECIPE):
        return dict(**json.loads((Path(run) / RECIPE).read_text(encoding="utf-8")))


def write_recipe(settings: dict[str, Any], run: str | Path, defaults: dict[str, Any]) -> None:
    """Write the run's settings, before any other file of it.

    What an older version did not write down was as in ``defaults``. Raises ``FolderError`` where the folder
    holds files of our names that are not ours, and ``ValueError`` where it was started with other settings.
    """
    run = Path(run)
    claim(run)
    settings, defaults = json.loads(
        json.dumps([settings, defaults])
    )  # as they will be read: tuples become lists
    if (run / RECIPE).exists() and (found := defaults | read_recipe(run)) != settings:
        raise ValueError(f"{run / RECIPE}: this run was started with {found}; choose another run folder")
    write_atomically(run / RECIPE, json.dumps(settings, indent=1).encode())


def refuse_nonsense(losses: Mapping[str, float], count: int, run: str | Path) -> None:
    """Raise ``DivergedError`` where a loss is not finite: what follows would be written over a good state."""
    if wrong := [name for name, loss in losses.items() if not math.isfinite(loss)]:
        good = (
            "its checkpoint is from before" if (Path(run) / CHECKPOINT).exists() else "it has no checkpoint"
        )
        raise DivergedError(
            f"{run}: the loss of the {' and the '.join(wrong)} is not finite after {count} images; {good}; "
            "choose a lower learning rate, or another run folder"
        )


def append(record: dict[str, Any], run: str | Path) -> None:
    """Add one step's record to the history, whole or not at all. Raises ``WriteError``."""
    storage.append(Path(run) / HISTORY, [json.dumps(record)])


def save_preview(count: int, preview: Tensor, run: str | Path) -> None:
    """Write a preview (N, 3, H, W) as one picture, eight in a row, named by the images seen."""
    grid = make_grid(preview, nrow=8, padding=2, pad_value=1.0)[None]
    images.save(Photo(grid), Path(run) / PREVIEWS / f"{count:09d}.png")


def save_checkpoint(state: dict[str, Any], run: str | Path) -> None:
    """Write the checkpoint whole or not at all."""
    torch.save(state, content := io.BytesIO())
    write_atomically(Path(run) / CHECKPOINT, content.getvalue())


def load_checkpoint(run: str | Path, device: str = "cpu") -> dict[str, Any] | None:
    """The state of the last checkpoint, tensors and numbers only; None where there is none yet.

    Raises ``RunError`` where it is damaged.
    """
    path = Path(run) / CHECKPOINT
    if not path.exists():
        return None
    with reading(path):
        return dict(**torch.load(path, map_location=device, weights_only=True))


def rewind(count: int, run: str | Path) -> None:
    """Drop history and previews past ``count`` images, the checkpoint's: the steps after it are run again."""
    records = [record for record in history(run) if record["images"] <= count]
    write_atomically(Path(run) / HISTORY, "".join(json.dumps(record) + "\n" for record in records).encode())
    for path in _preview_files(run):
        if int(path.stem) > count:
            path.unlink()


def discard(run: str | Path, inputs: Iterable[str | Path] = ()) -> None:
    """Delete what a run left in its folder; any other file stays.

    Does nothing where the folder is missing or empty. Raises ``FolderError`` where it is not ours, or holds
    one of the ``inputs``, and ``LockError`` where a training is at work in it.
    """
    ours = [f"{PREVIEWS}/{path.name}" for path in _preview_files(run)]
    MARKER.clear(run, [HISTORY, CHECKPOINT, *ours], inputs)


def _preview_files(run: str | Path) -> list[Path]:
    """The previews that we wrote, in order."""
    paths = sorted((Path(run) / PREVIEWS).glob("*.png"))
    return [path for path in paths if re.fullmatch("[0-9]{9}", path.stem) and path.is_file()]
