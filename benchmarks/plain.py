"""What one would write without this project: facenet-pytorch's MTCNN, photo by photo, and a blur from Pillow.

``python benchmarks/plain.py FOLDER PHOTO...`` blurs the faces of photos into a folder.
"""

import sys
from pathlib import Path

from facenet_pytorch import MTCNN
from PIL import Image, ImageFilter, ImageOps


def blur(photos: list[Path], folder: Path) -> None:
    """Write each photo into ``folder`` with a blur over each box that MTCNN finds."""
    detector = MTCNN(keep_all=True)
    for photo in photos:
        picture = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
        boxes, _ = detector.detect(picture)
        for box in boxes if boxes is not None else ():
            left, top, right, bottom = (round(side) for side in box)
            face = picture.crop((left, top, right, bottom))
            picture.paste(face.filter(ImageFilter.GaussianBlur(0.15 * face.width)), (left, top))
        picture.save(folder / f"{photo.stem}.jpg", quality=92)


if __name__ == "__main__":
    blur([Path(photo) for photo in sys.argv[2:]], Path(sys.argv[1]))
