"""Makes media/versions.jpg: the upper row of media/group.jpg, and below it what each version makes of it.

Run by hand from the repository's root: ``python media/make_versions.py``. Nothing at run time needs it. The
people do not exist (``make_group.py``). All versions have the seed of the README's first picture and their
own settings; nothing is checked, so that what is seen is what was drawn.
"""

from make_group import BACKGROUND, GAP, MEDIA, SEED, TILE
from PIL import Image

import deid
from deid.photo.images import to_uint8

METHODS = ("dcgan", "stylegan2", "onepass", "reference")  # versions 1 to 4


def main() -> None:
    group = MEDIA / "group.jpg"
    with Image.open(group) as before:
        row = (0, GAP, before.width, GAP + TILE)
        rows = [before.crop(row)]
    for method in METHODS:
        result = deid.anonymize(group, method=method, seed=SEED, verify=False)
        rows.append(Image.fromarray(to_uint8(result.photo.pixels)[0]).crop(row))
    canvas = Image.new("RGB", (rows[0].width, len(rows) * (TILE + GAP) + GAP), BACKGROUND)
    for k, picture in enumerate(rows):
        canvas.paste(picture, (0, GAP + k * (TILE + GAP)))
    canvas.save(MEDIA / "versions.jpg", quality=90, optimize=True)


if __name__ == "__main__":
    main()
