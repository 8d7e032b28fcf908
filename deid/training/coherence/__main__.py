"""The command line: ``python -m deid.training.coherence``, then ``train``, ``export`` or ``traits``."""

import argparse
import json
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from deid.data.crops import FaceCrops
from deid.photo.images import ImageError
from deid.recognition import traits
from deid.references.library import Library, LibraryError
from deid.storage import FolderError
from deid.training.coherence import traits as learning
from deid.training.coherence.examples import Examples, embed_relit, is_held_out, kept_apart
from deid.training.coherence.loop import Contrast, export, train


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    p = argparse.ArgumentParser(prog="python -m deid.training.coherence", description=(__doc__ or "").strip())
    commands = p.add_subparsers(dest="command", required=True)
    go = commands.add_parser("train", help="train into a folder, or go on where an earlier call stopped")
    go.add_argument("run", type=Path)
    go.add_argument(
        "--crops",
        nargs="+",
        required=True,
        metavar="FOLDER[,FOLDER][=SHARE][@REPEATS]",
        help="dataset folders, one source each; SHARE of the faces is held out (0), the others are seen "
        "REPEATS times in each pass (1)",
    )
    go.add_argument("--images", type=int, default=Contrast.images, help="faces seen in all (%(default)s)")
    go.add_argument("--batch", type=int, default=Contrast.batch, help="(%(default)s)")
    go.add_argument("--seconds", type=float, default=540, help="stop after so many, to go on later")
    out = commands.add_parser("export", help="write the trained networks as they ship")
    out.add_argument("run", type=Path)
    out.add_argument("path", type=Path)
    own = commands.add_parser("traits", help="learn to tell sex and age; print how well")
    own.add_argument("library", type=Path, help="a library of labelled people")
    own.add_argument("labels", type=Path, help="JSON: names of pictures by trait")
    own.add_argument("--crops", nargs="+", type=Path, required=True, help="dataset folders of photos")
    own.add_argument("--share", type=float, default=0.0, help="of the labelled faces that is held out")
    own.add_argument("--limit", type=int, help="learn from the first so many crops only")
    own.add_argument("-o", "--output", type=Path, default=traits.WEIGHTS, help="(%(default)s)")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code."""
    given = parser().parse_args(arguments)
    try:
        if given.command == "export":
            print(export(given.run, given.path))
        elif given.command == "traits":
            _traits(given)
        else:
            _train(given)
    except (ImageError, FolderError, LibraryError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _train(given: argparse.Namespace) -> None:
    repeats = tuple(int(text.partition("@")[2] or 1) for text in given.crops)
    settings = Contrast(given.images, given.batch, repeats=repeats)
    sources = [
        _source(text.partition("@")[0], given.run / "embeddings" / str(k), settings.strength)
        for k, text in enumerate(given.crops)
    ]
    seen = given.images  # where nothing is left to do; a bar that is switched off counts nothing
    with tqdm(total=given.images, unit="face", mininterval=5) as bar:
        for step in train(sources, settings, given.run, given.seconds):
            seen = step.images
            bar.update(seen - bar.n)
            bar.set_postfix(loss=f"{step.loss:.3f}", first=f"{step.first:.1%}")
    print(f"{given.run}: {seen} of {given.images} faces")


def _traits(given: argparse.Namespace) -> None:
    library, crops = Library.open(given.library), FaceCrops(given.crops, given.limit)
    names = [reference.name for reference in library.references]
    rows = [k for k, name in enumerate(names) if not is_held_out(name, given.share)]
    pictures = library.thumbnails[rows].float().div(127.5).sub(1)
    labels = json.loads(given.labels.read_text(encoding="utf-8"))
    vectors, places = library.embeddings[rows], library.landmarks[rows]
    known = learning.labelled([names[k] for k in rows], vectors, pictures, places, labels)
    parts = list(tqdm(learning.photographed(crops), total=-(-len(crops) // learning.PART), mininterval=5))
    photos = torch.cat([vectors for vectors, _ in parts]), torch.cat([around for _, around in parts], 1)
    print(f"{len(rows)} labelled faces, {len(crops)} photographed ones; area under the ROC curve:")
    for side, found in learning.scores(known, photos).items():
        cells = zip(traits.NAMES, found.tolist(), strict=True)
        print(f"  {side:13}", ", ".join(f"{name} {value:.3f}" for name, value in cells))
    learning.write(learning.learn(known, photos), given.output)


def _source(text: str, folder: Path, strength: float) -> Examples:
    """The examples of one source; its embeddings are stored in ``folder``."""
    name, _, share = text.partition("=")
    crops = FaceCrops(name.split(","))
    chosen = kept_apart(crops, float(share or 0))[0]
    parts = tqdm(embed_relit(crops, chosen, folder, strength), f"embeddings of {name}", mininterval=5)
    return Examples(crops, chosen, torch.cat(list(parts)))


if __name__ == "__main__":
    sys.exit(main())
