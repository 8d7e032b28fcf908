"""When a face's search is done before its last step."""

import math

import torch
from torch import Tensor

from deid.inpainting.settings import Search


class Patience:
    """Early stopping for each face: the latents of a face that is done stay as they were then."""

    def __init__(self, settings: Search, count: int) -> None:
        self.settings = settings
        self.best, self.since = torch.full((count,), math.inf), torch.zeros(count, dtype=torch.long)
        self.done = torch.zeros(count, dtype=torch.bool)
        self.latents: Tensor | None = None

    @property
    def exhausted(self) -> bool:
        """Whether no face gets any better."""
        return bool(self.done.all())

    @torch.no_grad()
    def hold(self, current: Tensor, loss: Tensor, iteration: int) -> None:
        """Look at the losses (F, K) of a step, and put the latents of faces that were done before it back."""
        if not self.settings.patience or iteration < self.settings.iterations * 0.5:
            return
        if self.latents is not None:
            current[self.done] = self.latents[self.done]
        least = loss.amin(1).cpu()
        better = least < 0.99 * self.best
        self.best = torch.where(better, least, self.best)
        self.since = torch.where(better, 0, self.since + 1)
        self.done |= self.since >= self.settings.patience
        self.latents = current.clone()
