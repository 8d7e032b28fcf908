"""The command line for recognisers that do not ship: ``python -m deid.recognition fetch NAME [FILE]``."""

import argparse
import sys
from pathlib import Path

from deid.downloads import DownloadError
from deid.recognition import fetching


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deid.recognition", description="Put a recogniser that does not ship into the cache."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("fetch", help="download its weights, or convert a local file of them")
    command.add_argument("name", choices=["mobilefacenet"])
    command.add_argument("file", nargs="?", help="mobilefacenet.pt or its ONNX conversion, not downloaded")
    options = parser.parse_args(arguments)
    print(fetching.TERMS, file=sys.stderr)
    try:
        print(fetching.put(Path(options.file)) if options.file else fetching.fetch())
    except (DownloadError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
