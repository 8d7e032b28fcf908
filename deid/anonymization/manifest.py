"""What is said of a result: all that is needed to judge and repeat it, as plain JSON.

It holds no pixel and no file path.
"""

from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from deid import __version__, inpainting, storage
from deid.anonymization import verification
from deid.anonymization.options import Options
from deid.anonymization.targets import Outcome, Target
from deid.photo import alignment, images

if TYPE_CHECKING:
    from deid.anonymization.results import Result

PACKAGES = ("torch", "torchvision", "facenet-pytorch", "numpy", "pillow")


def manifest(result: "Result", options: Options) -> dict:
    """The record of a result, its largest face first."""
    faces = sorted(zip(result.targets, result.outcomes, strict=True), key=lambda pair: -pair[0].face.size)
    entry = {
        "status": result.status,
        "size": list(result.photo.size),
        "lost": images.losses(result.photo),
        "metadata": list(result.photo.metadata.names),
        "smallest_face_searched": result.smallest_searched,
        "faces": [face_record(target, outcome) for target, outcome in faces],
        "doubtful_faces_left_visible": [face.record() for face in result.doubtful],
        "faces_left_as_asked": [face.record() for face in result.left],
        "regions": [{"box": [*region.box], "hide": region.do} for region in result.regions],
    } | settings(options)
    if options.draws:
        method = options.load_method()
        shown = sorted({target.reference for target in result.targets if target.reference})
        entry |= {"references": {name: method.credit(name) for name in shown}} if shown else {}
    return entry


def settings(options: Options) -> dict:
    """What a result depends on besides its photo: options, check, networks and versions."""
    files = options.load_method().files_for(options.search) if options.draws else []
    known = {
        "options": asdict(options) | {"weights": Path(options.network).name, "mask": options.hole},
        "verification": verification.record(options),
        "versions": {"deid": __version__} | {package: version(package) for package in PACKAGES},
    }
    return known | ({"weights_sha256": {path.name: _sha256(str(path)) for path in files}} if files else {})


def face_record(target: Target, outcome: Outcome) -> dict:
    """One face's entry: where it was, how it was hidden, with what it was drawn, and what the check said."""
    entry = target.face.record() | {
        "method": target.method,
        "mask": target.mask,
        "seed": target.seed,
        "losses": {name: round(value, 5) for name, value in outcome.losses.items()},
        "seconds": round(outcome.seconds, 3),
    }
    if target.method in inpainting.METHODS:
        if inpainting.METHODS[target.method].kind.truncates:
            entry["truncation"] = target.truncation
        if (enlarged := alignment.scale(target.matrix)) > 2:
            entry["enlarged"] = round(enlarged, 2)  # photo pixels for each pixel that was drawn
    known = {"reference": target.reference, "similarity": outcome.similarity, "reason": target.reason}
    return entry | {name: value for name, value in known.items() if value}


@lru_cache
def _sha256(path: str) -> str:
    return storage.sha256(path)
