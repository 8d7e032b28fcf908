"""A photo on its way from holes to faces. A draft is never written to: each step makes another one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deid.anonymization import compositing
from deid.anonymization.compositing import Scene
from deid.anonymization.targets import Outcome, Target


@dataclass(frozen=True)
class Draft:
    """A photo on its way: what is visible of it, and for each face a target and an outcome, by position."""

    scene: Scene
    targets: list[Target]
    outcomes: list[Outcome]

    @classmethod
    def of(cls, photo: Tensor, targets: Sequence[Target]) -> "Draft":
        """A photo (1, 3, H, W) with all faces hidden and none drawn."""
        return cls(compositing.hide(photo, targets), list(targets), [Outcome() for _ in targets])

    def at(self, index: int, target: Target, outcome: Outcome) -> "Draft":
        """The draft with another target and outcome at one position."""
        targets, outcomes = list(self.targets), list(self.outcomes)
        targets[index], outcomes[index] = target, outcome
        return replace(self, targets=targets, outcomes=outcomes)

    def hidden_again(self, photo: Tensor) -> "Draft":
        """The draft after its targets were changed: holes made anew in the original photo (1, 3, H, W).

        Faces whose visible surroundings changed with them lose their fills, to be drawn from what is visible
        now.
        """
        scene, outcomes = compositing.hide(photo, self.targets), list(self.outcomes)
        for index, (target, outcome) in enumerate(zip(self.targets, self.outcomes, strict=True)):
            visible = [
                compositing.view(Scene(part, part), target)[1] for part in (self.scene.hidden, scene.hidden)
            ]
            if outcome.fill is not None and not torch.equal(*visible):
                outcomes[index] = replace(outcome, fill=None)
        return Draft(scene, self.targets, outcomes)

    def preview(self, extra: dict[int, Tensor] | None = None) -> Tensor:
        """The photo so far, roughly, with ``extra`` fills by position: for a GIF."""
        fills = [(extra or {}).get(index, outcome.fill) for index, outcome in enumerate(self.outcomes)]
        return compositing.blend(self.scene, self.targets, fills, finish=False)

    def finished(self) -> Tensor:
        """The photo (1, 3, H, W) with every fill as sharp as its surroundings, and blended into them."""
        return compositing.blend(self.scene, self.targets, [outcome.fill for outcome in self.outcomes])
