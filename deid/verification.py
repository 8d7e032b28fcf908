"""The check after the fact: a face that a recogniser still knows is drawn again, and in the end hidden completely.

What draws never sees a hidden pixel (``deid.drawing``). This check does: it compares the result with the original, and
what it decides is a seed, a mask, or black, for each face. The manifest names all three, so that a result can be
repeated from the visible pixels and the manifest alone. It also names similarities to the original, for whoever owns
the photo: they say more about a face than the result does, and a manifest is not to be published with it.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from deid import faces, holes, inpainting, recognisers
from deid.drawing import Drawing
from deid.holes import Target
from deid.options import Options

CANDIDATES = 4
REDRAWN = 2  # attempts after the first drawing: another person, another one behind a larger mask; then black
# A candidate is looked at in its frame; put into the photo, by so much its similarity may rise.
MARGIN = 0.05
# As different as a generator can make them: more to choose from.
TRUNCATION = 1.0
# Each hides all that the one before it does; where there is none, black is next.
LARGER = {"centre-32": "centre-50", "face-80": "face-120", "face": "face-120", "face-120": "face-140"}
RECOGNISED, UNKNOWN, HIDDEN = "recognised", "not recognised", "hidden completely"


class Check:
    """How alike the faces of ``targets`` are to what they were in ``photo`` (1, 3, H, W).

    Leaves in each target's ``similarity``: "before" (to itself at half the size: what the recogniser can make of such a
    face at all), "tries" (each drawing, in the photo), "after" (the last one) and "verdict".
    """

    def __init__(self, photo: Tensor, targets: Sequence[Target], options: Options) -> None:
        self.recogniser, self.threshold = recognisers.load(options.recogniser), threshold(options)
        self.own: dict[int, Tensor] = {}
        self._remember(photo, [target for target in targets if target.method != "blackout"])

    def _remember(self, photo: Tensor, targets: list[Target]) -> None:
        found = [target.face for target in targets]
        half = F.interpolate(photo, scale_factor=0.5, mode="bilinear", antialias=True)
        smaller = self.recogniser.embed(half, [face.scaled(0.5) for face in found])
        for target, own, other in zip(targets, self.recogniser.embed(photo, found), smaller, strict=True):
            self.own[id(target)] = own
            target.similarity = {"before": round((own @ other).item(), 2), "tries": []}

    def recognised(self, photo: Tensor, targets: Sequence[Target]) -> list[Target]:
        """Those of the ``targets`` whose faces in the anonymized ``photo`` are too alike; notes all similarities.

        A face is looked at where it was, and where the detector finds one now; the larger similarity counts.
        """
        shown = [target for target in targets if id(target) in self.own and target.method != "blackout"]
        found = [target.face for target in shown]
        smallest = min([face.size for face in found], default=24) * 0.8
        (again,) = faces.detect(photo, 0.9, max(12, smallest)) if shown else ([],)
        now = [faces.match(face, again) or face for face in found]
        alike = [self.recogniser.embed(photo, where) for where in (found, now)]
        return [target for target, *vectors in zip(shown, *alike, strict=True) if self._known(target, vectors)]

    def _known(self, target: Target, vectors: list[Tensor]) -> bool:
        similarity = torch.stack([self.own[id(target)] @ vector for vector in vectors]).max().item()
        known = not similarity <= self.threshold  # so written, NaN counts as recognised
        noted, tries = round(similarity, 2), target.similarity["tries"]
        if len(tries) <= target.attempts or tries[-1] != noted:
            tries.append(noted)
        target.similarity |= {"after": noted, "verdict": RECOGNISED if known else UNKNOWN}
        return known

    def choose(self, drawing: Drawing, target: Target) -> None:
        """Give a target another person: of ``CANDIDATES`` the one that fits best among those that are not too alike.

        Where all are, the least alike. A target that none could be drawn for is blacked out.
        """
        seeds = inpainting.face_seeds(target.seed, CANDIDATES)
        others, shown, fills = drawing.candidates(target, seeds)
        ranked = []
        for index, (other, crop) in enumerate(zip(others, shown.split(1), strict=True)):
            points = faces.apply(faces.invert(other.matrix), target.face.points())
            (vector,) = self.recogniser.embed(crop, [faces.from_landmarks(points)])
            above = (vector @ self.own[id(target)]).item() - (self.threshold - MARGIN)
            over = max(0.0, above) if above == above else float("inf")
            ranked.append((other.method == "blackout", over, other.losses.get("contextual", 0.0), index))
        best = min(ranked)[-1]
        holes.take(target, others[best])
        drawing.fills[id(target)] = fills[best]
        if target.method == "blackout":
            hide(target, target.reason)


def change(target: Target) -> None:
    """What to do with a target that was recognised: the next attempt, or black."""
    target.attempts += 1
    target.truncation = TRUNCATION
    if target.method not in holes.DRAWN or target.attempts > REDRAWN:
        hide(target, "still recognised")
    elif target.attempts > 1 and target.mask not in LARGER:
        hide(target, "still recognised, and there is no larger mask")
    elif target.attempts > 1:
        target.mask = LARGER[target.mask]


def hide(target: Target, reason: str) -> None:
    """Black, over more than what was hidden so far."""
    target.mask = LARGER.get(target.mask, target.mask)
    target.similarity["verdict"] = HIDDEN
    holes.black_out(target, reason)


def redraw(photo: Tensor, drawing: Drawing, check: Check, recognised: list[Target]) -> Iterator[Drawing]:
    """Until nobody is recognised: change who is, hide all anew, draw what is missing, look again; yields each round."""
    while recognised:
        for target in recognised:
            change(target)
        drawing.hide_again(photo)
        for target in recognised:
            if target.method in holes.DRAWN:
                check.choose(drawing, target)
        drawing.hide_again(photo)  # a target that could not be drawn is black now, behind a larger mask
        for _ in drawing.draw():
            pass
        yield drawing
        recognised = check.recognised(drawing.finished(), drawing.targets)


def record(options: Options) -> dict | str:
    """What the manifest says of the check as a whole."""
    if not options.verify:
        return "off"
    known = {"recogniser": options.recogniser, "threshold": threshold(options)}
    return known | {"attempts": REDRAWN, "candidates": CANDIDATES, "margin": MARGIN, "truncation": TRUNCATION}


def threshold(options: Options) -> float:
    """The similarity over which a face counts as recognised. Raises ``ValueError`` where none is known."""
    known = recognisers.load(options.recogniser).threshold  # loaded even if it is not asked: it has to be there
    if not (options.threshold or known):
        raise ValueError(f"{options.recogniser}: no threshold was measured for it here; give one with --threshold")
    return options.threshold or known
