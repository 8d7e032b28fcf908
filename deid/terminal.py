"""The terminal, or what stands in for one: text of any kind reaches it, and none of it stops the work."""

import contextlib
import io
from typing import Any, TextIO


class Console:
    """A console that takes any text: what it cannot show becomes an escape; one that is gone takes all.

    All else is the ``stream``'s own. A program without a window has None as its stream.
    """

    def __init__(self, stream: TextIO | None):
        self.stream = stream or io.StringIO()
        self.encoding = self.stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write what can be shown of ``text`` -> its length."""
        with contextlib.suppress(OSError, ValueError):  # gone, or closed
            self.stream.write(text.encode(self.encoding, "backslashreplace").decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        """Pass on what was written."""
        with contextlib.suppress(OSError, ValueError):
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def printable(text: str) -> str:
    """``text`` in one line: what does not print, as backslash escapes.

    A file's name may hold bytes that are no text, line breaks, and codes that drive a terminal.
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def watched(stream: TextIO) -> bool:
    """Whether a person looks at ``stream``: it is no file, and no other program reads it."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # closed
        return False
