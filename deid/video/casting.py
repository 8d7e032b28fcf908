"""The second way through a clip: who each track becomes, and whether a recogniser still knows them.

A few frames of a track are looked at, spread over it. Who is recognised in one of them becomes someone else
in all, and in the end black.
"""

from collections.abc import Collection, Generator, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from deid.anonymization import compositing, obfuscation, synthesis, verification
from deid.anonymization.choices import BLACKOUT, REPLACE
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome, Target
from deid.inpainting.interface import MaskedFaces, face_seeds
from deid.photo import alignment, images
from deid.photo.faces import Face
from deid.video.disguises import Disguise, of_target
from deid.video.paths import Path
from deid.video.reading import ClipFrame

PROBES = 5  # frames of a track that are looked at before it is drawn
AROUND = 2.0  # face sizes to all sides of a face: what it is drawn from


@dataclass(frozen=True, eq=False)
class Probe:
    """What lies around a track's ``face`` in one frame: ``pixels`` (h, w, 3) uint8, and the ``others`` there:
    other tracks' faces, and whether each is lost.
    """

    pixels: np.ndarray
    face: Face
    others: Sequence[tuple[Face, bool]]


def probe_frames(path: Path) -> list[int]:
    """Frames of a path to look at: spread over those in which the detector saw the face."""
    seen = np.flatnonzero(~path.lost)
    seen = seen if len(seen) else np.arange(len(path.points))
    places = np.unique(np.linspace(0, len(seen) - 1, PROBES + 2).round().astype(int)[1:-1])
    return [path.first + int(seen[place]) for place in places]


def cast(
    frames: Iterable[ClipFrame], paths: Sequence[Path], options: Options
) -> Generator[int, None, list[Disguise]]:
    """Give each path a disguise; yields how many frames are done.

    A track is decided with its last probe: of others no frame stays.
    """
    wanted = [probe_frames(path) for path in paths]
    probes: dict[int, list[Probe]] = {}
    decided: dict[int, Disguise] = {}
    for frame in frames:
        for name in [name for name, numbers in enumerate(wanted) if frame.number in numbers]:
            others = [
                (path.face(frame.number), bool(path.lost[frame.number - path.first]))
                for other, path in enumerate(paths)
                if other != name and path.first <= frame.number < path.end
            ]
            looked_at = probe(frame.pixels, paths[name].face(frame.number), others)
            probes.setdefault(name, []).append(looked_at)
            if frame.number == wanted[name][-1]:
                beside = [decided[other].reference for other in decided if _meet(paths[name], paths[other])]
                decided[name] = disguise(name, paths[name].score, probes.pop(name), options, beside)
        yield frame.number + 1
    return [decided[name] for name in range(len(paths))]


def _meet(one: Path, other: Path) -> bool:
    """Whether two paths share a frame."""
    return one.first < other.end and other.first < one.end


def probe(pixels: np.ndarray, face: Face, others: Iterable[tuple[Face, bool]]) -> Probe:
    """What lies around a face in a frame (H, W, 3) uint8; ``others``: as in ``Probe``, in the whole frame."""
    (height, width), reach = pixels.shape[:2], AROUND * face.size
    x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    left, top = max(0, min(int(x - reach), width - 2)), max(0, min(int(y - reach), height - 2))
    right, bottom = max(left + 2, int(x + reach)), max(top + 2, int(y + reach))
    moved = [(other.moved(-left, -top), lost) for other, lost in others]
    return Probe(pixels[top:bottom, left:right].copy(), face.moved(-left, -top), moved)


def disguise(
    number: int, score: float, probes: Sequence[Probe], options: Options, beside: Collection[str]
) -> Disguise:
    """What the track ``number`` is hidden behind.

    ``score``: the detector's best; ``beside``: who is shown for tracks that it meets.
    """
    seed = face_seeds(options.seed, number + 1)[number]
    chosen = Disguise(options.method, options.hole, seed, options.truncation)
    size = float(np.median([probe.face.size for probe in probes]))
    if score < options.min_score and options.doubtful != REPLACE:
        return chosen.blacked_out("the detector is not sure of it")
    if options.draws and size < options.min_size:
        return chosen.blacked_out(f"smaller than {options.min_size:g} px")
    if options.draws:
        largest = max((probe.face for probe in probes), key=lambda face: face.size)
        chosen = replace(chosen, frame=options.load_method().frame_for(largest))
        chosen = _someone(probes, chosen, options, beside)
    return _checked(probes, chosen, options, beside) if options.verify else chosen


