"""Means over rectangles of an image, many at once: summed-area tables (Crow, 1984).

A view of any rectangle at any size then costs what the view has, not what the rectangle has.
"""

import torch
from torch import Tensor


def sums(levels: Tensor) -> Tensor:
    """Of images (N, 3, H, W), 0 to 255, all values above and to the left: (N, H + 1, W + 1, 3).

    Of 32 bits, which run over in large photos; differences are right all the same, up to eight million
    pixels a rectangle.
    """
    count, channels, height, width = levels.shape
    table = torch.zeros(count, height + 1, width + 1, channels, dtype=torch.int32, device=levels.device)
    table[:, 1:, 1:] = levels.permute(0, 2, 3, 1)
    table.cumsum_(2)
    for row in range(2, height + 1):  # several times faster than a cumulative sum across rows
        table[:, row] += table[:, row - 1]
    return table


def resized(table: Tensor, size: tuple[int, int], part: tuple[slice, slice] = (slice(None),) * 2) -> Tensor:
    """The images of ``sums`` at another ``size`` (h, w), each pixel the mean of what it covers: (N, 3, h, w).

    As ``F.interpolate(images, size, mode="area")``; of it the rows and columns ``part``.
    """
    (top, bottom), (left, right) = (
        [edge[some] for edge in _bins(torch.tensor(side - 1, device=table.device), wanted)]
        for side, wanted, some in zip(table.shape[1:3], size, part, strict=True)
    )
    near = table[:, int(top[0]) : int(bottom[-1]) + 1, int(left[0]) : int(right[-1]) + 1]
    if size == (table.shape[1] - 1, table.shape[2] - 1):  # each pixel covers itself
        return near.diff(dim=1).diff(dim=2).permute(0, 3, 1, 2).float()
    # Of indexing, index_select is the fastest on a processor.
    rows = near.index_select(1, bottom - top[0]) - near.index_select(1, top - top[0])
    total = rows.index_select(2, right - left[0]) - rows.index_select(2, left - left[0])
    area = (bottom - top)[:, None] * (right - left)
    return (total / area[..., None]).permute(0, 3, 1, 2)


def cropped(table: Tensor, images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Rectangles of the images of ``sums``, each as its ``size`` by ``size`` means: (K, 3, size, size).

    ``images`` (K,): which image each is of; ``boxes`` (K, 4): left, top, right, bottom in whole pixels, the
    end exclusive, inside the image and not empty.
    """
    left, top, right, bottom = boxes.unbind(1)
    (above, below), (before, after) = (
        [start[:, None] + edge for edge in _bins(end - start, size)]
        for start, end in ((top, bottom), (left, right))
    )
    height, width, channels = table.shape[1:]
    places = table.view(-1, channels)
    shape = len(boxes), size, size, channels

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        """The table's values (K, size, size, 3) where these (K, size) meet."""
        first = (images[:, None] * height + rows) * width
        return places.index_select(0, (first[:, :, None] + columns[:, None]).flatten()).view(shape)

    upper, lower = (at(rows, after) - at(rows, before) for rows in (above, below))
    area = (below - above)[:, :, None] * (after - before)[:, None]
    return ((lower - upper) / area[..., None]).permute(0, 3, 1, 2)


def _bins(sides: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Where each of ``size`` pixels begins and ends in sides (...) -> (..., size) each.

    Bins share a pixel where the sizes do not divide.
    """
    steps = torch.arange(size, device=sides.device)
    sides = sides[..., None]
    return steps * sides // size, ((steps + 1) * sides + size - 1) // size
