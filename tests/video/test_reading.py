"""Clips as files: what is read, and what is refused with a sentence."""

import struct
import sys

import numpy as np
import pytest

from deid.video import reading
from deid.video.reading import ClipError, Reader

from .conftest import gradient

TURNS = {  # display matrices (a, b, c, d), and what they do to a picture
    "by 90 degrees": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "by 180 degrees": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "by 270 degrees": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
}


def frames(path):
    with Reader(path) as reader:
        return list(reader.frames())


def turned(path, matrix):
    """Write a display matrix into an MP4's track header."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    a, b, c, d = (value << 16 for value in matrix)
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def test_frames_come_in_order_with_their_times(write_clip, tmp_path):
    times = [0, 40, 95, 130, 300, 310]
    path = write_clip(tmp_path / "a.mkv", [gradient(k) for k in range(6)], times=times)
    read = frames(path)
    assert [frame.number for frame in read] == list(range(6))
    assert [frame.time for frame in read] == times
    assert all(np.abs(read[k].pixels.astype(int) - gradient(k)).mean() < 6 for k in range(6))


@pytest.mark.parametrize("name", TURNS)
def test_frames_are_upright(write_clip, tmp_path, name):
    matrix, shown = TURNS[name]
    path = turned(write_clip(tmp_path / "a.mp4", [gradient(0)] * 3), matrix)
    pixels, wanted = frames(path)[0].pixels, shown(gradient(0))
    assert pixels.shape == wanted.shape
    assert np.abs(pixels.astype(int) - wanted).mean() < 6


def test_what_is_not_written_again_is_told(write_clip, tmp_path):
    def more(container):
        container.set_chapters(
            [{"id": 1, "start": 0, "end": 100, "time_base": reading.USUAL / 25, "metadata": {}}]
        )
        container.add_attachment("map.txt", "text/plain", b"where it was")

    path = write_clip(tmp_path / "a.mkv", [gradient(k) for k in range(5)], change=more, title="at home")
    with Reader(path) as reader:
        assert set(reader.dropped()) == {"attached files", "metadata", "chapters"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"no clip at all" * 99, "damaged, or no clip"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n", "damaged, or no clip"),  # a playlist leads to other files
    ],
)
def test_other_files_are_refused(tmp_path, content, said):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(ClipError, match=said) as caught:
        Reader(path)
    assert str(path) in str(caught.value)


def test_a_truncated_clip_is_refused(write_clip, tmp_path):
    whole = write_clip(tmp_path / "a.mkv", [gradient(k) for k in range(40)]).read_bytes()
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ClipError, match="damaged"):
        frames(broken)


def test_a_clip_without_pictures_is_refused(tmp_path):
    import av

    from .conftest import tone

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        tone(container, "aac", 0.5)()
    with pytest.raises(ClipError, match="holds no video"):
        Reader(path)


def test_without_pyav_the_command_that_installs_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ClipError, match="pip install av"):
        Reader(tmp_path / "a.mp4")
