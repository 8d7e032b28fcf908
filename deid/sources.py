"""Where photos come from: CelebA, Labelled Faces in the Wild, portraits of nobody; for a folder see ``images.find``."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.transforms.v2.functional import gaussian_blur

from deid import faces, images
from deid.images import ImageError, Photo

SPLITS = {"train": "0", "valid": "1", "test": "2"}  # as list_eval_partition.txt numbers them


def celeba(root: str | Path, split: str = "all", download: bool = False) -> list[Path]:
    """The photos of CelebA's official layout, ``root/celeba/img_align_celeba/*.jpg`` or ``root/img_align_celeba``.

    With ``download`` the set is fetched through torchvision first. ``split``: train, valid, test or all
    (needs ``list_eval_partition.txt``). Raises ``ImageError`` where nothing is there or the quota refuses.
    """
    root = Path(root)
    if download:
        _download_celeba(root)
    base = next((p for p in (root / "celeba", root) if (p / "img_align_celeba").is_dir()), None)
    if base is None:
        raise ImageError(
            f"{root}: no img_align_celeba folder; pass download=True, or fetch img_align_celeba.zip by hand from"
            " https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and unpack it there"
        )
    photos = sorted((base / "img_align_celeba").glob("*.jpg"))
    if split == "all":
        return photos
    if split not in SPLITS:
        raise ValueError(f"split must be 'all', {', '.join(map(repr, SPLITS))}, not {split!r}")
    partition = base / "list_eval_partition.txt"
    if not partition.exists():
        raise ImageError(
            f"{partition}: needed for split={split!r}; fetch it beside img_align_celeba or use split='all'"
        )
    wanted = {line.split()[0] for line in partition.read_text().splitlines() if line.split()[1:] == [SPLITS[split]]}
    return [photo for photo in photos if photo.name in wanted]


def _download_celeba(root: Path) -> None:
    from torchvision.datasets import CelebA

    try:
        CelebA(str(root), split="all", download=True)
    except Exception as error:  # gdown, zip and network errors have no common base
        raise ImageError(
            f"{root}: CelebA could not be downloaded ({error}). Google Drive refuses when its daily quota is used up:"
            " try again tomorrow, or fetch img_align_celeba.zip by hand from"
            " https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and unpack it there"
        ) from error


def lfw(root: str | Path, min_photos: int = 1) -> list[Path]:
    """The photos of Labelled Faces in the Wild, ``root/NAME/NAME_0001.*``, of people with at least ``min_photos``."""
    people = [images.find(person) for person in sorted(Path(root).glob("*")) if person.is_dir()]
    photos = [photo for of_person in people if len(of_person) >= min_photos for photo in of_person]
    if not photos:
        raise ImageError(f"{root}: no LFW photos; expected folders NAME/NAME_0001.jpg")
    return photos


def portraits(generator: nn.Module, count: int, folder: str | Path, seed: int = 0) -> list[Path]:
    """Write ``count`` portrait photos of nobody (280x340 JPEG), drawn by ``generator``; the same seed, the same photos.

    Each is a sample enlarged to about 200 px, turned and moved a little, in soft surroundings of its own colours.
    A few stand so close to the edge that their frame leaves the photo: a dataset has to cope with these.
    """
    random = torch.Generator().manual_seed(seed)
    paths = []
    for index in range(count):
        paths.append(Path(folder) / f"portrait-{index:04}.jpg")
        _photograph(_face(generator, random), random, paths[-1])
    return paths


def nobodies(generator: nn.Module, count: int, folder: str | Path, views: int = 2, seed: int = 0) -> list[Path]:
    """``views`` portraits of each of ``count`` nobodies, in LFW's layout: the same sample, seen from elsewhere.

    Enough to try a protocol on; two photos of one sample are more alike than two of a person ever are.
    """
    random = torch.Generator().manual_seed(seed)
    paths = []
    for index in range(count):
        face, name = _face(generator, random), f"nobody-{index:04}"
        for view in range(views):
            paths.append(Path(folder) / name / f"{name}_{view + 1:04}.jpg")
            _photograph(face, random, paths[-1])
    return paths


def _face(generator: nn.Module, random: torch.Generator) -> Tensor:
    with torch.no_grad():
        return generator(generator.sample_z(1, random)).float().clamp(-1, 1)


def _photograph(face: Tensor, random: torch.Generator, path: Path) -> None:
    matrix = _snapshot(face.shape[3], random)
    pixels = faces.crop(_surrounded(face), matrix, 340)[..., 30:310]
    images.save(Photo(pixels, "JPEG", options={"quality": 95, "subsampling": 0}), path)


def _surrounded(face: Tensor, finer: int = 2) -> Tensor:
    """The face (1, 3, S, S), ``finer`` times larger, amid its own blurred reflection: three times as wide."""
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
