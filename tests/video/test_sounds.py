"""Comments in the headers of sound are noticed."""

import struct

import pytest

from deid.video.sounds import says_more


def vorbis(*comments, vendor=b"a program"):
    listed = b"".join(struct.pack("<I", len(one)) + one for one in comments)
    return (
        b"\x02\x1e\x10\x01vorbis" + bytes(20) + b"\x03vorbis" + struct.pack("<I", len(vendor)) + vendor
        + struct.pack("<I", len(comments)) + listed + b"\x01\x05vorbis"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("codec", "header", "more"),
    [
        ("vorbis", vorbis(), False),
        ("vorbis", vorbis(b"ENCODER=Lavc"), False),
        ("vorbis", vorbis(b"ENCODER=Lavc", b"LOCATION=at home"), True),
        ("vorbis", b"\x02broken", True),
        ("vorbis", vorbis(b"encoder=x")[:-30], True),
        ("flac", bytes(34), False),
        ("flac", bytes(300), True),
        ("aac", b"\x11\x90", False),
    ],
)
def test_comments_are_noticed(codec, header, more):
    assert says_more(codec, header) == more
