"""MTCNN (Zhang et al., 2016, arXiv 1604.02878): three small networks, each looks closer than the one before.

The first looks at every place of an image at many sizes, the others at what was found. It finds what
``facenet_pytorch.MTCNN`` finds. That one shrinks the image for each size, and each of hundreds of places, by
itself; here all of that comes out of one table (``photo.areas``).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from deid.photo import areas
from deid.photo.mtcnn_networks import Network, networks
from deid.photo.overlaps import distinct

PROPOSED = 0.6  # the score that the first network lets pass
SECOND, THIRD = (24, 0.7), (48, 0.7)  # pixels that the others look at, and the scores that they let pass
FACTOR = 0.709  # from one size of the image to the next: half of the pixels
CELL, STRIDE = 12, 2  # pixels that the first network looks at, and from one place to the next
TILE = 160  # places in a row, and rows, that are computed together: the same in less memory
# Places that are looked at together: on a processor as many as its caches hold.
ON_PROCESSOR, AT_ONCE = 32, 512
OVERLAP = (0.5, 0.7)  # more than that is the same place, at one size and over all


class Found(NamedTuple):
    """Faces of N images: which ``image`` (K,) each is in, ``boxes`` (K, 4), ``scores`` (K,) and
    ``points`` (K, 5, 2).
    """

    image: Tensor
    boxes: Tensor
    scores: Tensor
    points: Tensor


@torch.inference_mode()
def detect(levels: Tensor, smallest: float, device: str = "cpu") -> Found:
    """Faces of at least about ``smallest`` pixels in images (N, 3, H, W) of levels 0 to 255, rounded."""
    pnet, rnet, onet = networks(device)
    table = areas.sums(levels.to(device))
    image, boxes = _proposed(pnet, table, smallest)
    image, boxes, (score, change) = _looked_at(rnet, SECOND, table, image, boxes)
    chosen = distinct(boxes, score, OVERLAP[1], image)
    image, boxes = image[chosen], _square(_corrected(boxes[chosen], change[chosen]))
    image, boxes, (score, change, points) = _looked_at(onet, THIRD, table, image, boxes)
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    points = points.view(-1, 2, 5).transpose(1, 2) * sides[:, None] + boxes[:, None, :2] - 1
    boxes = _corrected(boxes, change)
    chosen = distinct(boxes, score, OVERLAP[1], image, of_smaller=True)
    return Found(*(part[chosen].cpu() for part in (image, boxes, score, points)))


@torch.inference_mode()
def look_closer(levels: Tensor, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """What the last network says of squares (N, 3, 48, 48) of levels: scores (N,), points (N, 5, 2).

    Points are in shares of the side. A face should fill its square as its box does (``SQUARE``).
    """
    onet = networks(device)[2]
    said = [onet(((part - 127.5) / 128).to(device)) for part in levels.split(_at_once(device))]
    scores, _, points = (torch.cat(part).cpu() for part in zip(*said, strict=True))
    return scores, points.view(-1, 2, 5).transpose(1, 2)


def _proposed(pnet: Network, table: Tensor, smallest: float) -> tuple[Tensor, Tensor]:
    """What the first network finds at any size: images (K,) and square boxes (K, 4)."""
    height, width = table.shape[1] - 1, table.shape[2] - 1
    scale, parts = CELL / smallest, []
    while min(height, width) * scale >= CELL:
        parts.append(_at_scale(pnet, table, scale))
        scale *= FACTOR
    image, boxes, scores, change = (torch.cat(part) for part in zip(*parts, strict=True))
    chosen = distinct(boxes, scores, OVERLAP[1], image)
    sides = (boxes[chosen, 2:] - boxes[chosen, :2]).repeat(1, 2)
    return image[chosen], _square(boxes[chosen] + change[chosen] * sides)


def _at_scale(pnet: Network, table: Tensor, scale: float) -> tuple[Tensor, ...]:
    """What the first network finds in the image times ``scale``: images (K,), boxes, scores, corrections."""
    height, width = (int((side - 1) * scale + 1) for side in tuple(table.shape[1:3]))
    rows, columns = (range(0, max(1, -(-(side - 10) // STRIDE)), TILE) for side in (height, width))
    lines: list[list[Tensor]] = []
    for row in rows:
        parts = ((_tile(row), _tile(column)) for column in columns)
        tiles = [pnet((areas.resized(table, (height, width), part) - 127.5) / 128) for part in parts]
        lines.append([torch.cat(part, -1) for part in zip(*tiles, strict=True)])
    scores, change = (torch.cat(part, -2) for part in zip(*lines, strict=True))
    where = scores >= PROPOSED
    image, down, across = where.nonzero().unbind(1)
    corner = STRIDE * torch.stack([across, down], 1).to(scores)
    boxes = torch.cat([((corner + 1) / scale).floor(), ((corner + CELL) / scale).floor()], 1)
    scores, change = scores[where], change.movedim(1, -1)[where]
    chosen = distinct(boxes, scores, OVERLAP[0], image)
    return image[chosen], boxes[chosen], scores[chosen], change[chosen]


def _at_once(device: str) -> int:
    return ON_PROCESSOR if device == "cpu" else AT_ONCE


def _tile(start: int) -> slice:
    """The pixels that so many places see, from the place ``start`` on."""
    return slice(STRIDE * start, STRIDE * (start + TILE) + CELL - STRIDE)


def _looked_at(
    network: Network, limits: tuple[int, float], table: Tensor, image: Tensor, boxes: Tensor
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """The places that pass a network, and all that it says of them; those outside of their image do not."""
    size, least = limits
    limit = boxes.new_tensor([table.shape[2] - 1, table.shape[1] - 1]).repeat(2)
    whole = boxes.trunc()
    whole = torch.cat([whole[:, :2].clamp(min=1) - 1, torch.minimum(whole[:, 2:], limit[2:])], 1).long()
    there = (whole[:, 2:] > whole[:, :2]).all(1)
    image, boxes, whole = image[there], boxes[there], whole[there]
    several = _at_once(table.device.type)
    views = (
        areas.cropped(table, some, where, size)
        for some, where in zip(image.split(several), whole.split(several), strict=True)
    )
    said = [network((view - 127.5) / 128) for view in views]
    parts = [torch.cat(part) for part in zip(*said, strict=True)]
    passed = parts[0] > least
    return image[passed], boxes[passed], [part[passed] for part in parts]


def _corrected(boxes: Tensor, change: Tensor) -> Tensor:
    """Boxes (K, 4) moved by what a network said, in their sides."""
    return boxes + change * (boxes[:, 2:] - boxes[:, :2] + 1).repeat(1, 2)


def _square(boxes: Tensor) -> Tensor:
    """Boxes (K, 4) with both sides as long as the longer one, around the same middle."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.amax(1, keepdim=True)
    corner = boxes[:, :2] + sides * 0.5 - longer * 0.5
    return torch.cat([corner, corner + longer], 1)
