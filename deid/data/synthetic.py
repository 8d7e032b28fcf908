"""Synthetic portraits for quick runs: photos of people who do not exist, drawn by a generator."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from deid.generators.interface import FaceGenerator
from deid.photo import alignment, images
from deid.photo.images import Photo
from deid.storage import FolderError, Marker, write_atomically

MARKER = Marker("synthetic.json", "synthetic portraits")  # its value: the names of the files that are ours


def portraits(
    generator: FaceGenerator,
    count: int,
    folder: str | Path,
    seed: int = 0,
    *,
    watch: Callable[[Iterable[Path]], Iterable[Path]] = iter,
) -> list[Path]:
    """Write ``count`` synthetic portraits (280x340 JPEG) to ``folder``; the same seed, the same photos.

    ``watch`` goes over them while they are drawn: ``tqdm`` shows a bar.

    Each is a sample enlarged to about 200 px, turned and moved a little, in soft surroundings of its own
    colours. A few stand so close to the edge that their frame leaves the photo: a dataset has to cope with
    these. Raises ``FolderError`` where ``folder`` holds files that this module did not write.
    """
    random = torch.Generator().manual_seed(seed)
    paths = [Path(folder) / f"portrait-{index:04}.jpg" for index in range(count)]
    _claim(Path(folder), paths)
    for path in watch(paths):
        _photograph(_face(generator, random), random, path)
    return paths


def identities(
    generator: FaceGenerator, count: int, folder: str | Path, views: int = 2, seed: int = 0
) -> list[Path]:
    """Write ``views`` portraits of each of ``count`` synthetic identities to ``folder``, in LFW's layout.

    An identity is one sample, seen from elsewhere in each view. Enough to try a protocol on; two photos of
    one sample are more alike than two of a person ever are. Raises ``FolderError`` as ``portraits`` does.
    """
    random = torch.Generator().manual_seed(seed)
    names = [f"synthetic-{index:04}" for index in range(count)]
    paths = [[Path(folder) / name / f"{name}_{view + 1:04}.jpg" for view in range(views)] for name in names]
    everything = [path for of_one in paths for path in of_one]
    _claim(Path(folder), everything)
    for of_one in paths:
        face = _face(generator, random)
        for path in of_one:
            _photograph(face, random, path)
    return everything


def discard(folder: str | Path, inputs: Iterable[str | Path] = ()) -> None:
    """Delete the portraits that an earlier run wrote to ``folder``; any other file stays.

    Raises ``FolderError`` where the folder is not ours, or holds one of the ``inputs``.
    """
    MARKER.clear(folder, _written(Path(folder)), inputs)


def _written(folder: Path) -> list[str]:
    """The names of the files in ``folder`` that are ours."""
    if not MARKER.is_in(folder):
        return []
    return json.loads((folder / MARKER.name).read_text(encoding="utf-8"))[MARKER.key]


def _claim(folder: Path, paths: list[Path]) -> None:
    """Note in ``folder`` which files are ours, before the first of them is written."""
    names = [path.relative_to(folder).as_posix() for path in paths]
    MARKER.claim(folder, names)
    before = _written(folder)
    if foreign := [name for name in names if (folder / name).exists() and name not in before]:
        raise FolderError(
            f"{folder / foreign[0]}: exists and is not one of our portraits; choose another folder"
        )
    everything = sorted({*before, *names})
    write_atomically(folder / MARKER.name, json.dumps({MARKER.key: everything}, indent=1).encode())


def _face(generator: FaceGenerator, random: torch.Generator) -> Tensor:
    """One sample (1, 3, S, S)."""
    with torch.no_grad():
        return generator(generator.sample_z(1, random)).float().clamp(-1, 1)


def _photograph(face: Tensor, random: torch.Generator, path: Path) -> None:
    """Write a photo of the face (1, 3, S, S), from a random view."""
    matrix = _snapshot(face.shape[3], random)
    pixels = alignment.crop(_surrounded(face), matrix, 340)[..., 30:310]
    images.save(Photo(pixels, "JPEG", options={"quality": 95, "subsampling": 0}), path)


def _surrounded(face: Tensor, finer: int = 2) -> Tensor:
    """The face (1, 3, S, S) amid its own blurred reflection -> (1, 3, 3S * finer, 3S * finer), about."""
    size = face.shape[3]
    wide = F.pad(face, (size - 1,) * 4, mode="reflect")
    wide = F.pad(wide, (1,) * 4, mode="replicate")
    inside = F.pad(torch.ones(1, 1, size - 10, size - 10), (size + 5,) * 4)
    weight = gaussian_blur(inside, [15, 15], [2.5, 2.5])
    near, far = gaussian_blur(wide, [17, 17], [4.0, 4.0]), gaussian_blur(wide, [63, 63], [14.0, 14.0])
    fade = gaussian_blur(inside, [63, 63], [10.0, 10.0])
    canvas = weight * wide + (1 - weight) * (fade * near + (1 - fade) * far)
    return F.interpolate(canvas, scale_factor=finer, mode="bicubic", antialias=False).clamp(-1, 1)


def _snapshot(size: int, random: torch.Generator, finer: int = 2) -> Tensor:
    """A random view (2, 3) on the canvas of ``_surrounded``: photo pixels -> canvas pixels."""
    turn, zoom, right, down = (torch.rand(4, generator=random, dtype=torch.float64) * 2 - 1).tolist()
    angle, step = torch.tensor(turn * 0.35), finer * size / (200 * (1 + 0.2 * zoom))
    cosine, sine = step * angle.cos().double(), step * angle.sin().double()
    linear = torch.stack([torch.stack([cosine, -sine]), torch.stack([sine, cosine])])
    middle = torch.tensor([170.0 + 28 * right, 170.0 + 45 * down], dtype=torch.float64)
    centre = torch.full((2,), 1.5 * size * finer - 0.5, dtype=torch.float64)
    return torch.cat([linear, (centre - linear @ middle)[:, None]], dim=1)
