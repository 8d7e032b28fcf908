"""Fitting a fill into its surroundings: colour match, Poisson blending and a soft edge."""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu
from torch import Tensor

from deid.photo.masks import bounds, dilate

RIM = 0.04  # of a frame's side
EDGE = (0.12, 0.3)  # differences along a hole, in [-1, 1], from which on they are an edge of the picture
SMALL = 160  # pixels of a side
STRIP = 32  # rows of an image that are blurred together


def match_colour(fill: Tensor, crop: Tensor, visible: Tensor, reach: int = 3, alike: float = 0.6) -> Tensor:
    """Shift each channel of ``fill`` by its median difference to ``crop`` along the hole, seen from outside.

    (N, 3, S, S), (N, 3, S, S), (N, 1, S, S) -> (N, 3, S, S). Pixels that differ by more than ``alike`` do not
    count: where hair was drawn in place of skin, the difference says nothing about the light.
    """
    ring = dilate(1 - visible, reach) * visible > 0.5
    difference = crop - fill
    comparable = ring & (difference.abs().amax(1, keepdim=True) < alike)
    matched = fill.clone()
    for index in range(len(fill)):
        near = comparable[index, 0] if comparable[index].sum() > 0.2 * ring[index].sum() else ring[index, 0]
        if near.any():
            matched[index] += difference[index][:, near].median(dim=1).values[:, None, None]
    return matched


def poisson(fill: Tensor, crop: Tensor, visible: Tensor, limit: float = 0.3) -> Tensor:
    """Poisson image editing (Perez et al., 2003, eq. 2-4): the fill's gradients, the crop's values around.

    (N, 3, S, S), (N, 3, S, S), (N, 1, S, S) -> (N, 3, S, S); visible pixels are the crop's own. The hidden
    pixels of ``crop`` are never read. Solved for the correction fill -> result, which is harmonic.
    Differences along the hole are cut off at ``limit``: where skin meets sky there is an edge, and without a
    limit the sky bleeds in.
    """
    blended = crop * visible + fill * (1 - visible)
    for index in range(len(fill)):
        hidden = visible[index, 0].cpu().numpy() < 0.5
        difference = (
            ((crop - fill) * visible)[index].clamp(-limit, limit).permute(1, 2, 0).double().cpu().numpy()
        )
        correction = _harmonic(difference, hidden)
        blended[index] += torch.from_numpy(correction).permute(2, 0, 1).to(fill)
    return blended.clamp(-1, 1)


def smooth_rim(blended: Tensor, visible: Tensor, share: float = RIM) -> Tensor:
    """Draw a narrow rim inside the hole anew, smooth from the visible pixels to what is drawn further in.

    (N, 3, S, S), (N, 1, S, S) -> (N, 3, S, S). A one-pass network leaves dark and bright specks along the
    rim, where it has to meet what it sees: a rim of ``share`` of the side becomes the surface with a zero
    Laplacian that meets both.
    """
    width = max(1, round(share * blended.shape[3]))
    rim = (visible < 0.5) & (dilate(visible, width) > 0.5)
    found = blended.clone()
    for index in range(len(blended)):
        inside = rim[index, 0].cpu().numpy()
        values = np.where(inside[..., None], 0.0, blended[index].permute(1, 2, 0).double().cpu().numpy())
        surface = torch.from_numpy(_harmonic(values, inside)).permute(2, 0, 1).to(blended)
        found[index] = torch.where(rim[index], surface, blended[index])
    return found


def bridged(image: Tensor, missing: Tensor) -> Tensor:
    """The image (1, 3, H, W) with the smoothest surface where it is ``missing``, (H, W): a zero Laplacian.

    Missing pixels are never read. Where all are missing it is as it was.
    """
    if missing.all():
        return image
    values = image[0].permute(1, 2, 0).double().cpu().numpy()
    values = np.where(missing.cpu().numpy()[..., None], 0.0, values)
    surface = torch.from_numpy(_harmonic(values, missing.cpu().numpy())).permute(2, 0, 1)[None].to(image)
    return torch.where(missing, surface, image)


def seam(drawn: Tensor, area: Tensor, hidden: Tensor, known: Tensor, *, reach: int = 16) -> Tensor:
    """Poisson editing at the photo's resolution: corrects what a fill blended at the frame's still misses.

    ``drawn`` and ``area`` (1, 3, h, w), ``hidden`` and ``known`` (1, 1, h, w) as 0 or 1 -> ``drawn``,
    corrected. Pixels of ``area`` that are not ``known`` (another face's hole) are never read. What is left to
    correct is fine detail, which dies out within a few pixels: beyond ``reach`` the correction is zero, and
    the cost grows with the hole's rim only. Outside the hole it is corrected as well, so that no line is left
    where a soft edge begins. Where both differ as a cheek and the sky do, there is an edge, and nothing is
    corrected.
    """
    rim = (hidden > 0.5) & (dilate(1 - hidden, reach) > 0.5)
    outside = (area - drawn) * (known * (1 - hidden))
    apart = gaussian(outside, 1.5).abs().amax(1, keepdim=True)
    outside = outside.clamp(-EDGE[1], EDGE[1]) * (1 - ((apart - EDGE[0]) / (EDGE[1] - EDGE[0])).clamp(0, 1))
    corrected = drawn + outside
    rows, columns = bounds(rim[0, 0], 1)
    values = outside[0, :, rows, columns].permute(1, 2, 0).double().numpy()
    inside = _harmonic(values, rim[0, 0, rows, columns].numpy())
    corrected[0, :, rows, columns] += torch.from_numpy(inside).permute(2, 0, 1).to(drawn)
    return corrected


