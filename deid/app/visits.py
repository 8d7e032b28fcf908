"""Who is there: sessions by their key, and what a browser may fetch of them."""

import mimetypes
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deid.app.session import Session

VISITS = 20  # at once
IDLE = 3600.0  # seconds


@dataclass(frozen=True, eq=False)
class Item:
    """A file that a browser may fetch: its bytes, or where it lies, and what it is."""

    content: bytes | Path
    kind: str


@dataclass(eq=False)
class Visit:
    """A session, what may be fetched of it by a word that no one guesses, and when it was last used."""

    session: Session
    items: dict[str, Item] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    used: float = 0.0

    def hand_out(self, place: str, content: bytes | Path, name: str) -> str:
        """Let a file be fetched -> its word; what had this ``place`` on the page before is gone."""
        self.items.pop(self.words.get(place, ""), None)
        word = self.words[place] = secrets.token_urlsafe(24)
        self.items[word] = Item(content, mimetypes.guess_type(name)[0] or "application/octet-stream")
        return word

    def withdraw(self) -> None:
        """Let nothing be fetched any more."""
        self.items.clear()
        self.words.clear()


class Visits:
    """All sessions. One that is not used for ``IDLE`` seconds is closed, and of too many the oldest."""

    def __init__(self, folder: Path | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.folder, self.now = folder, now
        self.visits: dict[str, Visit] = {}
        self.lock = threading.Lock()

    def of(self, key: str) -> Visit:
        """The visit with this key, a new one where there is none."""
        with self.lock:
            visit = self.visits.pop(key, None) or Visit(Session(self.folder))
            visit.used = self.now()
            self.visits[key] = visit  # the latest is the last
            over = list(self.visits)[: max(0, len(self.visits) - VISITS)]
            old = [name for name, each in self.visits.items() if each.used < visit.used - IDLE]
            gone = [self.visits.pop(name) for name in {*over, *old}]
        for each in gone:
            _close(each)
        return visit

    def item(self, word: str) -> Item | None:
        """What may be fetched by this word."""
        with self.lock:
            found = (visit.items.get(word) for visit in self.visits.values())
            return next((item for item in found if item), None)

    def close(self, key: str) -> None:
        """End a visit: nothing of it is left."""
        with self.lock:
            visit = self.visits.pop(key, None)
        if visit:
            _close(visit)

    def close_all(self) -> None:
        """End all visits."""
        for key in list(self.visits):
            self.close(key)


def _close(visit: Visit) -> None:
    visit.withdraw()
    visit.session.close()
