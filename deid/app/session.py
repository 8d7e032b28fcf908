"""What one person has open: photos with a choice for each face, or a clip, and what became of them.

Photos stay in memory. A clip and its result lie in a folder of the session's own, which goes with it.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deid.anonymization.options import Options
from deid.app import clips, limits, photos
from deid.app.photos import Made, Opened, SessionStep
from deid.generators import WeightsError
from deid.photo import formats
from deid.photo.images import ImageError

# Files and settings that cannot be done; others are faults of ours.
PROBLEMS = (ValueError, WeightsError, OSError)


@dataclass(eq=False)
class Table:
    """A photo on the table: what was read of it, the ``choices`` by a face's number, and the last result."""

    opened: Opened
    choices: dict[int, str] = field(default_factory=dict)
    made: Made | None = None

    def chosen(self, number: int) -> str:
        """What becomes of a face as things stand."""
        usual = next(one.do for one in self.opened.faces if one.number == number)
        return self.choices.get(number, usual)


class Session:
    """One person's photos, or their clip; two sessions know nothing of each other.

    ``close`` forgets everything and removes the folder. A session that is closed stays so.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self.parent, self.closed = parent, False
        self._empty()

    def _empty(self) -> None:
        self.photos: list[Table] = []
        self.folder: Path | None = None
        self.clip: Path | None = None
        self.clip_made: Made | None = None

    def open(self, files: Sequence[tuple[str, bytes]], options: Options) -> list[str]:
        """Put photos, as (name, content), on the table -> why others could not be read, in words.

        What was open before is forgotten. Raises ``UploadError`` where nothing was accepted.
        """
        limits.check([(name, len(content)) for name, content in files])
        self.forget()
        problems = []
        for name, content in files:
            if formats.is_clip(Path(name)):
                self._open_clip(name, content)
                continue
            try:
                self.photos.append(Table(photos.read(name, content, options)))
            except ImageError as error:
                problems.append(str(error))
        if self.closed:
            self.forget()
        return problems

    def _open_clip(self, name: str, content: bytes) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="session-", dir=self.parent))
        path = self.folder / Path(name).name
        try:
            path.write_bytes(content)
            clips.check(path)
        except Exception:
            self.forget()
            raise
        self.clip = path

    def choose(self, index: int, number: int, do: str) -> None:
        """Decide about face ``number`` of photo ``index``. Raises ``ValueError`` for what is not known."""
        table = self.photos[index]
        photos.sight(table.opened, table.choices | {number: do})
        table.choices[number], table.made = do, None  # no one may save a result of other choices

    def steps(self, options: Options) -> Iterator[SessionStep]:
        """Anonymize all that is open, and remember the results; ``share`` is of the whole."""
        tables, self.clip_made = list(self.photos), None
        for table in tables:
            table.made = None
        if self.clip and self.folder:
            for step in clips.steps(self.clip, self.folder, options):
                self.clip_made = step.made
                yield step
        for done, table in enumerate(tables):
            for step in photos.steps(table.opened, options, table.choices):
                table.made = step.made
                yield SessionStep(step.stage, (done + step.share) / len(tables), step.made)

    def forget(self) -> None:
        """Forget what is open, and delete what lies in the session's folder."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._empty()

    def close(self) -> None:
        """The end: nothing is left, in memory or on the disk."""
        self.closed = True
        self.forget()
