"""The check after the fact: a face that a recogniser still knows is drawn again, and in the end hidden completely.

What draws never sees a hidden pixel (``deid.drawing``). This check does: it compares the result with the original, and
what it decides is a seed, a mask, or black, for each face. The manifest names all three, so that a result can be
repeated from the visible pixels and the manifest alone; a face's decision is one of at most ``DECISIONS``.
"""

from collections.abc import Iterator, Sequence

from torch import Tensor

from deid import faces, holes, inpainting, recognisers
from deid.drawing import Drawing
from deid.holes import Target
from deid.options import Options

CANDIDATES = 4
TRIES = 3  # the first drawing, another person, another one behind a larger mask; then black
DECISIONS = 1 + CANDIDATES + CANDIDATES**2 + 1  # a second choice starts from the first one's seed
LARGER = {"centre-32": "centre-50", "centre-50": "face-120", "face-80": "face-120", "face": "face-120"}


class Check:
    """How alike the faces of ``targets`` are to what they were in ``photo`` (1, 3, H, W).

    Leaves in each target's ``similarity``: "itself" (its mirror image: what the recogniser can make of such a face at
    all), "tries" (each drawing, in the photo) and "verdict".
    """

    def __init__(self, photo: Tensor, targets: Sequence[Target], options: Options) -> None:
        self.recogniser = recognisers.load(options.recogniser)
        self.threshold = threshold(options)
        self.jitter = options.jitter
        self.own: dict[int, Tensor] = {}
        self._remember(photo, [target for target in targets if target.method != "blackout"])

    def _remember(self, photo: Tensor, targets: list[Target]) -> None:
        found, width = [target.face for target in targets], photo.shape[3]
        mirrored = self.recogniser.embed(photo.flip(3), [face.mirrored(width) for face in found])
        for target, own, other in zip(targets, self.recogniser.embed(photo, found), mirrored, strict=True):
            self.own[id(target)] = own
            target.similarity = {"itself": round((own @ other).item(), 4), "tries": []}

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
        recognised = []
        for target, *vectors in zip(shown, *alike, strict=True):
            similarity = max((self.own[id(target)] @ vector).item() for vector in vectors)
            target.similarity["tries"].append(round(similarity, 4))
            # "not <=" also catches NaN.
            known = not similarity <= self.threshold
            target.similarity["verdict"] = "recognised" if known else "not recognised"
            if known:
                recognised.append(target)
        return recognised

    def choose(self, drawing: Drawing, target: Target) -> None:
        """Give a target another person: of ``CANDIDATES`` the one that fits best among those that are not too alike.

        Where all are, the least alike.
        """
        seeds = inpainting.face_seeds(target.seed, CANDIDATES)
        others, shown, fills = drawing.candidates(target, seeds)
        vectors = [self._in_frame(crop, other) for crop, other in zip(shown.split(1), others, strict=True)]
        alike = [(vector @ self.own[id(target)]).item() for vector in vectors]
        order = [
            (other.method == "blackout", max(0.0, similar - self.threshold), other.losses.get("contextual", 0.0), index)
            for index, (other, similar) in enumerate(zip(others, alike, strict=True))
        ]
        best = min(order)[-1]
        holes.take(target, others[best])
        drawing.fills[id(target)] = fills[best]

    def _in_frame(self, crop: Tensor, target: Target) -> Tensor:
        (vector,) = self.recogniser.embed(crop, [faces.from_landmarks(target.landmarks)])
        return vector


def change(target: Target) -> None:
    """What to do with a target that was recognised: the next try, or black."""
    tries = len(target.similarity["tries"])
    if target.method not in holes.DRAWN or tries >= TRIES:
        target.similarity["verdict"] = "hidden completely"
        holes.black_out(target, "still recognised")
    elif tries > 1:
        target.mask = LARGER.get(target.mask, "face-140")


def redraw(photo: Tensor, drawing: Drawing, check: Check, recognised: list[Target]) -> Iterator[Drawing]:
    """Until nobody is recognised: change the recognised targets, hide them anew, and draw them; yields each round."""
    while recognised:
        for target in recognised:
            change(target)
        own = {id(target) for target in recognised}
        neighbours = [target for target in drawing.hide_again(photo) if id(target) not in own]
        for target in recognised:
            if target.method in holes.DRAWN:
                check.choose(drawing, target)
        for _ in drawing.draw():
            yield drawing
        yield drawing
        recognised = check.recognised(drawing.finished(), recognised + neighbours)


def record(options: Options) -> dict | str:
    """What the manifest says of the check as a whole."""
    if not options.verify:
        return "off"
    return {"recogniser": options.recogniser, "threshold": threshold(options), "decisions": DECISIONS}


def threshold(options: Options) -> float:
    """The similarity over which a face counts as recognised. Raises ``ValueError`` where none is known."""
    known = options.threshold or recognisers.load(options.recogniser).threshold
    if not known:
        raise ValueError(f"{options.recogniser}: no threshold was measured for it here; give one with --threshold")
    return known
