"""The frame that faces are brought into, and the exact way back.

Coordinates are float pixels, x then y, pixel centres at integers. ``crop`` and ``paste`` share one 2x3
similarity matrix that maps frame coordinates to photo coordinates.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.faces import Face
from deid.photo.resampling import reduced


@dataclass(frozen=True)
class Frame:
    """A square of ``size`` pixels and where the five landmarks sit in it, as fractions of its side."""

    size: int
    template: tuple[tuple[float, float], ...]

    def points(self) -> Tensor:
        """Template landmarks in frame pixels, (5, 2)."""
        return torch.tensor(self.template, dtype=torch.float64) * self.size - 0.5

    def matrix(self, face: Face) -> Tensor:
        """The least-squares similarity (2, 3) that maps frame pixels to photo pixels for this face."""
        return similarity(self.points(), face.points())

    def resized(self, size: int) -> "Frame":
        """The same view of the face at another resolution."""
        return Frame(size, self.template)


# Eye distance 0.28 of the side: the outline from brows to chin fits with surroundings left on every side to
# judge a fill by, and the view stays inside FFHQ's own crop, so that both training sets fill the frame with
# real pixels. The shape is the mean of MTCNN's landmarks over the training portraits.
DCGAN_FRAME = Frame(64, ((0.360, 0.425), (0.640, 0.425), (0.500, 0.592), (0.375, 0.721), (0.625, 0.721)))

# FFHQ's own crop (Karras et al., 2019), which pretrained StyleGAN2 networks know: the mean of MTCNN's
# landmarks over 4,998 of its thumbnails. Eye distance 0.25.
FFHQ_FRAME = Frame(1024, ((0.386, 0.478), (0.635, 0.478), (0.509, 0.625), (0.396, 0.741), (0.623, 0.741)))
FRAMES = {"deid": DCGAN_FRAME, "ffhq": FFHQ_FRAME}
ROWS = 32  # whose places are computed together


def similarity(source: Tensor, target: Tensor) -> Tensor:
    """The least-squares similarity (2, 3) that maps points ``source`` (K, 2) to ``target`` (K, 2).

    Umeyama (1991), eq. 40-42, without reflection. Raises ``ValueError`` when the source points coincide.
    """
    source_mean, target_mean = source.mean(0), target.mean(0)
    a, b = source - source_mean, target - target_mean
    spread = a.square().sum()
    if spread < 1e-12:
        raise ValueError("landmarks coincide: no similarity transform exists")
    # In 2D the optimal rotation and scale are one complex number: sum(conj(a) b) / sum |a|^2.
    real = (a * b).sum() / spread
    imaginary = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / spread
    linear = torch.stack([torch.stack([real, -imaginary]), torch.stack([imaginary, real])])
    return torch.cat([linear, (target_mean - linear @ source_mean)[:, None]], dim=1)


def scale(matrix: Tensor) -> float:
    """Photo pixels per frame pixel of a similarity matrix (2, 3)."""
    return math.hypot(matrix[0, 0].item(), matrix[1, 0].item())


def invert(matrix: Tensor) -> Tensor:
    """The similarity (2, 3) that undoes ``matrix`` (2, 3)."""
    inverse = torch.linalg.inv(matrix[:, :2])
    return torch.cat([inverse, -inverse @ matrix[:, 2:]], dim=1)


def apply(matrix: Tensor, points: Tensor) -> Tensor:
    """Points (K, 2) mapped by a matrix (2, 3) -> (K, 2)."""
    return points.to(matrix) @ matrix[:, :2].T + matrix[:, 2]


def square_matrix(face: Face, size: int) -> Tensor:
    """The similarity (2, 3) of the original study: the box's centre square, resized to ``size``."""
    x1, y1, x2, y2 = face.box
    side = min(x2 - x1, y2 - y1)
    step = side / size
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    # Pixel centres: frame pixel 0 covers photo [left, left + step).
    return torch.tensor(
        [[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]], dtype=torch.float64
    )


