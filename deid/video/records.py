"""What is said of a clip: its manifest, as plain JSON, and one line for people."""

from collections import Counter

from deid.anonymization import manifest
from deid.anonymization.options import Options
from deid.video.drawing import Role
from deid.video.engine import ClipResult
from deid.video.searching import EVERY


def clip_record(result: ClipResult, options: Options) -> dict:
    """The record of a clip: what was done to each track, in the order in which they begin."""
    survey = result.survey
    entry = {
        "status": "anonymized" if result.roles else "no face found",
        "size": list(survey.size),
        "frames": survey.count,
        "frames_per_second": round(survey.rate, 3),
        "searched_every": EVERY,
        "shots": survey.starts,
        "lost": result.lost,
        "tracks": [track_record(role) for role in result.roles],
    } | manifest.settings(options)
    shown = sorted({role.disguise.reference for role in result.roles if role.disguise.reference})
    if shown:
        method = options.load_method()
        entry["references"] = {name: method.credit(name) for name in shown}
    return entry


def track_record(role: Role) -> dict:
    """One track's entry: its frames, the end exclusive, how it was hidden, and what the check said."""
    path, disguise = role.path, role.disguise
    size = float((path.points[:, 6] - path.points[:, 5]).max(1).mean())
    entry = {
        "frames": [path.first, path.end],
        "face_size": round(size, 1),
        "score": round(path.score, 4),
        "method": disguise.method,
        "mask": disguise.mask,
        "seed": disguise.seed,
        "frames_covered_without_a_detection": int(path.lost.sum()),
    }
    if disguise.verdict:
        entry["similarity"] = {"tries": list(disguise.tries), "verdict": disguise.verdict}
    known = {"reference": disguise.reference, "reason": disguise.reason}
    return entry | {name: value for name, value in known.items() if value}


def summary(result: ClipResult) -> str:
    """How many tracks there were, what became of them, and what of the file did not stay."""
    lost = f"; not written again: {', '.join(result.lost)}" if result.lost else ""
    if not result.roles:
        return f"no face found (which does not mean that there is none){lost}"
    disguises = [role.disguise for role in result.roles]
    became = Counter(f"{d.method} ({d.reason})" if d.reason else d.method for d in disguises)
    told = ", ".join(f"{count} {what}" for what, count in became.items())
    covered = sum(int(role.path.lost.sum()) for role in result.roles)
    more = f"; {covered} faces in frames where the detector lost them" if covered else ""
    return f"{result.survey.count} frames, {len(result.roles)} tracks: {told}{more}{lost}"
