"""How long and how hard a latent search looks."""

import math
from dataclasses import dataclass

TRUNCATION = 0.5  # how far a person may be from the mean one: chosen by eye and by how alike two seeds are


@dataclass(frozen=True)
class Search:
    """Settings of a latent search.

    ``starts`` latents, the best of ``starts * bank`` draws, make ``iterations`` steps of Adam; the worse ones
    are dropped after a fifth and again after half of the steps (``drop``). With ``bank`` 0 all start at the
    mean face. With ``warm`` they start at the latent that an encoder tells, and near it: few are enough then,
    and ``bank`` says nothing. After half of the steps a face whose loss has not fallen by 1 % for
    ``patience`` steps is done (0: never before the end). ``rampdown`` is the share of the steps at the end
    over which the learning rate falls linearly to zero. ``perceptual`` and ``prior`` weigh their losses
    against the contextual loss; without ``prior`` the space that is searched has its own
    (``inpainting.latent_spaces``).
    """

    starts: int = 32
    iterations: int = 80
    bank: int = 8
    drop: bool = True
    patience: int = 0
    learning_rate: float = 0.05
    rampdown: float = 0.0
    perceptual: float = 0.05
    prior: float | None = None
    warm: bool = False

    def __post_init__(self) -> None:
        if self.starts < 1 or self.iterations < 1 or self.bank < 0 or self.patience < 0:
            raise ValueError("starts and iterations must be at least 1, bank and patience at least 0")
        if not 0 <= self.rampdown <= 1:
            raise ValueError(f"rampdown must be a share from 0 to 1, not {self.rampdown}")

    def survivors(self, iteration: int) -> int:
        """How many latents a face still has at an iteration (counted from 0)."""
        if not self.drop or iteration < self.iterations * 0.2:
            return self.starts
        return max(1, self.starts // (4 if iteration < self.iterations * 0.5 else 16))

    def rate(self, iteration: int) -> float:
        """The learning rate of an iteration."""
        left = 1 - iteration / self.iterations
        return self.learning_rate * (min(1.0, left / self.rampdown) if self.rampdown else 1.0)


def schedule_cost(settings: Search) -> int:
    """Latents forward and backward that a search of one face takes; a bank's forward alone counts a third."""
    steps = sum(settings.survivors(iteration) for iteration in range(settings.iterations))
    return steps + math.ceil(0 if settings.warm else settings.starts * settings.bank / 3)
