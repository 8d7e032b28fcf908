"""What a method costs: processor time for a face, to start, and for a large photo; and memory.

``python -m deid.evaluation.costs media/sample.jpg --methods onepass reference`` prints a JSON line for each
method. All of it is processor time of one core, so that other work on the machine does not count, and each
run of the command line is a process of its own. With ``--memory 1 12 24`` it prints one for the photo at each
of these sizes, in megapixels, and what each further one adds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from deid.anonymization import pipeline, synthesis
from deid.anonymization.draft import Draft
from deid.anonymization.options import Options
from deid.photo import alignment, detection, images
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.faces import Face
from deid.photo.images import Photo

FRAMES = (256, 512)  # pixels of the photo that a face's frame covers
REPEATS = 5
LARGE = 12  # megapixels
COMMAND = """
import json, sys, time
from deid.__main__ import main
from deid.evaluation.benchmarks import peak
code = main(sys.argv[1:])
print(json.dumps({"code": code, "seconds": time.process_time(), "peak bytes": peak("cpu")}))
"""


def measure(photo: Photo, method: str, large: float = LARGE) -> dict:
    """The costs of one method, for the faces of a photo; what it makes once on a machine is made before.

    "draw" and "blend" are for one face of each size, without the check, once all is loaded. "start-up" is the
    command line with a photo without a face, "12 megapixels" with the photo enlarged to ``large`` of them,
    and the check.
    """
    for _ in Options(method).prepare():
        pass
    (largest, *_) = detection.detect(photo.pixels)[0]
    faces: dict[str, float] = {}
    for side in FRAMES:
        spent = milliseconds(*close_up(photo, largest, side), method)
        faces |= {f"{what} ms at {side} px": ms for what, ms in zip(("draw", "blend"), spent, strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        grey = run(Photo(torch.zeros(1, 3, 64, 64)), method, Path(folder) / "grey.png")
        whole = run(enlarged(photo, round(large * 1e6)), method, Path(folder) / "large.jpg")
    start = {"start-up seconds": grey["seconds"], "start-up peak bytes": grey["peak bytes"]}
    checked = {f"{large:g} megapixels {name}": value for name, value in whole.items()}
    return {"method": method} | faces | start | checked


def milliseconds(photo: Photo, face: Face, method: str, repeats: int = REPEATS) -> tuple[float, float]:
    """Processor time to draw a face and to blend it, with another seed each time: the least of them.

    Other work on the same core makes a time longer, nothing makes it shorter.
    """
    times = []
    for seed in range(repeats + 1):
        options = Options(method, seed=seed, verify=False)
        draft = Draft.of(photo.pixels, pipeline.plan_targets([face], options))
        begin = time.process_time()
        draft = synthesis.finish(synthesis.draw(draft, options))
        drawn = time.process_time()
        draft.finished()
        times.append((drawn - begin, time.process_time() - drawn))
        if draft.targets[0].black:
            raise ValueError(f"{method}: no face was drawn ({draft.targets[0].reason})")
    draw, blend = (round(1000 * min(each[1:]), 1) for each in zip(*times, strict=True))  # the first one loads
    return draw, blend


def close_up(photo: Photo, face: Face, side: int) -> tuple[Photo, Face]:
    """The part of a photo around a face whose frame covers ``side`` pixels of it then, and the face in it."""
    factor = side / (alignment.scale(DCGAN_FRAME.matrix(face)) * DCGAN_FRAME.size)
    scaled, there = _scaled(photo, factor), face.scaled(factor)
    matrix = DCGAN_FRAME.matrix(there)
    left, top, right, bottom = alignment.paste_region(matrix, DCGAN_FRAME.size, scaled.size, side // 8)
    part = replace(scaled, pixels=scaled.pixels[:, :, top:bottom, left:right])
    return part, there.moved(-left, -top)


def enlarged(photo: Photo, pixels: int) -> Photo:
    """The photo as a JPEG of so many pixels, with a camera's grain: an enlarged one alone has none."""
    width, height = photo.size
    larger = _scaled(photo, (pixels / (width * height)) ** 0.5).pixels
    grain = 0.02 * torch.randn(larger.shape, generator=torch.Generator().manual_seed(0))
    return Photo((larger + grain).clamp(-1, 1), "JPEG", options={"quality": 92})


def run(photo: Photo, method: str, path: Path) -> dict:
    """The command line in a new process: processor seconds, memory, how many faces, and how many redrawn."""
    images.save(photo, path)
    command = [sys.executable, "-c", COMMAND, str(path), "-o", str(path.with_suffix("")), "--method", method]
    command.append("--keep-faceless")
    known = os.environ | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=known)
    costs = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {"code": done.returncode}
    if costs.pop("code"):
        raise RuntimeError(
            f"{method}: {done.stderr.splitlines()[-1] if done.stderr else 'ended without a word'}"
        )
    record = json.loads((path.with_suffix("") / f"{path.name}.json").read_text(encoding="utf-8"))
    tries = [face["similarity"]["tries"] for face in record["faces"] if face.get("similarity")]
    costs["seconds"] = round(costs["seconds"], 2)
    return costs | {"faces": len(record["faces"]), "redrawn": sum(len(of) > 1 for of in tries)}


def memory(photo: Photo, method: str, sizes: Sequence[float]) -> Iterator[dict]:
    """The costs of the photo at each of the ``sizes`` in megapixels, and memory for each further one."""
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            whole = run(enlarged(photo, round(size * 1e6)), method, Path(folder) / f"{size:g}.jpg")
            peaks.append(whole["peak bytes"])
            yield {"method": method, "megapixels": size} | whole
    if len(set(sizes)) > 1:
        yield {"method": method} | growth(sizes, peaks)


def growth(sizes: Sequence[float], peaks: Sequence[float]) -> dict:
    """The straight line through bytes at sizes in megapixels: what is always needed, and what each adds."""
    slope, first = np.polyfit(sizes, peaks, 1) / 1e6
    return {"MB": round(first), "MB a megapixel": round(slope)}


def _scaled(photo: Photo, factor: float) -> Photo:
    pixels = F.interpolate(photo.pixels, scale_factor=factor, mode="bicubic", antialias=True).clamp(-1, 1)
    return replace(photo, pixels=pixels)


def main() -> None:
    """The command line: one JSON line for each method."""
    summary = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m deid.evaluation.costs", description=summary)
    parser.add_argument("photo", type=Path, help="with at least one face")
    parser.add_argument("--methods", nargs="+", default=["onepass", "reference"], help="(%(default)s)")
    parser.add_argument(
        "--large", type=float, default=LARGE, help="megapixels of a large photo (%(default)s)"
    )
    parser.add_argument("--memory", nargs="+", type=float, metavar="MP", help="only memory, by megapixels")
    given = parser.parse_args()
    torch.set_num_threads(1)
    photo = images.load(given.photo)
    for method in given.methods:
        lines = memory(photo, method, given.memory) if given.memory else [measure(photo, method, given.large)]
        for line in lines:
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
