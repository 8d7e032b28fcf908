"""What is said of photos to a person: results, doubts, and why a photo was not written, as single lines."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from deid.anonymization.results import Result
from deid.anonymization.targets import DOUBTFUL
from deid.photo import images
from deid.photo.faces import Face
from deid.photo.images import ImageError
from deid.storage import WriteError

SENTENCES = (ImageError, WriteError)  # errors whose text is for people, and names the file and the fix
SHOWN, LISTED = 5, 20  # names in a line
# The folders of a path from the root: /home/ann/photos/ or C:\\photos\\, no address of a page.
FROM_ROOT = re.compile(r"(?<![\w:/.~-])(?:[A-Za-z]:)?[\\/](?:[^\\/\n:;]+[\\/])+")


def summary(result: Result, min_score: float = 0.0) -> str:
    """How many faces there were, what became of them, and what of the file could not stay as it was.

    Of the faces that were drawn, those under ``min_score`` are counted as doubtful.
    """
    lost = "".join(f"; {what}" for what in images.losses(result.photo))
    asked = [f"{len(result.left)} left as asked"] if result.left else []
    if count := len(result.regions):
        asked.append(f"{count} region{'s' if count > 1 else ''} hidden")
    if not (result.targets or asked):
        return f"no face found (which does not mean that there is none){lost}"
    counts: dict[str, int] = {}
    for target in result.targets:
        reason = target.reason or (DOUBTFUL if target.face.score < min_score else "")
        what = f"{target.method} ({reason})" if reason else target.method
        counts[what] = counts.get(what, 0) + 1
    became = ", ".join([*(f"{count} {what}" for what, count in counts.items()), *asked])
    return f"{len(result.targets) + len(result.left)} faces: {became}{lost}"


def warning(doubtful: Sequence[Face], by_hand: bool = False) -> str:
    """That there may be more faces, and how to hide them; ``by_hand``: where boxes decide."""
    scores = [face.score for face in doubtful]
    return (
        f"{len(doubtful)} possible faces stay visible, they score {min(scores):.2f} to {max(scores):.2f}: "
        f"look at them (boxes in the JSON), or hide them too with "
        f"{'more boxes' if by_hand else '--doubtful blackout'}"
    )


def worth_a_look(records: Mapping[str, dict]) -> list[str]:
    """What a person should look at after a folder, from its manifests by photo: one line for each reason."""
    lines = []
    for what, names in _reasons(records).items():
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        lines.append(f"look at, {what}: {', '.join(names[:LISTED])}{more}")
    return lines


def _reasons(records: Mapping[str, dict]) -> dict[str, list[str]]:
    """The photos to look at, by reason: signs of a missed face, or of a hidden place without one."""
    found: dict[str, list[str]] = {}
    for name, record in records.items():
        faces = record.get("faces", record.get("tracks", []))  # of a photo, or of a clip
        least = record.get("options", {}).get("min_score", 0.0)
        doubtful = [face["score"] < least for face in faces]
        black = [face.get("reason", "") not in ("", DOUBTFUL) for face in faces]
        counts = {
            "no face found": not (faces or record.get("faces_left_as_asked")) and "error" not in record,
            "possible faces stay visible": len(record.get("doubtful_faces_left_visible", [])),
            "doubtful faces hidden": sum(doubtful),
            "faces blacked out": sum(black),
        }
        for what, count in counts.items():
            if count:
                found.setdefault(what, []).append(name if count is True else f"{name} ({count})")
    return found


def passed_over(files: Sequence[Path]) -> str:
    """The files that are no photos, the first few by name."""
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return f"not photos, left alone: {', '.join(map(str, files[:SHOWN]))}{more}"


def reason(error: Exception) -> str:
    """Why a photo was not written."""
    if isinstance(error, SENTENCES):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return f"{type(error).__name__}: {error}"


def without_folders(text: str, *folders: Path) -> str:
    """``text`` for a manifest, which may be passed on: names without these folders, or any from the root."""
    forms = {form(folder) for folder in folders for form in (str, os.path.abspath, os.path.realpath)} - {"."}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form.rstrip(os.sep) + os.sep, "")
    return FROM_ROOT.sub("", text)
