"""Datasets from the command line: ``python -m deid.data create PHOTOS FACES``, here or on a cluster."""

import argparse
import sys
from collections.abc import Iterator

from tqdm import tqdm

from deid.data import dataset
from deid.data.dataset import DatasetProgress, Settings
from deid.locks import LockError
from deid.photo import images
from deid.photo.images import ImageError
from deid.storage import FolderError


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    p = argparse.ArgumentParser(prog="python -m deid.data", description="Make aligned crops of photos.")
    commands = p.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="photos to crops; a call goes on where the last one stopped")
    create.add_argument("photos", help="a folder; with --cluster also an address, s3://bucket/photos")
    create.add_argument("faces", help="the dataset's folder; with --cluster the folder or address of shards")
    create.add_argument(
        "--cluster", metavar="ADDRESS", help="make shards by Ray at ADDRESS, or auto (extra 'cluster')"
    )
    create.add_argument("--each", type=int, default=512, help="photos in a shard (%(default)s)")
    create.add_argument("--alignment", default=Settings.alignment, help="landmarks or square (%(default)s)")
    create.add_argument("--select", default=Settings.select, help="faces: largest or all (%(default)s)")
    create.add_argument("--size", type=int, default=Settings.size, help="of a crop, in pixels (%(default)s)")
    create.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    unpack = commands.add_parser("unpack", help="shards to the folder that training reads")
    unpack.add_argument("shards", help="their folder or address")
    unpack.add_argument("faces", help="the dataset's folder")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code."""
    given = parser().parse_args(arguments)
    try:
        {"create": create, "unpack": unpack}[given.command](given)
    except (ImageError, FolderError, LockError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same call goes on from here", file=sys.stderr)
        return 130
    return 0


def create(given: argparse.Namespace) -> None:
    """Make a dataset folder, or shards on a cluster."""
    last = DatasetProgress(0, 0, 0)
    with tqdm(unit="photo") as bar:
        for last in _steps(given):
            bar.total = last.total
            bar.update(last.done - bar.n)
    dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(last.dropped.items()))
    print(f"{last.done} of {last.total} photos, {last.crops} crops; dropped: {dropped or 'none'}")


def unpack(given: argparse.Namespace) -> None:
    """Make a dataset folder of shards."""
    from deid.cluster import locations, shards

    for done, total in shards.unpack(locations.Location(given.shards), given.faces):
        print(f"{done} of {total} shards")
    print(f"{dataset.summarize(dataset.read_index(given.faces)).crops} crops")


def _steps(given: argparse.Namespace) -> Iterator[DatasetProgress]:
    settings = Settings(size=given.size, alignment=given.alignment, select=given.select)
    if given.cluster is None:
        photos = images.find(given.photos)
        return dataset.create(photos, given.faces, settings, given.photos, device=given.device)
    from deid.cluster import creation

    work = creation.ShardWork(given.photos, given.faces, settings, given.device)
    return creation.create(work, given.cluster, given.each)


if __name__ == "__main__":
    sys.exit(main())
