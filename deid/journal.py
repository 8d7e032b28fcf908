"""What a training run leaves in its folder, so that it can be watched, stopped and gone on with.

``recipe.json``, ``history.jsonl`` (one line a step), ``previews/`` (one PNG grid each) and ``checkpoint.pt``.
"""

import io
import json
from pathlib import Path

import torch
from torch import Tensor
from torchvision.utils import make_grid

from deid import images
from deid.images import Photo

CHECKPOINT, HISTORY, PREVIEWS, RECIPE = "checkpoint.pt", "history.jsonl", "previews", "recipe.json"


def history(run: str | Path) -> list[dict]:
    """The losses of a run, one record a step: images, discriminator, generator."""
    path = Path(run) / HISTORY
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]  # a torn last line is no record


def previews(run: str | Path) -> list[tuple[int, Tensor]]:
    """The preview grids of a run: (images seen, (1, 3, H, W)) in order."""
    paths = sorted((Path(run) / PREVIEWS).glob("*.png"))
    return [(int(path.stem), images.load(path).pixels) for path in paths]


def recipe(run: str | Path) -> dict:
    """The settings that the run was started with."""
    return json.loads((Path(run) / RECIPE).read_text())


def keep_recipe(settings: dict, run: Path, defaults: dict) -> None:
    """Write the run's settings; raises ``ValueError`` when the folder was started with others.

    What an older version did not write down was as in ``defaults``.
    """
    settings, defaults = json.loads(json.dumps([settings, defaults]))  # as they will be read: tuples become lists
    if (run / RECIPE).exists() and (found := defaults | recipe(run)) != settings:
        raise ValueError(f"{run / RECIPE}: this run was started with {found}; choose another run folder")
    images.write_atomically(run / RECIPE, json.dumps(settings, indent=1).encode())


def append(record: dict, run: Path) -> None:
    """Add one step's record to the history."""
    with open(run / HISTORY, "a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def keep_preview(count: int, preview: Tensor, run: Path) -> None:
    """Write a preview (N, 3, H, W) as one picture, eight in a row, named by the images seen."""
    grid = make_grid(preview, nrow=8, padding=2, pad_value=1.0)[None]
    images.save(Photo(grid), run / PREVIEWS / f"{count:09d}.png")


def save_checkpoint(state: dict, run: Path) -> None:
    """Write the checkpoint whole or not at all."""
    torch.save(state, content := io.BytesIO())
    images.write_atomically(run / CHECKPOINT, content.getvalue())


def load_checkpoint(run: str | Path, device: str = "cpu") -> dict | None:
    """The state of the last checkpoint, tensors and numbers only; None where there is none yet."""
    path = Path(run) / CHECKPOINT
    return torch.load(path, map_location=device, weights_only=True) if path.exists() else None


def forget_after(count: int, run: Path) -> None:
    """Drop history and previews past ``count`` images, the checkpoint's: the steps after it are run again."""
    kept = [record for record in history(run) if record["images"] <= count]
    images.write_atomically(run / HISTORY, "".join(json.dumps(record) + "\n" for record in kept).encode())
    for path in (run / PREVIEWS).glob("*.png"):
        if int(path.stem) > count:
            path.unlink()
