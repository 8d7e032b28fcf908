"""Clips as files: opened, looked into, and decoded, upright and with their times. PyAV does it, an extra."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from deid.photo import opening
from deid.photo.formats import ImageError

# What may lie in a file: nothing that leads to other files, as a playlist would.
CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
OTHERS = {"subtitle": "subtitles", "data": "data (position, time code)", "attachment": "attached files"}
EARLY = (0.9, 0.1)  # a clip that ends before this share of its length, less so many seconds, is damaged
UNIT = 1 << 16  # of a display matrix
USUAL = Fraction(25)  # frames a second, where a file does not say


class ClipError(ImageError):
    """A clip that cannot be read or written; the message names the file and the fix."""


@dataclass(frozen=True, eq=False)
class ClipFrame:
    """A frame as it is shown: ``pixels`` (H, W, 3) uint8, its number and its time in units of the clip's."""

    pixels: np.ndarray
    number: int
    time: int


def pyav() -> Any:
    """The package av. Raises ``ClipError`` with the command that installs it."""
    try:
        import av
    except ImportError:
        raise ClipError("clips are read and written by PyAV; run: pip install av") from None
    return av


class Reader:
    """A clip that is open; each ``Reader`` decodes it once, from the beginning.

    ``unit`` is what times count, in seconds; ``rate`` frames a second, on average; ``count`` how many frames
    there are about (0: not known); ``seconds`` the length (0: not known). Raises ``ClipError``.
    """

    def __init__(self, path: Path) -> None:
        self.path, av = path, pyav()
        with opening.open_photo(path) as file:  # says what is wrong with a path
            if not file.read(1):
                raise ClipError(f"{path}: an empty file")
        limits = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
        try:
            self.container = av.open(f"file:{path}", metadata_errors="ignore", options=limits)
        except (av.FFmpegError, ValueError, OSError):
            raise ClipError(
                f"{path}: damaged, or no clip that this program can read; convert it to MP4"
            ) from None
        found = [stream for stream in self.container.streams.video if not _is_picture(stream)]
        if not found or not found[0].codec_context:
            self.container.close()
            raise ClipError(f"{path}: holds no video that can be decoded")
        self.stream, *self.more = found
        self.stream.thread_type = "AUTO"
        self.sounds = list(self.container.streams.audio)
        self.unit: Fraction = self.stream.time_base
        self.rate: Fraction = self.stream.average_rate or self.stream.guessed_rate or USUAL
        whole = self.container.duration
        self.seconds = whole / av.time_base if whole else 0.0
        self.count = self.stream.frames or round(self.seconds * self.rate)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    def frames(self) -> Iterator[ClipFrame]:
        """All frames in order. Raises ``ClipError`` where the file is damaged."""
        return (item for item in self._items([self.stream]) if isinstance(item, ClipFrame))

    def everything(self) -> Iterator[Any]:
        """Frames, and between them the packets of all sound as they lie in the file."""
        return self._items([self.stream, *self.sounds])

    def _items(self, streams: list[Any]) -> Iterator[Any]:
        number, end = 0, Fraction(0)
        try:
            for packet in self.container.demux(streams):
                if packet.stream is not self.stream:
                    if packet.dts is not None:
                        yield packet
                    continue
                for frame in packet.decode():
                    if frame.pts is None:
                        raise ClipError(f"{self.path}: frame {number} has no time; convert the clip to MP4")
                    end = max(end, (frame.pts + (packet.duration or 0)) * self.unit)
                    yield ClipFrame(upright(frame), number, frame.pts)
                    number += 1
        except pyav().FFmpegError as error:
            raise ClipError(f"{self.path}: damaged at frame {number} ({error.strerror})") from None
        if not number:
            raise ClipError(f"{self.path}: damaged: no frame can be decoded")
        if self.seconds and end < EARLY[0] * self.seconds - EARLY[1]:
            raise ClipError(
                f"{self.path}: damaged: ends after {float(end):.1f} of {self.seconds:.1f} seconds"
            )

    def dropped(self) -> list[str]:
        """What of the file is not written again, in words."""
        streams = self.container.streams
        said = [OTHERS[kind] for kind in OTHERS if any(stream.type == kind for stream in streams)]
        if any(map(_is_picture, streams.video)):
            said.append("a title picture")
        if self.more:
            said.append("further video streams")
        if self.container.metadata or any(stream.metadata for stream in streams):
            said.append("metadata")
        if self.container.chapters():
            said.append("chapters")
        if (depth := self._depth()) > 8:
            said.append(f"{depth} bits became 8")
        return said

    def _depth(self) -> int:
        pixel = self.stream.codec_context.format
        return max((part.bits for part in pixel.components), default=8) if pixel else 8


def upright(frame: Any) -> np.ndarray:
    """A decoded frame as it is shown, (H, W, 3) uint8: turned and mirrored as its display matrix says."""
    pixels = frame.to_ndarray(format="rgb24")
    matrix = next((data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), None)
    if matrix is None:
        return pixels
    # x' = a x + c y, y' = b x + d y (FFmpeg's libavutil/display.h); only quarter turns and mirrors occur.
    a, b, _, c, d, *_ = (round(value / UNIT) for value in np.frombuffer(bytes(matrix), np.int32).tolist())
    if a == d == 0:
        pixels, a, d = pixels.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(pixels[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _is_picture(stream: Any) -> bool:
    """Whether a video stream is a picture that belongs to the file, as of an album."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)