def overrun(matrix: Tensor, size: int, photo_size: tuple[int, int]) -> float:
    """How far the frame's corners leave the photo (width, height), as a fraction of the frame's side."""
    last = size - 0.5
    corners = apply(matrix, torch.tensor([[-0.5, -0.5], [last, -0.5], [-0.5, last], [last, last]]))
    limit = torch.tensor(photo_size, dtype=corners.dtype) - 0.5
    outside = torch.maximum(-0.5 - corners, corners - limit).max().clamp(min=0)
    return (outside / (scale(matrix) * size)).item()


def crop(photo: Tensor, matrix: Tensor, size: int) -> Tensor:
    """Sample the frame out of ``photo`` (1, C, H, W) -> (1, C, size, size), reflected beyond the border.

    When the photo is finer than the frame every frame pixel is the mean of a grid of samples, so that
    shrinking a large face does not alias.
    """
    fineness = max(1, math.ceil(scale(matrix)))
    steps = (torch.arange(size * fineness, dtype=torch.float64) + 0.5) / fineness - 0.5
    return reduced(_sample(photo, matrix, steps, steps, "reflection"), fineness)


def paste_region(
    matrix: Tensor, size: int, photo_size: tuple[int, int], margin: int = 2
) -> tuple[int, int, int, int]:
    """The integer rectangle (left, top, right, bottom; end exclusive) of the photo that the frame covers."""
    last = size - 0.5
    corners = apply(matrix, torch.tensor([[-0.5, -0.5], [last, -0.5], [-0.5, last], [last, last]]))
    low, high = corners.min(0).values.floor().int() - margin, corners.max(0).values.ceil().int() + margin + 1
    width, height = photo_size
    left, top = min(max(int(low[0]), 0), width), min(max(int(low[1]), 0), height)
    return left, top, max(min(int(high[0]), width), left), max(min(int(high[1]), height), top)


def paste(crops: Tensor, matrix: Tensor, region: tuple[int, int, int, int], mode: str = "bicubic") -> Tensor:
    """Draw the frame (1, C, size, size) onto a region of the photo -> (1, C, bottom - top, right - left).

    The exact inverse of ``crop``'s geometry. Beyond the frame its border pixel repeats.
    """
    left, top, right, bottom = region
    x, y = (torch.arange(*ends, dtype=torch.float64) for ends in ((left, right), (top, bottom)))
    return _sample(crops, invert(matrix), x, y, "border", mode=mode)


def positions(matrix: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Where ``matrix`` (2, 3) maps a grid with columns ``x`` (w,) and rows ``y`` (h,) -> (h, w, 2)."""
    return x[None, :, None] * matrix[:, 0] + (y[:, None] * matrix[:, 1] + matrix[:, 2])[:, None]


def _sample(
    image: Tensor, matrix: Tensor, x: Tensor, y: Tensor, padding: str, *, mode: str = "bilinear"
) -> Tensor:
    """``image`` (1, C, H, W) at the ``positions`` of ``matrix`` (2, 3), x (w,) and y (h,) -> (1, C, h, w)."""
    height, width = image.shape[2:]
    extent = torch.tensor([max(width - 1, 1), max(height - 1, 1)], dtype=torch.float64)
    whole = matrix * (2 / extent)[:, None] - torch.tensor([[0, 0, 1.0], [0, 0, 1.0]])  # the image is -1 to 1
    grid = torch.empty(1, len(y), len(x), 2, dtype=image.dtype)
    for part in range(0, len(y), ROWS):  # what is exact is large: no more of it at once than a cache holds
        grid[0, part : part + ROWS] = positions(whole, x, y[part : part + ROWS])
    grid = grid.to(image.device)
    return F.grid_sample(image, grid, mode=mode, padding_mode=padding, align_corners=True)
