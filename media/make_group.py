"""Makes media/group.jpg, a video call of twelve synthetic people, and media/group-before-after.jpg.

Run by hand from the repository's root, with a folder or tar of the portraits: ``python media/make_group.py
synthetic-portraits.tar``. Nothing at run time needs it. The before/after is what the tool does by
default, with the people that come with it.

The portraits are of people who do not exist: made with Stable Diffusion 3, CC0, from
https://github.com/faker-js/assets-person-portrait at commit 63aef57b5a839aebe3ad913ec7c76469aabbb6c5. The
folder or tar holds them as square WebP files with the names listed below. The people were chosen from all
200 by looking at the results of another method; the seed is the default.
"""

import argparse
import io
import tarfile
from pathlib import Path

from PIL import Image

import deid
from deid.photo.images import to_uint8

PEOPLE = (
    "female-20", "male-2", "female-22", "male-51", "female-38", "male-94",
    "female-95", "male-38", "female-47", "male-63", "female-56", "female-90",
)  # fmt: skip
SEED = 0
COLUMNS, TILE, GAP = 6, 224, 8  # tiles in a row; pixels
BACKGROUND = (32, 33, 36)
MEDIA = Path(__file__).parent


def portraits(source: Path) -> list[Image.Image]:
    """The portraits of ``PEOPLE``, in this order. Raises ``SystemExit`` where one is missing."""
    if source.is_dir():
        found = {path.stem: path.read_bytes() for path in source.rglob("*.webp") if path.stem in PEOPLE}
    else:
        with tarfile.open(source) as tar:
            found = {
                Path(member.name).stem: tar.extractfile(member).read()
                for member in tar
                if member.isfile() and Path(member.name).stem in PEOPLE
            }
    if missing := [name for name in PEOPLE if name not in found]:
        raise SystemExit(f"{source}: no portrait named {', '.join(missing)}")
    return [Image.open(io.BytesIO(found[name])).convert("RGB") for name in PEOPLE]


def video_call(people: list[Image.Image]) -> Image.Image:
    """The portraits as the tiles of a video call, ``COLUMNS`` in a row."""
    step = TILE + GAP
    canvas = Image.new("RGB", (COLUMNS * step + GAP, len(people) // COLUMNS * step + GAP), BACKGROUND)
    for i, person in enumerate(people):
        tile = person.resize((TILE, TILE), Image.Resampling.LANCZOS)
        canvas.paste(tile, (GAP + i % COLUMNS * step, GAP + i // COLUMNS * step))
    return canvas


def one_above_the_other(before: Image.Image, after: Image.Image) -> Image.Image:
    """Two pictures of one size, with a white line between them."""
    canvas = Image.new("RGB", (before.width, 2 * before.height + GAP), "white")
    canvas.paste(before, (0, 0))
    canvas.paste(after, (0, before.height + GAP))
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("portraits", type=Path, help="folder or tar with the portraits as WebP")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--output", type=Path, default=MEDIA, help="folder for both pictures (media/)")
    given = parser.parse_args()
    group = given.output / "group.jpg"
    video_call(portraits(given.portraits)).save(group, quality=92, optimize=True)
    result = deid.anonymize(group, method="reference", seed=given.seed)
    with Image.open(group) as before:
        both = one_above_the_other(before, Image.fromarray(to_uint8(result.photo.pixels)[0]))
    both.save(given.output / "group-before-after.jpg", quality=90, optimize=True)


if __name__ == "__main__":
    main()
