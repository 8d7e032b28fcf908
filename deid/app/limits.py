"""What is accepted at once, so that no mistake fills the memory or lasts for hours."""

from collections.abc import Sequence
from pathlib import Path

from deid.photo import formats
from deid.photo.formats import ImageError

PHOTOS = 8  # at once
MEGABYTES = 50  # of a file
MEGABYTE = 1 << 20  # bytes
MEGAPIXELS = 50  # of a photo: about 3 GB of memory while it is worked on
SECONDS = 15  # of a clip: some minutes of work
FRAMES = 450  # of a clip, whatever its header says


class UploadError(ImageError):
    """Files that are not accepted; the message names them and the fix."""


def check(files: Sequence[tuple[str, int]]) -> None:
    """Raise ``UploadError`` for files, as (name, bytes), that are too many, too large, or of two kinds.

    Accepted are up to ``PHOTOS`` photos, or one clip.
    """
    if not files:
        raise UploadError("no file was received; choose a photo")
    if len(files) > PHOTOS:
        raise UploadError(f"{len(files)} files were given, and at most {PHOTOS} are done at once; give fewer")
    for name, size in files:
        if not size:
            raise UploadError(f"{name}: an empty file; choose another one")
        if size > MEGABYTES * MEGABYTE:
            raise UploadError(
                f"{name}: {size / MEGABYTE:.0f} MB, over the limit of {MEGABYTES} MB; make it smaller first, "
                "or use the command line, which has no such limit"
            )
    if len(files) > 1 and any(formats.is_clip(Path(name)) for name, _ in files):
        raise UploadError("a clip is done by itself; give one clip, or photos only")
