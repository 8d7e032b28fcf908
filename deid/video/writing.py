"""Clips written: frames encoded with their times, sound as it lies in the source, and nothing else."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from deid.storage import WriteError
from deid.video import sounds
from deid.video.reading import ClipError, ClipFrame, Reader, pyav

# By suffix: the container, how pictures are encoded, and how well (as good as most cameras' own files).
X264 = ("libx264", {"crf": "18", "preset": "medium"})
VP9 = ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"})
WRITTEN = {
    ".mp4": ("mp4", X264),
    ".m4v": ("mp4", X264),
    ".mov": ("mov", X264),
    ".mkv": ("matroska", X264),
    ".webm": ("webm", VP9),
}
FAST = {"movflags": "+faststart"}  # a file that plays while it is loaded


class Writer:
    """A clip on its way to ``path``, which has the times, colours and sound of ``source``.

    ``suffix`` says what it is; ``lost`` what could not stay, in words. Raises ``WriteError``.
    """

    def __init__(self, path: Path, suffix: str, source: Reader) -> None:
        self.path, self.source, self.lost = path, source, list[str]()
        self.stream: Any = None
        name, (self.codec, self.quality) = WRITTEN[suffix]
        options = FAST if name in ("mp4", "mov") else {}
        self.container = self._write(
            pyav().open, f"file:{path}", "w", format=name, container_options=options | {"fflags": "+bitexact"}
        )
        self.sounds: dict[int, Any] = {}
        self.waiting: list[Any] = []  # sound before the first picture

    def _begin(self, pixels: np.ndarray) -> None:
        """Add the streams: how large the pictures are is known with the first one."""
        given, (height, width) = self.source.stream.codec_context, pixels.shape[:2]
        self.even = not self.codec.startswith("libvpx")
        if self.even and (height % 2 or width % 2):
            self.lost.append("its sides became even: H.264 needs that")
            height, width = height + height % 2, width + width % 2
        self.stream = stream = self.container.add_stream(self.codec, rate=self.source.rate)
        stream.options = dict(self.quality)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = self.source.unit
        aspect = given.sample_aspect_ratio
        if aspect and aspect != 1:
            turned = pixels.shape[:2] == (given.width, given.height) != (given.height, given.width)
            stream.codec_context.sample_aspect_ratio = 1 / aspect if turned else aspect
        for name in ("color_range", "color_primaries", "color_trc", "colorspace"):
            setattr(stream.codec_context, name, getattr(given, name))
        for sound in self.source.sounds:
            if reason := self._cannot_hold(sound):
                self.lost.append(f"sound left out: {reason}")
            else:
                self.sounds[sound.index] = self.container.add_stream_from_template(sound)

    def _cannot_hold(self, sound: Any) -> str:
        """Why a stream of sound is not copied; empty where it is."""
        given = sound.codec_context
        if given is None or given.name not in self.container.supported_codecs:
            return f"no {self.container.format.name} holds {given.name if given else 'this sound'}"
        if sounds.says_more(given.name, bytes(given.extradata or b"")):
            return f"its {given.name} header holds comments, as a title or a place"
        return ""

    def picture(self, frame: ClipFrame) -> None:
        """Encode a frame at its time."""
        if self.stream is None:
            self._begin(frame.pixels)
            for packet in self.waiting:
                self.packet(packet)
            self.waiting.clear()
        pixels = frame.pixels
        if self.even and (pixels.shape[0] % 2 or pixels.shape[1] % 2):
            pixels = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge")
        encoded = self._encodable(np.ascontiguousarray(pixels))
        encoded.pts, encoded.time_base = frame.time, self.source.unit
        self._mux(self.stream.encode(encoded))

    def _encodable(self, pixels: np.ndarray) -> Any:
        """A frame in the colours of the source's: the way back of what decoding did."""
        given = self.source.stream.codec_context
        frame = pyav().VideoFrame.from_ndarray(pixels, format="rgb24")
        made = frame.reformat(format="yuv420p", dst_colorspace=given.colorspace or None)
        for name in ("color_range", "colorspace"):
            setattr(made, name, getattr(given, name))
        return made

    def packet(self, packet: Any) -> None:
        """Write a packet of sound as it is; one that the container cannot hold is left out."""
        if self.stream is None:
            self.waiting.append(packet)
        elif packet.stream.index in self.sounds:
            packet.stream = self.sounds[packet.stream.index]
            self._mux([packet])

    def close(self) -> None:
        """Encode what is left, and end the file."""
        if self.stream is not None:
            self._mux(self.stream.encode(None))
        self._write(self.container.close)

    def abandon(self) -> None:
        """Close the file as it is."""
        try:
            self.container.close()
        except (pyav().FFmpegError, OSError, ValueError):
            return

    def _mux(self, packets: Iterable[Any]) -> None:
        for packet in packets:
            self._write(self.container.mux, packet)

    def _write(self, what: Any, *arguments: Any, **named: Any) -> Any:
        """Do something that writes; what the system refuses names the file."""
        try:
            return what(*arguments, **named)
        except OSError as error:
            raise WriteError(error.errno, error.strerror or str(error), str(self.path)) from None
        except pyav().FFmpegError as error:
            raise ClipError(f"{self.path}: cannot be encoded ({error.strerror})") from None
