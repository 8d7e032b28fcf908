"""Try it on a photo of one's own, in a browser: ``python -m deid.app``."""

import argparse
import signal
import sys

MISSING = (
    "the page needs Gradio; run: pip install 'deid-faces[app]', or in a checkout: pip install -e '.[app]'"
)


def main(arguments: list[str] | None = None) -> int:
    """Serve the page until Ctrl-C -> exit code."""
    parser = argparse.ArgumentParser("python -m deid.app", description=__doc__)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to serve at (%(default)s: only this machine)"
    )
    parser.add_argument("--port", type=int, help="port (the first that is free from 7860 on)")
    given = parser.parse_args(arguments)
    try:
        from deid.app import serving  # slow to import, and --help needs none of it
    except ImportError as error:
        if error.name and error.name.startswith("deid"):
            raise
        print(f"deid: {MISSING} ({error})", file=sys.stderr)
        return 2
    # A server that is told to end leaves no files either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _prepare()
        with serving.serve(given.host, given.port) as server:
            print(
                f"Open {server.address} in a browser. Ctrl-C ends it, and all that was opened is gone.",
                flush=True,
            )
            if given.host != serving.LOCAL:
                print("Whoever reaches this address can use the page, and what they send is not encrypted.")
            server.wait()
    except (ValueError, OSError) as error:
        print(f"deid: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def _prepare() -> None:
    """Make what the first photo would wait for."""
    from deid.anonymization import pipeline
    from deid.anonymization.options import Options

    options = Options()
    print("Preparing; the first time this takes about half a minute ...", flush=True)
    for _ in options.prepare():
        pass
    pipeline.check_options(options)


if __name__ == "__main__":
    sys.exit(main())
