"""A photo on its way from holes to faces. A draft is never written to: each step makes another one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deid.anonymization import compositing
from deid.anonymization.compositing import Patch, Scene
from deid.anonymization.targets import Outcome, Target
from deid.photo import alignment
from deid.photo.faces import overlap


@dataclass(frozen=True)
class Draft:
    """A photo on its way: what is visible of it, and for each face a target and an outcome, by position.

    ``patches`` are the faces that were finished at the photo's resolution already, None where one was not.
    ``hidden`` are the targets that the scene's holes were made for. ``photo`` (1, 3, H, W) is all of it
    finished, None where it was not yet.
    """

    scene: Scene
    targets: list[Target]
    outcomes: list[Outcome]
    patches: list[Patch | None]
    hidden: list[Target]
    photo: Tensor | None = None

    @classmethod
    def of(cls, photo: Tensor, targets: Sequence[Target]) -> "Draft":
        """A photo (1, 3, H, W) with all faces hidden and none drawn."""
        outcomes, nothing = [Outcome() for _ in targets], [None for _ in targets]
        return cls(compositing.hide(photo, targets), list(targets), outcomes, list(nothing), list(targets))

    def at(self, index: int, target: Target, outcome: Outcome) -> "Draft":
        """The draft with another target and outcome at one position."""
        targets, outcomes, patches = list(self.targets), list(self.outcomes), list(self.patches)
        if target is not targets[index] or outcome.fill is not outcomes[index].fill:
            patches[index] = None
        targets[index], outcomes[index] = target, outcome
        return replace(self, targets=targets, outcomes=outcomes, patches=patches, photo=None)

    def hidden_again(self, photo: Tensor) -> "Draft":
        """The draft after its targets were changed: holes made anew in the original photo (1, 3, H, W).

        Faces whose visible surroundings changed with them lose their fills, to be drawn from what is visible
        now.
        """
        pairs = zip(self.targets, self.hidden, strict=True)
        if all(target.same_hole(other) and target.black == other.black for target, other in pairs):
            return self
        scene = compositing.hide(photo, self.targets)
        outcomes, patches = list(self.outcomes), list(self.patches)
        for index, (target, outcome) in enumerate(zip(self.targets, self.outcomes, strict=True)):
            near = compositing.neighbourhood(target, scene)
            if _equal([part[near] for part in self.scene], [part[near] for part in scene]):
                continue
            patches[index] = None
            if outcome.fill is not None and not _equal(
                compositing.view(self.scene, target), compositing.view(scene, target)
            ):
                outcomes[index] = replace(outcome, fill=None)
        return Draft(scene, self.targets, outcomes, patches, self.targets)

    def preview(self, extra: dict[int, Tensor] | None = None) -> Tensor:
        """The photo so far, roughly, with ``extra`` fills by position: for a GIF."""
        fills = [(extra or {}).get(index, outcome.fill) for index, outcome in enumerate(self.outcomes)]
        return compositing.blend(self.scene, self.targets, fills, finish=False)

    def patched(self) -> "Draft":
        """The draft with a patch for each face that has a fill, or is black; those that it has stay."""
        rows = zip(self.targets, self.outcomes, self.patches, strict=True)
        patches = [
            old or compositing.patch(self.scene, target, outcome.fill) for target, outcome, old in rows
        ]
        return replace(self, patches=patches)

    def changed_since(self, earlier: "Draft") -> set[int]:
        """Positions of faces that may look otherwise than in ``earlier``: a patch there or near changed."""
        pairs = zip(earlier.patches, self.patches, strict=True)
        new = [put.region for pair in pairs if pair[0] is not pair[1] for put in pair if put is not None]
        whole = (self.scene.pixels.shape[3], self.scene.pixels.shape[2])
        own = [alignment.paste_region(target.place, target.frame.size, whole) for target in self.targets]
        return {index for index, region in enumerate(own) if any(overlap(region, other) for other in new)}

    def assembled(self) -> "Draft":
        """The draft with its finished photo: whoever asks for that again need not wait."""
        return replace(self, photo=self.finished())

    def finished(self) -> Tensor:
        """The photo (1, 3, H, W) with every fill as sharp as its surroundings, and blended into them."""
        if self.photo is not None:
            return self.photo
        return compositing.assemble(self.scene, self.targets, self.patched().patches)


def _equal(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return all(torch.equal(*pair) for pair in zip(some, others, strict=True))
