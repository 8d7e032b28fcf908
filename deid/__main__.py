"""The command line: ``python -m deid PHOTO_OR_FOLDER... -o OUT``. Parses, calls the anonymizer, prints."""

import argparse
import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from deid import __version__, anonymizer, faces, figures, images, recognisers
from deid.anonymizer import METHODS, Options
from deid.generators import WeightsError
from deid.images import ImageError
from deid.masks import MASKS

GIF_SIDE = 640
FACES_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f}/{total_fmt} [{elapsed}<{remaining}]"
EXAMPLES = """examples:
  python -m deid party.jpg -o out                      every face replaced, out/party.jpg and out/party.jpg.json
  python -m deid holiday/ -o out --seed 7              a folder with its tree, other people than with seed 0
  python -m deid party.jpg -o out --gif                also out/party.jpg.gif, the whole process
  python -m deid party.jpg -o out --boxes faces.json   your own boxes: {"party.jpg": [[x1, y1, x2, y2], ...]}

exit code: 0 every photo written, 1 some photo not written, 2 wrong usage"""


class UsageError(ValueError):
    """The command line asks for something that cannot be done; nothing was written."""


@dataclass(frozen=True)
class Job:
    """One photo to do: its file, its name below the output folder, and boxes given by hand, if any."""

    source: Path
    name: str
    boxes: list | None


