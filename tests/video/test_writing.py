"""Clips written: times, sound and size stay, metadata does not."""

from pathlib import Path

import av
import numpy as np
import pytest

from deid.video.reading import ClipFrame, Reader
from deid.video.writing import Writer

from .conftest import gradient

PLANTED = {"title": "a planted title", "location": "+48.1372+011.5756/", "comment": "a planted comment"}
UNEVEN = [0, 40, 95, 130, 300, 310, 350, 390]


def copied(source: Path, target: Path) -> list[str]:
    with Reader(source) as reader:
        writer = Writer(target, target.suffix, reader)
        for item in reader.everything():
            writer.picture(item) if isinstance(item, ClipFrame) else writer.packet(item)
        writer.close()
        return writer.lost


def sound(path: Path) -> list[tuple[bytes, float]]:
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [(bytes(packet), round(float(packet.pts * stream.time_base), 3)) for packet in packets]


def shown(path: Path) -> tuple[list[float], list[np.ndarray]]:
    with Reader(path) as reader:
        frames = list(reader.frames())
        return [float(frame.time * reader.unit) for frame in frames], [frame.pixels for frame in frames]


@pytest.mark.parametrize(
    ("suffix", "audio", "codec"),
    [
        (".mp4", "aac", "libx264"),
        (".mov", "aac", "mpeg4"),
        (".mkv", "aac", "libx264"),
        (".webm", "libopus", "libvpx-vp9"),
    ],
)
def test_times_sound_and_pictures_stay_and_metadata_does_not(write_clip, tmp_path, suffix, audio, codec):
    frames = [gradient(k) for k in range(len(UNEVEN))]
    source = write_clip(tmp_path / f"in{suffix}", frames, times=UNEVEN, sound=audio, codec=codec, **PLANTED)
    target = tmp_path / f"out{suffix}"
    assert any(text.encode() in source.read_bytes() for text in PLANTED.values())
    assert copied(source, target) == []
    (times, before), (again, after) = shown(source), shown(target)
    assert again == pytest.approx(times, abs=1e-3)
    assert sound(target) == sound(source)
    assert np.abs(np.array(before, int) - np.array(after, int)).mean() < 6
    content = target.read_bytes()
    assert not [text for text in PLANTED.values() if text.encode() in content]
    with av.open(str(target)) as container:
        assert not {"title", "location", "comment", "creation_time"} & container.metadata.keys()


def test_odd_sides_become_even_where_the_encoding_needs_it(write_clip, tmp_path):
    frames = [gradient(k, 97, 65) for k in range(3)]
    source = write_clip(tmp_path / "in.webm", frames, codec="libvpx-vp9")
    assert copied(source, tmp_path / "out.webm") == []
    assert shown(tmp_path / "out.webm")[1][0].shape == (65, 97, 3)
    assert copied(source, tmp_path / "out.mp4") == ["its sides became even: H.264 needs that"]
    assert shown(tmp_path / "out.mp4")[1][0].shape == (66, 98, 3)


def test_sound_that_a_container_cannot_hold_is_left_out_and_told(write_clip, tmp_path):
    source = write_clip(tmp_path / "in.mkv", [gradient(k) for k in range(3)], sound="aac")
    assert copied(source, tmp_path / "out.webm") == ["sound left out: no webm holds aac"]
    with av.open(str(tmp_path / "out.webm")) as container:
        assert not container.streams.audio


def test_colours_come_back_as_they_were(write_clip, tmp_path):
    """A clip that says BT.709 says so again, and its colours do not shift."""

    def say(container):
        container.streams.video[0].codec_context.colorspace = 1

    frames = [gradient(k) for k in range(3)]
    source = write_clip(tmp_path / "in.mkv", frames, change=say)
    copied(source, tmp_path / "out.mkv")
    with Reader(tmp_path / "out.mkv") as reader:
        assert reader.stream.codec_context.colorspace == 1
    before, after = shown(source)[1], shown(tmp_path / "out.mkv")[1]
    shift = (np.array(after, int) - np.array(before, int)).mean((0, 1, 2))
    assert np.abs(shift).max() < 3
