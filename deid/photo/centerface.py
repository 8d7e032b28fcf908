"""CenterFace (Xu et al., 2019, arXiv 1911.03599): one look at a photo says where the centres of faces lie.

A large photo is looked at in tiles, so that memory is bounded, and once more shrunk, for faces that are
larger than a tile's overlap.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo import images
from deid.photo.centerface_network import COARSEST, STRIDE, CenterFaceNetwork, Maps, load
from deid.photo.overlaps import distinct
from deid.photo.resampling import reduced

TILE, OVERLAP = 1280, 256  # pixels of a tile's side, and that neighbours share
SMALLEST = 10  # pixels: what it finds of smaller faces is chance
SHRUNK = 4  # each further look at a photo that is larger than a tile is of a copy smaller by this
SAME = 0.3  # more shared than this is the same face, as in the paper's own code


class Detections(NamedTuple):
    """Faces of a photo, the best first: ``boxes`` (K, 4), ``scores`` (K,) and ``points`` (K, 5, 2)."""

    boxes: Tensor
    scores: Tensor
    points: Tensor


@torch.inference_mode()
def detect(photo: Tensor, least: float, smallest: float = SMALLEST, device: str = "cpu") -> Detections:
    """Faces that score at least ``least`` in a photo (1, 3, H, W), of about ``smallest`` pixels or more."""
    network, parts = load(device), []
    factor = max(1, int(smallest / SMALLEST))
    image = reduced(photo, factor)
    while True:
        for found in _of_tiles(network, image, least, device):
            parts.append(_enlarged(found, factor))
        if max(image.shape[2:]) <= TILE:
            break
        image, factor = reduced(image, SHRUNK), factor * SHRUNK
    boxes, scores, points = (torch.cat(part) for part in zip(*parts, strict=True))
    best = distinct(boxes, scores, SAME)
    return Detections(boxes[best], scores[best], points[best])


@torch.inference_mode()
def detect_whole(photo: Tensor, least: float, device: str = "cpu") -> Detections:
    """``detect`` without tiles or copies, however large the photo (1, 3, H, W) is."""
    found = _in_places(load(device)(_padded(images.to_levels(photo)).to(device)), least)
    best = distinct(found.boxes, found.scores, SAME)
    return Detections(*(part[best] for part in found))


def _of_tiles(network: CenterFaceNetwork, image: Tensor, least: float, device: str) -> Iterator[Detections]:
    """What is found in each tile of an image, in the image's pixels, where the next tile sees no more."""
    height, width = image.shape[2:]
    for top, upper, lower in _cuts(height):
        for left, before, after in _cuts(width):
            tile = image[:, :, top : top + TILE, left : left + TILE]
            found = _in_places(network(_padded(images.to_levels(tile)).to(device)), least)
            boxes = found.boxes + found.boxes.new_tensor([left, top, left, top])
            points = found.points + found.points.new_tensor([left, top])
            x, y = (boxes[:, :2] + boxes[:, 2:]).unbind(1)
            own = (x >= 2 * before) & (x < 2 * after) & (y >= 2 * upper) & (y < 2 * lower)
            yield Detections(boxes[own], found.scores[own], points[own])


def _cuts(side: int) -> list[tuple[int, float, float]]:
    """Where tiles of a side begin, and from where to where the centres lie that are theirs."""
    starts = list(range(0, max(1, side - OVERLAP), TILE - OVERLAP))
    middles = [start + OVERLAP / 2 for start in starts[1:]]
    return list(zip(starts, [-torch.inf, *middles], [*middles, torch.inf], strict=True))


def _padded(tile: Tensor) -> Tensor:
    """A tile with black to its right and below, up to sides that the network's coarsest features divide."""
    more = [-side % COARSEST for side in tile.shape[2:]]
    return F.pad(tile, (0, more[1], 0, more[0])).contiguous(memory_format=torch.channels_last)


def _in_places(maps: Maps, least: float) -> Detections:
    """Boxes and points in pixels of all places that score enough: centres at whole numbers."""
    scores, sizes, offsets, points = (part[0].cpu() for part in maps)
    down, across = (scores >= least).nonzero().unbind(1)
    height, width = (sizes[:, down, across].exp() * STRIDE).unbind(0)
    y, x = ((torch.stack([down, across]) + offsets[:, down, across] + 0.5) * STRIDE - 0.5).unbind(0)
    corner = torch.stack([x - width / 2, y - height / 2], 1)
    sides = torch.stack([width, height], 1)
    shares = points[:, :, down, across].permute(2, 0, 1).flip(2)
    return Detections(
        torch.cat([corner, corner + sides], 1),
        scores[down, across],
        corner[:, None] + shares * sides[:, None],
    )


def _enlarged(found: Detections, factor: int) -> Detections:
    """What was found in a copy that is smaller by ``factor``, in the photo's pixels."""
    return Detections((found.boxes + 0.5) * factor - 0.5, found.scores, (found.points + 0.5) * factor - 0.5)
