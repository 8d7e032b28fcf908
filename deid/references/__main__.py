"""The command line for references: ``python -m deid.references``, then ``build``, ``add``, ``show`` ..."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from deid import figures, locks, storage
from deid.downloads import DownloadError
from deid.generators import WeightsError, load_generator
from deid.generators.weights import downloads
from deid.locks import LockError
from deid.references import learning, looks, sources
from deid.references.build import build
from deid.references.entries import entries_of, write_library
from deid.references.library import Library, LibraryError, default_path
from deid.references.sources import PortraitSource

TRUNCATION = 0.7  # of samples: fewer failures, still different people
SHEET_SIDE = 128


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    p = argparse.ArgumentParser(
        prog="python -m deid.references",
        description="The library of faces of people who do not exist, which the method reference draws with.",
    )
    p.add_argument("--library", type=Path, default=default_path(), help="the library's file (%(default)s)")
    commands = p.add_subparsers(dest="command", required=True)
    build_ = commands.add_parser("build", help="add nine people of the package openpeople (offline)")
    fetch = commands.add_parser("fetch", help="add a published set of portraits")
    fetch.add_argument("set", choices=["portraits"], help="200 portraits, CC0, of all ages and origins")
    fetch.add_argument("--from", dest="source", type=Path, help="a folder or tar that holds the set already")
    add = commands.add_parser("add", help="add your own portraits of people who do not exist")
    add.add_argument("source", type=Path, metavar="FOLDER_OR_TAR", help="one picture for each person")
    add.add_argument("--licence", default="not stated", help="their licence; manifests name it")
    sample = commands.add_parser("sample", help="add faces that a StyleGAN2 draws")
    sample.add_argument("weights", help="a file, or a short name that was fetched before")
    sample.add_argument("-n", dest="count", type=int, default=500, help="how many are drawn (%(default)s)")
    for adding in (build_, fetch, add, sample):
        adding.add_argument("--figure", type=Path, help="also draw what was rejected, and why, as a JPEG")
    learn = commands.add_parser("learn", help="train the gate again that looks at faces (for developers)")
    learn.add_argument(
        "sources", type=Path, nargs="+", metavar="FOLDER_OR_TAR", help="the labelled portraits"
    )
    learn.add_argument("-o", "--output", type=Path, default=looks.WEIGHTS, help="the weights (%(default)s)")
    commands.add_parser("list", help="one line for each reference")
    show = commands.add_parser("show", help="write a contact sheet")
    show.add_argument("-o", "--output", type=Path, default=Path("references.jpg"), help="(%(default)s)")
    remove = commands.add_parser("remove", help="remove references by name or by identity")
    remove.add_argument("names", nargs="+", metavar="NAME", help="as list shows them")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code."""
    given = parser().parse_args(arguments)
    commands: dict[str, Callable[[argparse.Namespace], None]] = {
        "build": lambda given: grow(sources.openpeople_portraits(), given),
        "fetch": fetch_portraits,
        "add": lambda given: grow(
            sources.folder_portraits(given.source, given.source.stem, given.licence), given
        ),
        "sample": lambda given: grow(samples(given.weights, given.count), given),
        "learn": learn_looks,
        "list": list_references,
        "show": show_references,
        "remove": remove_references,
    }
    try:
        commands[given.command](given)
    except (LibraryError, LockError, DownloadError, WeightsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the library is as it was", file=sys.stderr)
        return 130
    return 0


def grow(portraits: PortraitSource, given: argparse.Namespace) -> None:
    """Add portraits to the library, with a progress bar, and say what was rejected and why."""
    step, path = None, given.library
    examples: dict[str, list[Tensor]] = {}
    with tqdm(total=portraits.total, desc=f"references from {portraits.name}", unit="portrait") as bar:
        for step in build(portraits, path):
            bar.update()
            if step.thumbnail is None:
                tqdm.write(step.name, file=sys.stderr)
            elif step.reason:
                examples.setdefault(step.reason, []).append(step.thumbnail)
    if step is not None:
        reasons = ", ".join(f"{count} {reason}" for reason, count in step.rejected.most_common())
        print(f"{step.accepted} of {step.done} portraits passed{f'; rejected: {reasons}' if reasons else ''}")
    print(f"{path}: {len(Library.open(path))} references")
    if given.figure and examples:
        print(figures.save(figures.counted(examples), given.figure.parent, given.figure.stem))


def learn_looks(given: argparse.Namespace) -> None:
    """Train the gate that looks at faces, and print how often it is right on faces that it did not see."""
    names, features = [], []
    for source in (sources.folder_portraits(path, path.stem, "") for path in given.sources):
        for found in tqdm(learning.examples(source), total=source.total, desc=source.name, unit="portrait"):
            if found:
                names.append(found[0])
                features.append(found[1])
    if not features:
        raise LibraryError("learn: none of these portraits shows a clear face")
    table = learning.learn(names, torch.stack(features), looks.labels(), given.output)
    print(f"{len(names)} portraits; cross-validated, at the threshold that ships:")
    print("reason        labelled  rejected  precision  recall  average precision")
    for reason, score in table.items():
        print(
            f"{reason:12} {score.labelled:9} {score.rejected:9} {score.precision:10.2f} {score.recall:7.2f}"
            f" {score.average:18.2f}"
        )
    print(given.output)


def fetch_portraits(given: argparse.Namespace) -> None:
    """Download the published set, or read it from where it lies, and add it."""
    print(f"licence: {sources.FAKER_LICENCE}", file=sys.stderr)
    folder = given.source
    if folder is None:
        folder = sources.faker_folder()
        for _ in tqdm(sources.fetch_faker(), total=len(sources.FAKER_NAMES), desc="portraits", unit="file"):
            pass
    grow(sources.folder_portraits(folder, sources.FAKER, sources.FAKER_LICENCE), given)


def samples(weights: str, count: int) -> PortraitSource:
    """Faces that a pretrained generator draws, one for each seed. Raises ``WeightsError``."""
    generator = load_generator(weights)
    if generator.latent_space != "w+":
        raise WeightsError(f"{weights}: a {generator.family} network; samples need a StyleGAN2 checkpoint")

    @torch.inference_mode()
    def draw(seed: int) -> Tensor:
        z = generator.sample_z(1, torch.Generator().manual_seed(seed))
        return generator(z, truncation_psi=TRUNCATION).float().clamp(-1, 1)

    name = Path(weights).stem
    return sources.sampled_portraits(draw, count, name, downloads.licence(weights))


def list_references(given: argparse.Namespace) -> None:
    """Print one line for each reference, and what was rejected."""
    library = Library.open(given.library)
    for reference in library.references:
        print(
            f"{reference.name}  person {reference.identity}  {reference.size} px  "
            f"{reference.source}, {reference.licence}"
        )
    for source, reasons in library.rejected.items():
        print(
            f"rejected from {source}: {', '.join(f'{n} {reason}' for reason, n in reasons.items()) or 'none'}"
        )


def show_references(given: argparse.Namespace) -> None:
    """Write a contact sheet with names."""
    library = Library.open(given.library)
    if not len(library):
        raise LibraryError(f"{given.library}: holds no references yet; run: python -m deid.references build")
    crops = torch.cat([library.crop(k, SHEET_SIDE) for k in range(len(library))])
    names = [reference.name.replace("-", "\n", 1) for reference in library.references]
    sheet = figures.grid(crops, 10, names, side=SHEET_SIDE)
    print(figures.save(sheet, given.output.parent, given.output.stem, dpi=figures.canvas.DPI))


def remove_references(given: argparse.Namespace) -> None:
    """Write the library again without the named references."""
    with storage.only_one(given.library, [], locks.outside(given.library, Path(given.library).parent)):
        library = Library.open(given.library)
        known = {name for reference in library.references for name in (reference.name, reference.identity)}
        if unknown := [name for name in given.names if name not in known]:
            raise LibraryError(f"{given.library}: holds no {unknown[0]}; list shows all names")
        left = [entry for entry in entries_of(library) if not {entry.name, entry.identity} & set(given.names)]
        write_library(given.library, left, library.rejected)
    print(f"{given.library}: {len(library) - len(left)} removed, {len(left)} references left")


if __name__ == "__main__":
    sys.exit(main())
