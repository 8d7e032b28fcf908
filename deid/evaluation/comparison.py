"""Methods side by side on the same photos: are faces still found, do they fit in, what do they cost.

``python -m deid.evaluation.comparison PHOTO_OR_FOLDER... --methods onepass reference [--output FOLDER]``
prints a JSON line for each method, or for each of its settings: ``--methods "stylegan2 starts=8
iterations=40"`` (``options.parse``). Each runs in a process of its own, so that its seconds and its memory
are its own. Results are not verified: what is compared is what was drawn.
"""

import argparse
import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from deid import inpainting
from deid.anonymization import pipeline
from deid.anonymization.options import Options, parse
from deid.anonymization.pipeline import Result
from deid.anonymization.targets import Target
from deid.evaluation import benchmarks, image_quality
from deid.photo import alignment, detection, images, texture
from deid.photo.faces import Face, match
from deid.photo.images import Photo

LEAST_MEASURED = 24  # pixels of a face whose edge and sharpness are looked at


def compare(
    photos: Sequence[str | Path], methods: Sequence[str], output: str | Path = "", seed: int = 0
) -> list[dict]:
    """One record a method, each from a new process; the photos are written to ``output/METHOD/NAME``."""
    records = []
    for method in methods:
        command = [sys.executable, "-m", "deid.evaluation.comparison", "--here", "--methods", method]
        command += ["--seed", str(seed), *(["--output", str(output)] if output else [])]
        done = subprocess.run([*command, *map(str, photos)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(
                f"{method}: {done.stderr.splitlines()[-1] if done.stderr else 'ended without a word'}"
            )
        records.append(json.loads(done.stdout.splitlines()[-1]))
    return records


def measure_method(
    photos: Sequence[Path], options: Options, output: Path | None = None, name: str = ""
) -> dict:
    """What one method makes of the photos; medians are over faces of ``LEAST_MEASURED`` pixels or more."""
    name, rows, seconds, faces_drawn, blacked_out, found = name or options.method, [], 0.0, 0, 0, 0
    for path in photos:
        photo = images.load(path)
        result = pipeline.anonymize(photo, options)
        pairs = zip(result.targets, result.outcomes, strict=True)
        drawn = [(target, outcome) for target, outcome in pairs if outcome.fill is not None]
        faces_drawn, blacked_out = faces_drawn + len(drawn), blacked_out + len(result.targets) - len(drawn)
        seconds += sum(outcome.seconds for _, outcome in drawn)
        found += sum(still_found(result.photo, [target.face for target, _ in drawn]))
        rows += [
            measure_fit(photo, result, target) for target, _ in drawn if target.face.size >= LEAST_MEASURED
        ]
        if output:
            images.save(result.photo, output / name.replace(" ", "-") / path.name)
    columns = (
        {name: torch.tensor([row[name] for row in rows]).nanmedian().item() for name in rows[0]}
        if rows
        else {}
    )
    counts = {"photos": len(photos), "drawn": faces_drawn, "blacked out": blacked_out}
    costs = {"seconds a face": seconds / max(1, faces_drawn), "peak bytes": benchmarks.peak(options.device)}
    record = counts | {"still detected": found / max(1, faces_drawn)} | columns | costs
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in record.items()}
    return {"method": name} | rounded


def still_found(photo: Photo, before: Sequence[Face]) -> list[bool]:
    """Where among the faces that were there ``before`` the detector finds one now."""
    smallest = min([face.size for face in before], default=24) * 0.8
    (again,) = detection.detect(photo.pixels, 0.9, max(12, smallest))
    return [match(old, again) is not None for old in before]


def measure_fit(before: Photo, result: Result, target: Target) -> dict[str, float]:
    """How a face sits in its surroundings: the step along the hole and how sharp it is, both also before."""
    matrix = target.frame.resized(64).matrix(target.face)
    visible = (alignment.crop(1 - result.hidden, matrix, 64) > 1 - 1e-4).float()
    after, original = (alignment.crop(photo.pixels, matrix, 64) for photo in (result.photo, before))
    left, top, right, bottom = alignment.paste_region(target.matrix, target.frame.size, result.photo.size)
    drawn, own, hole = (
        whole[:, :, top:bottom, left:right] for whole in (result.photo.pixels, before.pixels, result.hidden)
    )
    return {
        "edge step": image_quality.edge_step(after, visible).item(),
        "edge step before": image_quality.edge_step(original, visible).item(),
        "sharpness ratio": texture.sharpness_ratio(drawn, hole),
        "sharpness ratio before": texture.sharpness_ratio(own, hole),
    }


def main() -> None:
    """The command line: one JSON line for each method."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.evaluation.comparison", description=summary)
    parser.add_argument("inputs", nargs="+", type=Path, metavar="PHOTO_OR_FOLDER")
    parser.add_argument(
        "--methods", nargs="+", default=list(inpainting.METHODS), help="their names, with settings"
    )
    parser.add_argument("--output", type=Path, help="folder for the photos, a folder for each method")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--here", action="store_true", help="measure in this process, one method only")
    given = parser.parse_args()
    photos = [photo for path in given.inputs for photo in images.find(path)]
    for method in given.methods:
        if given.here:
            options = parse(method)
            if options is None:
                parser.error(f"{method}: nothing is done to the photos, so there is nothing to measure")
            record = measure_method(
                photos, dataclasses.replace(options, seed=given.seed), given.output, method
            )
        else:
            (record,) = compare(photos, [method], given.output or "", given.seed)
        print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