def _harmonic(values: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Extend ``values`` (H, W, C) from the visible pixels into ``hidden`` (H, W) with a zero Laplacian.

    Zero elsewhere. At the image border the normal derivative is zero (the equation has no neighbour there).
    """
    extended = np.zeros_like(values)
    if not hidden.any() or hidden.all():
        return extended
    number = np.full(hidden.shape, -1)
    number[hidden] = np.arange(hidden.sum())
    diagonal, known = np.zeros(hidden.shape), np.zeros_like(values)
    rows, columns = [], []
    for here, there in _neighbours():
        both = hidden[here] & hidden[there]
        rows.append(number[here][both])
        columns.append(number[there][both])
        diagonal[here] += 1
        known[here] += np.where(~hidden[there], 1, 0)[..., None] * values[there]
    i, j = np.concatenate(rows), np.concatenate(columns)
    own = np.arange(hidden.sum())
    entries = np.concatenate([-np.ones(len(i)), diagonal[hidden]])
    matrix = coo_array((entries, (np.concatenate([i, own]), np.concatenate([j, own])))).tocsc()
    # The matrix is symmetric and positive definite: no pivoting, in an order that fills in less.
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    extended[hidden] = factors.solve(known[hidden])
    return extended


def _neighbours() -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    low, high, every = slice(None, -1), slice(1, None), slice(None)
    pairs = [((low, every), (high, every)), ((every, low), (every, high))]
    return pairs + [(there, here) for here, there in pairs]


def soft_edge(hidden: Tensor, softness: float) -> Tensor:
    """Weights (1, 1, H, W) that are 1 where ``hidden`` (1, 1, H, W) is and fall to 0 outside.

    They fall over about two ``softness`` pixels.
    The fall lies on visible pixels only: inside the hole there is nothing to blend with.
    """
    return torch.where(hidden > 0.5, torch.ones_like(hidden), (2 * gaussian(hidden, softness)).clamp(0, 1))


def gaussian(images: Tensor, deviation: float) -> Tensor:
    """Images (N, C, H, W) blurred by a Gaussian, rows after columns; beyond the border its pixel repeats."""
    height, width = images.shape[2:]
    if max(height, width) <= SMALL:
        like = (images.dtype, images.device)
        return _mixing(height, deviation, *like) @ images @ _mixing(width, deviation, *like).T
    kernel = _kernel(deviation).to(images)
    planes = _filtered_down(images.flatten(0, 1), kernel)
    return _filtered_down(planes.transpose(1, 2), kernel).transpose(1, 2).reshape(images.shape)


def _kernel(deviation: float) -> Tensor:
    reach = max(1, round(3 * deviation))
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / deviation) ** 2)
    return kernel / kernel.sum()


@lru_cache(maxsize=128)
def _mixing(size: int, deviation: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The matrix (size, size) that blurs a column; for small images one product is the fastest way."""
    kernel, reach = _kernel(deviation), max(1, round(3 * deviation))
    places = torch.arange(size)[:, None] + torch.arange(-reach, reach + 1)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, places.clamp(0, size - 1), kernel.expand(size, -1)).to(device, dtype)


def _filtered_down(planes: Tensor, kernel: Tensor) -> Tensor:
    """Planes (P, H, W), each column convolved with ``kernel`` (K,); beyond the border its pixel repeats.

    As products of overlapping strips with a banded matrix: a convolution of one channel takes ten times as
    long on a processor, most of it to lay out memory.
    """
    height, reach = planes.shape[1], len(kernel) // 2
    strip = max(STRIP, 2 * reach)
    count = -(-height // strip)
    padded = F.pad(planes[:, None], (0, 0, reach, reach + count * strip - height), mode="replicate")[:, 0]
    strips = padded.unfold(1, strip + 2 * reach, strip).transpose(2, 3)  # (P, count, strip + 2 reach, W)
    band = kernel.new_zeros(strip, strip + 2 * reach)
    places = torch.arange(strip, device=kernel.device)[:, None] + torch.arange(
        len(kernel), device=kernel.device
    )
    band.scatter_(1, places, kernel.expand(strip, -1))
    return (band @ strips).flatten(1, 2)[:, :height]
