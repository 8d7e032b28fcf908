"""What a detector is shown: faces with what lies around them, as the files of the photos hold them.

Every photo is written and read once, in its own format, whether or not anything was done to it: what a
detector finds is never the encoding alone.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.anonymization import options, pipeline
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.anonymization.targets import place
from deid.evaluation import observations
from deid.photo import alignment, images, masks
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.photo.images import Photo

CONTROL = "control"  # a case of its own: the face itself, cropped and pasted back
SIDE = 192  # pixels of a view
HOLE = "face"  # what every method that is compared hides of a face
FRAME_SIDE = 160  # about how many of them a face's frame has; a larger face is shrunk by a whole number
SHARED_SIDE, SHARED_QUALITY = 128, 85  # of a photo that was passed on
REVISION = 1  # of all that is in this file: what an older one cached is made again


@dataclass(frozen=True)
class View:
    """A face and what is around it: ``crop`` (1, 3, S, S) in [-1, 1], ``hole`` (1, 1, S, S) as 0 or 1.

    The hole is where the tool hides a face unasked. It is known whether or not the face was hidden.
    """

    crop: Tensor
    hole: Tensor


def view_after(path: Path, case: str, seed: int = 0) -> View:
    """The face nearest to the middle of a photo after a case; no other face is changed.

    ``case``: ``CONTROL``, or as ``options.parse`` reads it.
    """
    photo = images.load(path)
    face = observations.locate_faces(photo)[0]
    written = images.encode(_after(photo, face, case, seed))
    return view(images.load(path, content=written), face)


def view(photo: Photo, face: Face) -> View:
    """What is seen of a face, upright, in the photo's own pixels.

    Nothing is resampled, for a detector looks for that. Of a large face blocks of pixels are averaged.
    """
    matrix = DCGAN_FRAME.matrix(face)
    step = max(1, round(alignment.scale(matrix) * DCGAN_FRAME.size / FRAME_SIDE))
    middle = alignment.apply(matrix, torch.full((1, 2), (DCGAN_FRAME.size - 1) / 2))[0]
    corner = (middle - (SIDE * step - 1) / 2).round() + (step - 1) / 2
    straight = torch.cat([step * torch.eye(2, dtype=torch.float64), corner[:, None]], 1)
    points = alignment.apply(alignment.invert(straight), face.points())
    hole = 1 - masks.frame_mask(HOLE, points, SIDE)
    return View(alignment.crop(photo.pixels, straight, SIDE), hole)


def share(seen: View) -> View:
    """The same after the photo was passed on: shrunk to two thirds, and a JPEG."""
    size = SHARED_SIDE, SHARED_SIDE
    small = F.interpolate(seen.crop, size, mode="bilinear", antialias=True)
    crop = images.from_jpeg(images.to_jpeg(small, SHARED_QUALITY), SHARED_SIDE)
    return View(crop, (F.interpolate(seen.hole, size, mode="area") > 0.5).float())


def put_back(photo: Photo, face: Face) -> Photo:
    """The photo with a face cropped into a frame and pasted back, as a drawn one is; nothing else is done.

    The frame has 256 pixels, or is as fine as the photo.
    """
    needed = alignment.scale(DCGAN_FRAME.matrix(face)) * DCGAN_FRAME.size
    frame = DCGAN_FRAME.resized(256 * 2 ** max(0, math.ceil(math.log2(needed / 256))))
    target = place(face, Options(mask=HOLE), frame, seed=0)
    own = alignment.crop(photo.pixels, target.matrix, frame.size)
    return replace(photo, pixels=Draft.of(photo.pixels, [target]).preview({0: own}))


def _after(photo: Photo, face: Face, case: str, seed: int) -> Photo:
    if case == CONTROL:
        return put_back(photo, face)
    chosen = options.parse(case)
    return pipeline.anonymize(photo, replace(chosen, seed=seed), [face]).photo if chosen else photo
