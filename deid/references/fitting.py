"""Bringing a reference to the place, pose and shape of the face that it replaces."""

import torch
import torch.nn.functional as F
from torch import Tensor

REACH = 60 / 256  # of the frame's side: how far a landmark pulls its surroundings along
SMOOTH = 0.15  # how much landmarks are missed for the sake of a smooth displacement: a bent face is no face
MIRRORED = [1, 0, 2, 4, 3]  # landmarks of a mirrored face: left and right change places


def warp(images: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Images (1, C, S, S) whose landmarks ``source`` (5, 2) move to ``target`` (5, 2), both in pixels.

    The displacement is a sum of Gaussians at the landmarks (radial basis functions; Arad et al., 1994).
    Beyond the border the last pixel repeats.
    """
    size = images.shape[3]
    source, target = source.to(images), target.to(images)
    spread = 2 * (REACH * size) ** 2
    pull = torch.exp(-(target[:, None] - target[None]).square().sum(-1) / spread)
    weights = torch.linalg.solve(pull + SMOOTH * torch.eye(5, device=images.device), source - target)
    steps = torch.arange(size, dtype=images.dtype, device=images.device)
    # exp(-(dx^2 + dy^2)) is a product: one row and one column for each landmark.
    across = torch.exp(-((steps[None] - target[:, :1]) ** 2) / spread)
    down = torch.exp(-((steps[None] - target[:, 1:]) ** 2) / spread)
    moves = torch.einsum("ky,kx,kc->yxc", down, across, weights)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    grid = (torch.stack([x, y], -1) + moves) / (size - 1) * 2 - 1
    return F.grid_sample(images, grid[None], mode="bilinear", padding_mode="border", align_corners=True)


def mirror(images: Tensor, landmarks: Tensor) -> tuple[Tensor, Tensor]:
    """Images (N, C, S, S) and landmarks (..., 5, 2), fractions of the side, as in a mirror."""
    return images.flip(3), mirror_landmarks(landmarks)


def mirror_landmarks(landmarks: Tensor) -> Tensor:
    """Landmarks (..., 5, 2), fractions of the side, of a mirrored face."""
    turned = landmarks[..., MIRRORED, :].clone()
    turned[..., 0] = 1 - turned[..., 0]
    return turned