def parser() -> argparse.ArgumentParser:
    """The options; their defaults are those of ``Options``."""
    p = argparse.ArgumentParser(
        "python -m deid", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=EXAMPLES,
        description="Replace every face in photos by a synthesized one. Inputs are never changed.",
    )  # fmt: skip
    p.add_argument("inputs", nargs="+", metavar="PHOTO_OR_FOLDER", help="photos, or folders, walked recursively")
    p.add_argument("-o", "--output", required=True, type=Path, help="folder for the anonymized photos and manifests")
    p.add_argument("--method", choices=METHODS, default=Options.method, help="how a face is hidden (%(default)s)")
    p.add_argument("--mask", choices=MASKS, default=Options.mask, help="what of a face is hidden (%(default)s)")
    p.add_argument("--starts", type=int, default=Options.starts, help="latents a search begins with (%(default)s)")
    p.add_argument("--iterations", type=int, default=Options.iterations, help="steps of a search (%(default)s)")
    p.add_argument("--seed", type=int, default=Options.seed, help="another seed, other people (%(default)s)")
    p.add_argument("--min-score", type=float, default=Options.min_score, help="detector's least score (%(default)s)")
    p.add_argument("--min-size", type=float, default=Options.min_size,
                   help="smaller faces, in pixels, are blacked out, not synthesized (%(default)s)")  # fmt: skip
    p.add_argument("--boxes", type=Path, help="JSON file with boxes by photo name, instead of the detector's")
    p.add_argument("--gif", action="store_true", help="also write the whole process as a GIF")
    p.add_argument("--device", default=Options.device, help="auto, cpu, cuda or mps (%(default)s)")
    p.add_argument("--weights", default="", help="bundled name, weights file or fetched network (the one that ships)")
    p.add_argument("--truncation", type=float, default=Options.truncation,
                   help="onepass: 0 draws the mean person, 1 the most different ones (%(default)s)")  # fmt: skip
    p.add_argument("--strength", type=float, default=Options.strength,
                   help="width of a blur in faces, tiles across a mosaic; 0: its own (%(default)s)")  # fmt: skip
    p.add_argument("--jitter", type=float, default=Options.jitter,
                   help="move the landmarks a face is drawn for, in eye distances (%(default)s)")  # fmt: skip
    p.add_argument("--recogniser", choices=recognisers.NAMES, default=Options.recogniser,
                   help="checks the result; who is recognised is drawn again, then hidden (%(default)s)")  # fmt: skip
    p.add_argument("--threshold", type=float, default=Options.threshold,
                   help="similarity from which a face counts as recognised (0: the recogniser's own)")  # fmt: skip
    p.add_argument("--no-verify", dest="verify", action="store_false", help="do not check; the manifest says so")
    p.add_argument("--keep-faceless", action="store_true", help="also write photos in which no face was found")
    p.add_argument("--version", action="version", version=f"deid {__version__}")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code."""
    arguments = parser().parse_args(arguments)
    try:
        options = Options(**{f.name: getattr(arguments, f.name) for f in dataclasses.fields(Options)
                             if hasattr(arguments, f.name)})  # fmt: skip
        anonymizer.check(options)
        jobs, ignored = plan(arguments.inputs, arguments.output, arguments.boxes)
    except (UsageError, ImageError, WeightsError, ValueError) as error:
        print(f"deid: {error}", file=sys.stderr)
        return 2
    if ignored:
        tqdm.write(f"not photos, left alone: {', '.join(map(str, ignored[:5]))}{' ...' if len(ignored) > 5 else ''}")
    statuses = []
    try:
        for job in tqdm(jobs, desc="photos", unit="photo"):
            statuses.append(run(job, options, arguments))
    except KeyboardInterrupt:
        print(f"stopped after {len(statuses)} of {len(jobs)} photos; what was written is whole", file=sys.stderr)
        return 130
    written = sum(status == "written" for status in statuses)
    print(f"{written} of {len(jobs)} photos written to {arguments.output}")
    return 0 if written == len(jobs) else 1


def plan(inputs: list[str], output: Path, boxes: Path | None) -> tuple[list[Job], list[Path]]:
    """The photos to do and the files passed over. Raises before anything is written when it cannot work."""
    by_name = _read_boxes(boxes)
    jobs: dict[str, Job] = {}
    ignored: list[Path] = []
    for given in map(Path, inputs):
        root = given if given.is_dir() else given.parent
        photos = [p for p in images.find(given) if not (given.is_dir() and p.is_relative_to(output))]
        if given.is_dir():
            taken = set(photos)
            ignored += [p for p in sorted(given.rglob("*"))
                        if p.is_file() and p not in taken and not p.is_relative_to(output)]  # fmt: skip
        for photo in photos:
            name = photo.relative_to(root).as_posix()
            if name in jobs and jobs[name].source.resolve() != photo.resolve():
                raise UsageError(f"{jobs[name].source} and {photo} would both become {output / name}; run them apart")
            jobs[name] = Job(photo, name, by_name.get(name, by_name.get(photo.name)))
    if not jobs:
        raise UsageError(f"{', '.join(inputs)}: no photos found ({', '.join(images.SUFFIXES)})")
    _refuse_overwriting(jobs.values(), output)
    unknown = [name for name in by_name if name not in jobs and not any(j.source.name == name for j in jobs.values())]
    if unknown:
        raise UsageError(f"{boxes}: names photos that are not among the inputs: {', '.join(unknown[:5])}")
    return list(jobs.values()), ignored


def _refuse_overwriting(jobs, output: Path) -> None:
    sources = {job.source.resolve() for job in jobs}
    for job in jobs:
        for suffix in ("", ".json", ".gif"):
            if (output / (job.name + suffix)).resolve() in sources:
                raise UsageError(f"{output / (job.name + suffix)} is an input: choose another output folder")


def _read_boxes(path: Path | None) -> dict[str, list]:
    if path is None:
        return {}
    try:
        boxes = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise UsageError(f"{path}: not a readable JSON file ({error})") from None
    if not isinstance(boxes, dict):
        raise UsageError(f'{path}: must hold {{"photo.jpg": [[x1, y1, x2, y2], ...]}}')
    for name, listed in boxes.items():
        for box in listed if isinstance(listed, list) else [None]:
            numbers = isinstance(box, list) and len(box) == 4 and all(isinstance(v, int | float) for v in box)
            if not numbers or not (box[2] > box[0] and box[3] > box[1]):
                raise UsageError(f"{path}: {name}: {box} is not a box [x1, y1, x2, y2] with x2 > x1 and y2 > y1")
    return boxes


def run(job: Job, options: Options, arguments: argparse.Namespace) -> str:
    """Anonymize one photo and write what there is to write -> its status. A bad photo does not stop the others."""
    target = arguments.output / job.name
    try:
        photo = images.load(job.source)
        result, frames = _anonymize(job, photo, options, arguments.gif)
        write = bool(result.targets or arguments.keep_faceless)
        status = "written" if write else "not written: no face found"
        beside = Path(f"{target}.gif")
        if frames and write:
            figures.gif(frames, beside, milliseconds=max(80, 1600 // len(frames)))  # a few frames want looking at
        else:
            beside.unlink(missing_ok=True)  # an earlier run's tells of another result
        manifest = anonymizer.manifest(result, options) | {"written": write}
        images.write_atomically(f"{target}.json", json.dumps(manifest, indent=1).encode())
        if write:
            images.save(result.photo, target)
        else:
            target.unlink(missing_ok=True)
    except Exception as error:  # the border of one photo: whatever it is, it is said, and the others go on
        reason = str(error) if isinstance(error, ImageError) else f"{type(error).__name__}: {error}"
        status = f"not written: {reason}"
        tqdm.write(f"{job.source}: {status}", file=sys.stderr)
        _take_back(target, {"status": status, "written": False, "error": reason})
        return status
    tqdm.write(f"{job.source}: {_summary(result)}{'' if write else '; not written (--keep-faceless writes it)'}")
    if result.doubtful:
        tqdm.write(f"{job.source}: {_warning(result.doubtful, options)}", file=sys.stderr)
    return status


def _take_back(target: Path, record: dict) -> None:
    """Leave nothing of a photo that failed but a record that says so; a full disk may not even take that."""
    for path in (target, Path(f"{target}.gif"), Path(f"{target}.json")):
        path.unlink(missing_ok=True)
    try:
        images.write_atomically(f"{target}.json", json.dumps(record, indent=1).encode())
    except OSError as error:
        tqdm.write(f"{target}.json: not written: {error}", file=sys.stderr)


def _anonymize(job: Job, photo: images.Photo, options: Options, gif: bool):
    found = None
    if job.boxes is not None:
        found = faces.from_boxes(job.boxes, anonymizer.find_faces(photo, options))
    frames = []
    every = max(1, options.iterations // 30) if gif else 0
    with tqdm(desc=f"faces of {job.name}", leave=False, bar_format=FACES_BAR) as bar:
        for step in anonymizer.steps(photo, options, found, preview_every=every):
            bar.total = step.total
            bar.update(max(0, step.done - bar.n))
            if step.stage == "hidden":
                frames.clear()  # what was drawn before the check is not for others' eyes
            if step.preview is not None:
                frames.append(images.shrink(step.preview, GIF_SIDE))
    return step.result, frames


def _summary(result: anonymizer.Result) -> str:
    if not result.targets:
        return "no face found (which does not mean that nobody is there)"
    counts = {}
    for target in result.targets:
        what = f"{target.method} ({target.reason})" if target.reason else target.method
        counts[what] = counts.get(what, 0) + 1
    return f"{len(result.targets)} faces: " + ", ".join(f"{count} {what}" for what, count in counts.items())


def _warning(doubtful: list[faces.Face], options: Options) -> str:
    scores = [face.score for face in doubtful]
    return (
        f"{len(doubtful)} possible faces stay visible, they score {min(scores):.2f} to {max(scores):.2f}: "
        f"look at them (boxes in the JSON), or hide them too with --min-score below {options.min_score:g}"
    )


if __name__ == "__main__":
    sys.exit(main())
