"""Photos decoded ahead of their use, in chunks that fit into memory."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deid.photo import images
from deid.photo.images import ImageError, Photo

CHUNK_PIXELS = 16_000_000  # decoded at once: 32 photos of a camera would fill 10 GB

Chunk = list[tuple[str, Photo | ImageError]]


def decode_ahead(named: Sequence[tuple[str, Path]], batch: int) -> Iterator[Chunk]:
    """Chunks of (name, photo), or (name, error) where a photo cannot be read, in order.

    A chunk has at most ``batch`` photos, fewer where they are large. The next one is decoded while the caller
    works on this one.
    """
    waiting = iter(named)
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(_decode, waiting, batch)
        while chunk := ahead.result():
            ahead = reader.submit(_decode, waiting, batch)
            yield chunk


def _decode(waiting: Iterator[tuple[str, Path]], batch: int) -> Chunk:
    decoded: Chunk = []
    pixels = 0
    for name, path in waiting:
        try:
            photo = images.load(path)
            pixels += photo.size[0] * photo.size[1]
            decoded.append((name, photo))
        except ImageError as error:
            decoded.append((name, error))
        if len(decoded) == batch or pixels > CHUNK_PIXELS:
            break
    return decoded