def _someone(probes: Sequence[Probe], given: Disguise, options: Options, beside: Collection[str]) -> Disguise:
    """The disguise with a person who fits where the face stands as it mostly does."""
    probe, method = probes[_typical(probes)], options.load_method()
    draft = Draft.of(images.from_uint8(probe.pixels), _targets(probe, given, options))
    target = draft.targets[0]
    crop, visible = compositing.view(draft.scene, target)
    span = alignment.scale(target.matrix) * target.frame.size
    faces = MaskedFaces(
        crop, visible, [target.seed], target.pose[None], [target.truncation], [span], [""],
        [name for name in beside if name],
    )  # fmt: skip
    *_, step = method.draw(faces.to(next(method.generator.parameters()).device), options.search)
    return replace(given, reference=step.references[0] if step.references else "")


def _typical(probes: Sequence[Probe]) -> int:
    """The position of the probe whose face stands most like all others."""
    shapes = []
    for probe in probes:
        points = probe.face.points()
        shapes.append((points - points.mean(0)) / max(1e-6, probe.face.size))
    stacked = torch.stack(shapes)
    return int((stacked - stacked.median(0).values).abs().sum((1, 2)).argmin())


def _targets(probe: Probe, given: Disguise, options: Options) -> list[Target]:
    """The targets of a probe: its own first, the others' in black."""
    black = Disguise(BLACKOUT, options.hole, 0)
    others = [black.target(face, options, lost) for face, lost in probe.others]
    return [given.target(probe.face, options), *others]


def _checked(probes: Sequence[Probe], given: Disguise, options: Options, beside: Collection[str]) -> Disguise:
    """The disguise behind which no probe's face is recognised any more."""
    outcome, avoid = Outcome(), list(beside)
    while not given.black:
        similarity, recognised, blank = _look(probes, given, options)
        if blank > len(probes) / 2:
            return given.blacked_out("no face was found that fits its surroundings")
        verdict = verification.RECOGNISED if recognised else verification.UNKNOWN
        given = replace(given, tries=(*given.tries, similarity), verdict=verdict)
        if not recognised:
            break
        target, outcome = verification.change(
            given.target(probes[0].face, options), replace(outcome, tries=given.tries), options
        )
        given = of_target(target, given)
        if not given.black:
            avoid.append(given.reference)
            seed = face_seeds(given.seed, outcome.attempts + 1)[-1]
            given = _someone(probes, replace(given, seed=seed, reference=""), options, avoid)
    return replace(given, verdict=verification.BLACK) if given.black else given


def _look(probes: Sequence[Probe], given: Disguise, options: Options) -> tuple[float, bool, int]:
    """The largest similarity to the original, whether it is recognised, and how often it was not drawn."""
    similarities, recognised, blank = [0.0], False, 0
    for probe in probes:
        photo, targets = images.from_uint8(probe.pixels), _targets(probe, given, options)
        outcomes = [Outcome() for _ in targets]
        if options.draws:
            draft = synthesis.finish(synthesis.draw(Draft.of(photo, targets), options))
            made, targets, outcomes = draft.finished(), draft.targets, draft.outcomes
        else:
            made = obfuscation.obfuscate(photo, targets, outcomes, options.strength)[0].pixels
        if targets[0].black:
            blank += 1
            continue
        originals, outcomes = verification.embed_originals(photo, targets, outcomes, options)
        outcomes, known = verification.check(made, targets, outcomes, originals)
        similarities += [value for value in outcomes[0].tries if value == value]
        recognised |= 0 in known
    return max(similarities), recognised, blank
