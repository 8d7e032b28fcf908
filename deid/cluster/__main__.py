"""How cost grows: ``python -m deid.cluster`` measures small points, and says what many photos would cost."""

import argparse
import sys
from pathlib import Path

from deid.cluster import costs
from deid.cluster.engine import ClusterError
from deid.photo.images import ImageError

MANY = (1_000_000, 1_000_000_000)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line -> exit code."""
    p = argparse.ArgumentParser(prog="python -m deid.cluster", description="Measure how cost grows.")
    p.add_argument("photo", nargs="?", type=Path, default=Path("media/sample.jpg"), help="(%(default)s)")
    p.add_argument("--counts", type=int, nargs="+", default=[64, 128, 256], help="of photos (%(default)s)")
    p.add_argument("--cluster", metavar="ADDRESS", help="measure calls there, too; auto: on this machine")
    given = p.parse_args(arguments)
    measured = []
    try:
        print("| measured | of how many | ms each | bytes each |\n|---|---|---|---|")
        for cost in costs.measure(sorted(given.counts), given.photo, given.cluster):
            measured.append(cost)
            size = f"{cost.bytes:,.0f}" if cost.bytes else "-"
            print(f"| {cost.what} | {cost.count:,} | {1000 * cost.seconds:,.3g} | {size} |", flush=True)
    except (ClusterError, ImageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\nTraining: {costs.exchanged():,} bytes of gradients a step and process")
    print(f"\n| extrapolated | {' | '.join(f'{count:,} photos' for count in MANY)} |\n|---|---|---|")
    columns = [costs.extrapolate(measured, count) for count in MANY]
    for what in columns[0]:
        print(f"| {what} | {' | '.join(_said(column[what]) for column in columns)} |")
    return 0


def _said(value: float) -> str:
    """A number to three digits, and no less than it is whole."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
