"""``deid doctor``, also as ``python -m deid.doctor``: what is there, what is missing, and how to get it."""

import argparse
import sys

from deid import __version__
from deid.doctor import checks, shipped


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each finding -> exit code: 1 where something stops the tool, else 0."""
    p = argparse.ArgumentParser("deid doctor", description="Check what is installed; say what is missing.")
    p.add_argument("--problems", action="store_true", help="only what is absent or broken")
    p.add_argument(
        "--write-digests", action="store_true", help="in a checkout: note the weights that ship (developers)"
    )
    given = p.parse_args(arguments)
    if given.write_digests:
        print(shipped.write_digests())
        return 0
    counts = {checks.OK: 0, checks.ABSENT: 0, checks.BROKEN: 0}
    print(f"deid {__version__}")
    for finding in checks.findings():
        counts[finding.state] += 1
        if finding.state != checks.OK or not given.problems:
            print(f"{finding.state:8}{finding.what}: {finding.told}", flush=True)
            if finding.fix:
                print(f"{'':8}  -> {finding.fix}")
    if counts[checks.BROKEN]:
        print(f"{counts[checks.BROKEN]} things are broken: mend the first one, and run deid doctor again")
    else:
        print(f"all that is needed is there; {counts[checks.ABSENT]} optional things are absent")
    return 1 if counts[checks.BROKEN] else 0


if __name__ == "__main__":
    sys.exit(main())
