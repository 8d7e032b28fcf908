"""How far the work has come: bars on a terminal, plain lines in a file or a pipe."""

import sys
from typing import Any, TextIO

from tqdm import tqdm

from deid.terminal import printable, watched

EVERY = 10.0  # seconds between two lines
shown = True  # not in a process whose words another one says


class Lines(tqdm):
    """The place of a bar in a file or a pipe: a line now and then, and no codes that move a cursor."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **(more | {"mininterval": EVERY}))

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Write how far it is, once something is done."""
        del pos
        if not self.n or msg == "":
            return
        unit = "" if self.unit == "it" else f" {self.unit}s"
        done = f"{self.n:.0f} of {self.total:.0f}" if self.total else f"{self.n:.0f}"
        self.fp.write(f"{self.desc.removesuffix(': ')}: {done}{unit}\n")
        self.fp.flush()

    def clear(self, *arguments: Any, **more: Any) -> None:
        """Leave the lines that are there."""

    def close(self) -> None:
        """End without a line: what became of the work is said elsewhere."""
        if not self.disable:
            self.disable: bool = True
            self._decr_instances(self)


def bar(*arguments: Any, **more: Any) -> tqdm:
    """A bar of tqdm on the terminal, or ``Lines`` where stderr is none; the arguments are tqdm's."""
    more |= {} if shown else {"disable": True}
    return (tqdm if watched(sys.stderr) else Lines)(*arguments, **more)


def say(text: str, stream: TextIO | None = None) -> None:
    """Print one line, above the bars where there are some."""
    stream = stream or sys.stdout
    if watched(sys.stderr):
        tqdm.write(printable(text), file=stream)
    else:
        print(printable(text), file=stream, flush=True)
