"""Which boxes lie over each other, many at once: of several in one place the best one stays."""

import numpy as np
import torch
from torch import Tensor

TOGETHER = 256  # boxes that are compared with all others at once


def distinct(
    boxes: Tensor, scores: Tensor, most: float, image: Tensor | None = None, of_smaller: bool = False
) -> Tensor:
    """The best of boxes (K, 4) that overlap by more than ``most`` of their union, or of the smaller one.

    Their places, best first; ``image`` (K,): boxes of different images do not meet. Some hundred are compared
    with each other and with all others at once.
    """
    image = torch.zeros_like(scores) if image is None else image
    places, images = boxes.cpu().numpy(), image.cpu().numpy()

    def same_place(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        over = shared(places[one], places[other], of_smaller) > most
        return over & (images[one, None] == images[None, other])

    order = scores.cpu().argsort(descending=not of_smaller, stable=True)
    order = order.flip(0) if of_smaller else order  # of equal scores the last there, here the first
    left, chosen = order.numpy(), []
    while len(left):
        some, left = left[:TOGETHER], left[TOGETHER:]
        same, alive = (
            np.triu(same_place(some, some), 1),
            np.ones(len(some), bool),
        )
        for k in range(len(some)):
            if alive[k]:
                alive &= ~same[k]
        some = some[alive]
        chosen.append(some)
        left = left[~same_place(some, left).any(0)]
    return torch.from_numpy(np.concatenate(chosen) if chosen else left).to(boxes.device)


def shared(some: np.ndarray, others: np.ndarray, of_smaller: bool = False) -> np.ndarray:
    """What boxes (A, 4) and (B, 4) share: (A, B), of their union or of the smaller one.

    As in facenet-pytorch, a box has one pixel more to each side in the second case.
    """
    a, b, more = some.T[:, :, None], others.T[:, None], float(of_smaller)
    across, down = (
        (np.minimum(a[k + 2], b[k + 2]) - np.maximum(a[k], b[k]) + more).clip(min=0) for k in (0, 1)
    )
    both = across * down
    own, other = ((part[2] - part[0] + more) * (part[3] - part[1] + more) for part in (a, b))
    return both / (np.minimum(own, other) if of_smaller else own + other - both)
