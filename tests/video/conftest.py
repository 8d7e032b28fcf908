"""What the tests of clips share: heads of people who do not exist, and files made of frames."""

import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from deid.anonymization.options import Options
from deid.photo import images
from deid.video import engine, measuring, searching, staging
from deid.video.reading import ClipFrame
from deid.video.staging import Head

ROOT = Path(__file__).parents[2]
RATE = staging.RATE
# Quick: staged faces are large, and a search for small ones is most of the time.
LARGE = {"min_size": 36, "smallest": 36}


@pytest.fixture(scope="session")
def heads() -> list[Head]:
    """Twelve heads, cut out of the sample of a video call."""
    return staging.heads(images.load(ROOT / "media" / "group.jpg").pixels)


@pytest.fixture(scope="session")
def scenario(heads) -> Callable:
    """Stages a scenario by name and searches it -> its frames, and what was seen; each is done once."""
    done: dict = {}

    def of(name: str, count: int = 40):
        if (name, count) not in done:
            staged = list(measuring.SCENARIOS[name](heads, count))
            find = searching.finder(Options(method="blackout", **LARGE))
            survey = engine.finished(searching.survey(staging.frames_of(staged), find, Fraction(1, RATE)))
            done[name, count] = staged, survey
        return done[name, count]

    return of


def gradient(number: int, width: int = 96, height: int = 64) -> np.ndarray:
    """A frame (H, W, 3) without faces; no two are alike, and each corner has its own colour."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 7 * number % 256)], -1).astype(
        np.uint8
    )


class Counted:
    """Frames that count how many of them are alive at once, ``most``."""

    def __init__(self) -> None:
        self.alive = self.most = 0

    def gone(self) -> None:
        self.alive -= 1

    def frames(self, count: int, pixels: Callable = gradient) -> Iterator[ClipFrame]:
        for number in range(count):
            frame = ClipFrame(np.array(pixels(number)), number, number)
            weakref.finalize(frame.pixels, self.gone)
            self.alive += 1
            self.most = max(self.most, self.alive)
            yield frame
            del frame


def tone(container, codec: str, seconds: float):
    """Add a stream of sound -> what encodes it."""
    stream = container.add_stream(codec, rate=48000, layout="mono")

    def encode() -> None:
        wave = (8000 * np.sin(np.arange(int(48000 * seconds)) / 20)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48000, 0
        queue = av.AudioFifo()
        resampler = av.AudioResampler(stream.codec_context.format.name, "mono", 48000)
        for part in resampler.resample(frame):
            queue.write(part)
        while part := queue.read(stream.codec_context.frame_size or 1024, partial=True):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))

    return encode


@pytest.fixture
def write_clip() -> Callable[..., Path]:
    """Writes frames (H, W, 3) to a file: with ``times`` in milliseconds, ``sound`` (a codec), metadata."""

    def write(
        path: Path,
        frames: Sequence[np.ndarray],
        *,
        times: Sequence[int] | None = None,
        sound: str = "",
        codec: str = "libx264",
        change: Callable | None = None,
        **metadata: str,
    ) -> Path:
        times = times or [round(1000 * k / RATE) for k in range(len(frames))]
        with av.open(str(path), "w") as container:
            container.metadata.update(metadata)
            stream = container.add_stream(codec, rate=RATE)
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt, unit = "yuv420p", Fraction(1, 1000)
            stream.time_base = stream.codec_context.time_base = unit
            encode_sound = tone(container, sound, len(frames) / RATE) if sound else None
            if change is not None:
                change(container)
            for time, pixels in zip(times, frames, strict=True):
                picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                picture.pts, picture.time_base = time, unit
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
            if encode_sound:
                encode_sound()
        return path

    return write


@pytest.fixture
def two_people(heads, write_clip, tmp_path) -> Path:
    """A short clip of two heads, with sound and a title."""
    there = staging.backdrop(320, 240)
    left = staging.Actor(heads[0], lambda k: staging.Pose(90 + 3 * k, 120, 30))
    right = staging.Actor(heads[1], lambda k: staging.Pose(240, 115 + 5 * math.sin(k / 3), 28))
    staged = list(staging.stage([left, right], 9, lambda k: there))
    path = tmp_path / "two people.mp4"
    return write_clip(path, [frame.pixels for frame in staged], sound="aac", title="a planted title")
