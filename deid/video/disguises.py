"""What a track is hidden behind, the same in all of its frames."""

from dataclasses import dataclass, replace

from deid.anonymization import targets, verification
from deid.anonymization.choices import BLACKOUT
from deid.anonymization.options import Options
from deid.anonymization.targets import Target
from deid.photo.alignment import DCGAN_FRAME, Frame
from deid.photo.faces import Face


@dataclass(frozen=True)
class Disguise:
    """How a track is hidden and what it is drawn with; as in ``Target``, but for all of its frames.

    ``tries`` are the check's similarities for each person that was drawn, ``verdict`` what it said last.
    """

    method: str
    mask: str
    seed: int
    truncation: float = 1.0
    reference: str = ""
    reason: str = ""
    frame: Frame = DCGAN_FRAME
    tries: tuple[float, ...] = ()
    verdict: str = ""

    @property
    def black(self) -> bool:
        """Whether the track is covered in black."""
        return self.method == BLACKOUT

    def blacked_out(self, reason: str) -> "Disguise":
        """The same track in black."""
        return replace(self, method=BLACKOUT, reference="", reason=reason)

    def target(self, face: Face, options: Options, lost: bool = False) -> Target:
        """The target for one frame's ``face``; behind a larger mask where it is ``lost``."""
        mask = verification.LARGER.get(self.mask, self.mask) if lost else self.mask
        made = targets.place(face, options, self.frame, self.seed)
        made = replace(made, mask=mask, truncation=self.truncation, reference=self.reference)
        return made.blacked_out(self.reason) if self.black else replace(made, method=self.method)


def of_target(target: Target, disguise: Disguise) -> Disguise:
    """The disguise that a target of one frame stands for; ``disguise``: what it was before."""
    return replace(
        disguise,
        method=target.method,
        mask=target.mask,
        seed=target.seed,
        truncation=target.truncation,
        reference=target.reference,
        reason=target.reason,
    )
