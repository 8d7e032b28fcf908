"""What a picture's file holds besides the picture: comments, places, thumbnails, bytes after the end.

A scanner for what is written, by itself: it reads the containers' parts as their standards define them, and
knows of how this project writes its colour profiles only. A part that it does not know is foreign. Of AVIF
and HEIF it looks at the list of the parts only.
"""

import re
import struct
import zlib
from collections.abc import Iterator

from deid.photo import gamut

Found = Iterator[str]
_JPEG = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD} - {0xC8}  # frames, tables, scans
_PNG = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sRGB", b"gAMA", b"cHRM", b"pHYs", b"sBIT"}
_WEBP = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM"}
# Size, bits, compression, colours, strips or tiles, resolution, prediction, palette, meaning of samples.
_TIFF = {*range(254, 260), *range(322, 326)}
_TIFF |= {262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 296, 317, 320, 338, 339, 347, 530, 532}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8}
_EXIF, _ICC_TAG = {34665, 33432, 315, 306, 271, 272}, 34675
_STRIPS = {273: 279, 324: 325}  # tags: where the picture's parts lie, and how long they are
_ISO, _IN_META = {b"ftyp", b"meta", b"mdat"}, {b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat"}


def foreign(content: bytes) -> list[str]:
    """What a picture's bytes hold that is no part of the picture, in words; empty for a clean one.

    Knows JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF and HEIF; anything else is "no picture". Bytes that are torn
    are said to be.
    """
    for beginning, parts in _KINDS.items():
        if content.startswith(beginning, 4 if beginning == b"ftyp" else 0):
            try:
                return list(parts(content))
            except (struct.error, IndexError, ValueError, zlib.error):
                return ["torn"]
    return ["no picture"]


def _jpeg(content: bytes) -> Found:
    at, profile = 2, b""
    while (marker := content[at + 1]) != 0xD9:
        if content[at] != 0xFF:
            raise ValueError
        (size,) = struct.unpack_from(">H", content, at + 2)
        data = content[at + 4 : at + 2 + size]
        if marker == 0xE2 and data.startswith(b"ICC_PROFILE\0"):
            profile += data[14:]
        elif marker == 0xFE:
            yield "comment"
        elif 0xE0 <= marker <= 0xEF:
            plain = (marker == 0xE0 and len(data) == 14) or (marker == 0xEE and len(data) == 12)
            if not (plain and data.startswith((b"JFIF\0", b"Adobe"))):
                yield "Exif" if data.startswith(b"Exif\0") else f"APP{marker - 0xE0}"
        elif marker not in _JPEG:
            yield f"marker {marker:#x}"
        at += 2 + size
        if marker == 0xDA:
            while content[at] != 0xFF or content[at + 1] == 0 or 0xD0 <= content[at + 1] <= 0xD7:
                at += 1
    yield from _profile(profile)
    yield from _after(content, at + 2)


def _png(content: bytes) -> Found:
    at, name = 8, b""
    while name != b"IEND":
        size, name = struct.unpack_from(">I4s", content, at)
        data = content[at + 8 : at + 8 + size]
        if name == b"iCCP":
            yield from [] if data.startswith(b"ICC Profile\0") else ["name of a profile"]
            yield from _profile(zlib.decompress(data.split(b"\0", 1)[1][1:]))
        elif name == b"tEXt":
            yield "text " + data.replace(b"\0", b": ").decode("latin-1")
        elif name not in _PNG:
            yield "Exif" if name == b"eXIf" else name.decode("latin-1")
        at += 12 + size
    yield from _after(content, at)


def _webp(content: bytes) -> Found:
    end = 8 + struct.unpack_from("<I", content, 4)[0]
    yield from _chunks(content, 12, end)
    yield from _after(content, end)


def _chunks(content: bytes, at: int, end: int) -> Found:
    while at < end:
        name, size = struct.unpack_from("<4sI", content, at)
        if name == b"ICCP":
            yield from _profile(content[at + 8 : at + 8 + size])
        elif name == b"ANMF":  # a frame of a film: its place and time, then chunks of its own
            yield from _chunks(content, at + 24, at + 8 + size)
        elif name not in _WEBP:
            yield "Exif" if name == b"EXIF" else name.decode("latin-1").strip()
        at += 8 + size + size % 2


def _gif(content: bytes) -> Found:
    at = 13 + (3 << (content[10] & 7) + 1 if content[10] & 128 else 0)
    while (kind := content[at]) != 0x3B:
        if kind == 0x2C:
            at += 11 + (3 << (content[at + 9] & 7) + 1 if content[at + 9] & 128 else 0)
        elif kind == 0x21:
            label, name = content[at + 1], content[at + 3 : at + 14]
            if label != 0xF9 and not (label == 0xFF and name == b"NETSCAPE2.0"):
                yield "comment" if label == 0xFE else f"extension {label:#x}"
            at += 2
        else:
            raise ValueError
        while content[at]:
            at += 1 + content[at]
        at += 1
    yield from _after(content, at + 1)


def _tiff(content: bytes) -> Found:
    order = "<" if content[:2] == b"II" else ">"
    at, covered, pictures, profile = struct.unpack_from(f"{order}I", content, 4)[0], [(0, 8)], 0, b""
    while at:
        pictures += 1
        (count,) = struct.unpack_from(f"{order}H", content, at)
        covered.append((at, at + 6 + 12 * count))
        values: dict[int, list[int]] = {}
        for k in range(count):
            tag, kind, number = struct.unpack_from(f"{order}HHI", content, at + 2 + 12 * k)
            length, place = _SIZES[kind] * number, at + 10 + 12 * k
            if length > 4:
                (place,) = struct.unpack_from(f"{order}I", content, place)
                covered.append((place, place + length))
            if tag in (*_STRIPS, *_STRIPS.values()):
                values[tag] = list(struct.unpack_from(f"{order}{number}{'HI'[kind == 4]}", content, place))
            profile = content[place : place + length] if tag == _ICC_TAG else profile
            if tag not in _TIFF and tag != _ICC_TAG:
                yield "Exif" if tag in _EXIF else f"tag {tag}"
        for starts, sizes in _STRIPS.items():
            pairs = zip(values.get(starts, []), values.get(sizes, []), strict=True)
            covered += [(start, start + size) for start, size in pairs]
        (at,) = struct.unpack_from(f"{order}I", content, at + 2 + 12 * count)
    yield from [f"{pictures - 1} more pictures"] if pictures > 1 else []
    yield from _profile(profile)
    lost, reached = 0, 0
    for start, stop in [*sorted(covered), (len(content), 0)]:
        lost += max(0, start - reached - 15)  # up to fifteen bytes fill a part up
        reached = max(reached, stop)
    yield from ["torn"] if reached > len(content) else []
    yield from [f"{lost} bytes that belong to no part"] if lost else []


def _bmp(content: bytes) -> Found:
    (start, head, width, height, bits), colours = struct.unpack_from("<IIii2xH", content, 10), 0
    if bits <= 8:
        colours = 4 * (struct.unpack_from("<I", content, 46)[0] or 1 << bits)
    yield from [] if start == 14 + head + colours else ["bytes before the picture"]
    yield from _after(content, start + (width * bits + 31) // 32 * 4 * abs(height))


def _iso(content: bytes) -> Found:
    for name, data in _boxes(content):
        if name not in _ISO:
            yield name.decode("latin-1")
        for inner, part in _boxes(data[4:]) if name == b"meta" else ():
            if inner not in _IN_META:
                yield f"meta {inner.decode('latin-1')}"
            for kind in (b"Exif", b"mime", b"uri ") if inner == b"iinf" else ():
                yield from [kind.decode().strip()] * part.count(kind)
            yield from ["thumbnail"] * part.count(b"thmb") if inner == b"iref" else ()
            for found in re.finditer(b"colr(?:prof|rICC)", part) if inner == b"iprp" else ():
                (size,) = struct.unpack_from(">I", part, found.start() - 4)
                yield from _profile(part[found.end() : found.start() - 4 + size])


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        size = size or len(content) - at
        if size < 8:
            raise ValueError
        yield name, content[at + 8 : at + size]
        at += size


def _profile(profile: bytes) -> Found:
    """A colour profile that says more than which known space it is."""
    space = gamut.space_of(profile)
    if profile and not (space and profile == space.profile()):
        yield "colour profile"


def _after(content: bytes, end: int) -> Found:
    if len(content) != end:
        yield f"{len(content) - end} bytes after the end"


_KINDS = {b"\xff\xd8\xff": _jpeg, b"\x89PNG\r\n\x1a\n": _png, b"RIFF": _webp, b"GIF8": _gif, b"BM": _bmp}
_KINDS |= {b"II*\0": _tiff, b"MM\0*": _tiff, b"ftyp": _iso}
