"""Where photos come from: CelebA and Labelled Faces in the Wild as published.

For a folder of photos see ``images.find``.
"""

from pathlib import Path

from deid.photo import images
from deid.photo.images import ImageError

SPLITS = {"train": "0", "valid": "1", "test": "2"}  # as list_eval_partition.txt numbers them


def celeba(root: str | Path, split: str = "all", download: bool = False) -> list[Path]:
    """The photos of CelebA in its official layout.

    That is ``root/celeba/img_align_celeba/*.jpg``, or ``root/img_align_celeba/*.jpg``.

    With ``download`` the set is fetched through torchvision first. ``split``: train, valid, test or all
    (needs ``list_eval_partition.txt``). Raises ``ImageError`` where nothing is there or the quota refuses.
    """
    root = Path(root)
    if download:
        _download_celeba(root)
    base = next((p for p in (root / "celeba", root) if (p / "img_align_celeba").is_dir()), None)
    if base is None:
        raise ImageError(
            f"{root}: no img_align_celeba folder; pass download=True, or fetch img_align_celeba.zip by hand"
            " from https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html and unpack it there"
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
    wanted = {
        line.split()[0] for line in partition.read_text().splitlines() if line.split()[1:] == [SPLITS[split]]
    }
    return [photo for photo in photos if photo.name in wanted]


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
