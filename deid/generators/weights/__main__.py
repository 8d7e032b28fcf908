"""The command line for weights: ``python -m deid.generators.weights``, then ``fetch`` or ``convert``."""

import argparse
import sys

import torch

from deid.generators.weights import downloads
from deid.generators.weights.files import WeightsError
from deid.generators.weights.loading import convert


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deid.generators.weights",
        description="Convert weights to safetensors, or download a pretrained network.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    converting = commands.add_parser("convert", help="NVIDIA's .pkl or rosinality's .pt to safetensors")
    converting.add_argument("source", help="the file, or a short name that was fetched before")
    converting.add_argument("target", help="out.safetensors; the discriminator lands beside it")
    converting.add_argument("--half", action="store_true", help="store half precision: half the size")
    fetching = commands.add_parser("fetch", help="download a pretrained network into the cache")
    fetching.add_argument("name", help=f"{', '.join(downloads.NAMES)}, or a URL")
    fetching.add_argument("--sha256", help="the digest that the download must have")
    options = parser.parse_args(arguments)
    try:
        if options.command == "convert":
            precision = torch.float16 if options.half else torch.float32
            for path in convert(options.source, options.target, precision):
                print(path)
        else:
            if downloads.is_known(options.name):
                print(downloads.licence(options.name), file=sys.stderr)
            print(downloads.fetch(options.name, options.sha256))
    except WeightsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
