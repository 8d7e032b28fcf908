"""Where photos come from: CelebA and Labelled Faces in the Wild as published.

For a folder of photos see ``images.find``.
"""

import warnings
from pathlib import Path

from deid.photo import images
from deid.photo.images import ImageError

FOLDER, PARTITIONS = "img_align_celeba", ("list_eval_partition.txt", "list_eval_partition.csv")
SPLITS = {"train": "0", "valid": "1", "test": "2"}  # as list_eval_partition.txt numbers them


def celeba(root: str | Path, split: str = "all", download: bool = False) -> list[Path]:
    """The photos of CelebA in its official layout.

    That is ``root/celeba/img_align_celeba/*.jpg``, or ``root/img_align_celeba/*.jpg``; or as Kaggle packs it,
    one folder deeper and with partitions as CSV. Warns where photos are missing.

    With ``download`` the set is fetched through torchvision first. ``split``: train, valid, test or all
    (needs ``list_eval_partition.txt`` or ``.csv``). Raises ``ImageError`` where nothing is there or the quota
    refuses.
    """
    root = Path(root)
    if download:
        _download_celeba(root)
    base = next((p for p in (root / "celeba", root) if (p / FOLDER).is_dir()), None)
    if base is None:
        raise ImageError(
            f"{root}: no img_align_celeba folder; pass download=True, or fetch img_align_celeba.zip by hand"
            " from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and unpack it there"
        )
    folder = base / FOLDER / FOLDER if (base / FOLDER / FOLDER).is_dir() else base / FOLDER
    photos = sorted(folder.glob("*.jpg"))
    if not photos:
        raise ImageError(f"{folder}: no photo (*.jpg) in it; unpack img_align_celeba.zip there")
    if split != "all" and split not in SPLITS:
        raise ValueError(f"split must be 'all', {', '.join(map(repr, SPLITS))}, not {split!r}")
    listed = _partition(base)
    if missing := len(listed.keys() - {photo.name for photo in photos}):
        found = f"{len(photos)} photos of the {len(listed)} that the list of partitions names"
        warnings.warn(f"{folder}: {found}; {missing} are missing: unpack the archive again", stacklevel=2)
    if split == "all":
        return photos
    if not listed:
        raise ImageError(
            f"{base / PARTITIONS[0]}: needed for split={split!r}; fetch it beside {FOLDER} or use split='all'"
        )
    chosen = [photo for photo in photos if listed.get(photo.name) == SPLITS[split]]
    if not chosen:
        raise ImageError(f"{folder}: no photo of split={split!r} in it; unpack the archive again")
    return chosen


def _partition(base: Path) -> dict[str, str]:
    """Photo -> the number of its split, from the text as published or Kaggle's CSV; empty without one."""
    path = next((base / name for name in PARTITIONS if (base / name).is_file()), None)
    lines = path.read_text().splitlines() if path else []
    rows = (line.replace(",", " ").split() for line in lines)
    return {row[0]: row[1] for row in rows if len(row) == 2 and row[0].endswith(".jpg")}


def _download_celeba(root: Path) -> None:
    from torchvision.datasets import CelebA

    try:
        CelebA(str(root), split="all", download=True)
    except Exception as error:  # gdown, zip and network errors have no common base
        raise ImageError(
            f"{root}: CelebA could not be downloaded ({error}). Google Drive refuses when its daily quota is"
            " used up: try again tomorrow, or fetch img_align_celeba.zip by hand from"
            " https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and unpack it there"
        ) from error


def lfw(root: str | Path, min_photos: int = 1) -> list[Path]:
    """The photos of people with at least ``min_photos`` in Labelled Faces in the Wild.

    Its layout is ``root/NAME/NAME_0001.jpg``. Raises ``ImageError`` where there is no such photo.
    """
    people = [images.find(person) for person in sorted(Path(root).glob("*")) if person.is_dir()]
    photos = [photo for of_person in people if len(of_person) >= min_photos for photo in of_person]
    if not photos:
        raise ImageError(f"{root}: no LFW photos; expected folders NAME/NAME_0001.jpg")
    return photos
