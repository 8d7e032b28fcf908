"""What the headers of sound say besides the sound: Vorbis and FLAC may hold a title, a place, a name.

Headers are copied with the packets, for they say how these are decoded.
"""

import struct

HARMLESS = b"encoder="  # which program wrote it
VORBIS, COMMENTS = "vorbis", b"\x03vorbis"
FLAC, STREAMINFO = "flac", (34, 42)  # bytes of a header that holds nothing else, with or without its mark


def says_more(codec: str, header: bytes) -> bool:
    """Whether the header of a stream of sound holds comments; one that cannot be read counts.

    Sources: the Vorbis I specification, section 5; RFC 9639 (FLAC), section 8.
    """
    if codec == FLAC:
        return len(header) not in STREAMINFO
    if codec != VORBIS:
        return False
    try:
        return any(not comment.lower().startswith(HARMLESS) for comment in _comments(header))
    except (ValueError, struct.error):
        return True


def _comments(header: bytes) -> list[bytes]:
    """The comments of a Vorbis header. Raises ``ValueError`` or ``struct.error`` on a broken one."""
    at = header.index(COMMENTS) + len(COMMENTS)
    at += 4 + struct.unpack_from("<I", header, at)[0]  # who wrote it
    (count,) = struct.unpack_from("<I", header, at)
    at, comments = at + 4, []
    for _ in range(count):
        (length,) = struct.unpack_from("<I", header, at)
        comments.append(header[at + 4 : at + 4 + length])
        at += 4 + length
    return comments
