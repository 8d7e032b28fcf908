"""From what a picture file holds to RGB in 8 bits, and in words what could not stay as it was.

A file's numbers mean little by themselves: a colour profile, the bits of a channel and an alpha channel say
how they look. What is lost on the way is said, so that a person can do something about it.
"""

import io
import re
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from PIL import Image, ImageCms

from deid.photo import gamut
from deid.photo.gamut import Space

DEEP = ("I", "I;16", "I;16B", "I;16L", "F")
TWELVE = 4095  # cameras and scanners put 12 bits into 16; a photo of 16 that holds no more would be black
_BIT_DEPTH, _COLOUR = 24, 25  # bytes of a PNG
_BITS_PER_SAMPLE = 258  # TIFF tag
_EXIF, _COLOUR_SPACE = 0x8769, 0xA001
_PRIMARIES = re.compile(rb"colrnclx\0|\0\0\0\x04cICP")  # of AVIF and HEIF, and of PNG


class LevelsError(ValueError):
    """Numbers that are no picture."""


@dataclass
class Appearance:
    """A picture as it looks: an ``image`` of mode "RGB", in sRGB or a ``space`` beyond it; what was lost."""

    image: Image.Image
    lost: list[str] = field(default_factory=list)
    space: Space | None = None


def seen(image: Image.Image, bits: int = 8) -> Appearance:
    """A picture as it looks; ``bits`` a channel as in its file.

    Transparency becomes white. Raises ``LevelsError`` for numbers that are not finite.
    """
    profile, lost = image.info.get("icc_profile"), []
    if image.mode in DEEP:
        image, said = _eight_bits(image)
        lost.append(said)
    elif bits > 8:
        lost.append(f"{bits} bits a channel became 8")
    if image.mode == "CMYK":
        lost.append("ink colours (CMYK) became RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        image, seen_through = _over_white(image)
        lost += ["transparency became white"] if seen_through else []
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile and image.mode == "RGB" and (space := gamut.space_of(profile)):
        return Appearance(image, lost, space)
    if profile:
        wide = image.mode == "RGB" and gamut.reaches_beyond(profile)
        image, understood = _by_profile(image, profile)
        lost += ["the colour profile became sRGB"] if understood and wide else []
        lost += [] if understood else ["the colour profile could not be read"]
    return Appearance(image.convert("RGB"), lost)


def bits_of(image: Any, head: bytes) -> int:
    """The bits of a channel in the file, where Pillow reads more than 8 as 8; ``head``: its first bytes."""
    if image.format == "PNG" and len(head) > _COLOUR:
        return head[_BIT_DEPTH]
    if image.format == "TIFF":
        return max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,)))
    return 8


def unannounced(image: Any, head: bytes) -> list[str]:
    """Colours that a file says are not those of sRGB, without a profile; ``head``: its first bytes.

    Primaries are numbers of ITU-T H.273: 1 are those of sRGB, 2 says nothing. Of a camera's own space Exif
    only says that it is another.
    """
    if image.info.get("icc_profile"):
        return []
    found = [head[mark.end() : mark.end() + 1] for mark in _PRIMARIES.finditer(head)]
    other = any(number and number[0] not in (1, 2) for number in found)
    other |= image.format in ("JPEG", "MPO") and image.getexif().get_ifd(_EXIF).get(_COLOUR_SPACE, 1) != 1
    return ["colours that are not those of sRGB, without a profile, were read as such"] if other else []


def with_palette(image: Image.Image) -> Image.Image | None:
    """A picture of mode "RGB" with the palette of its own colours; None where they are more than 256."""
    if not image.getcolors(256):
        return None
    colours = np.asarray(image, np.int32)
    packed = (colours[..., 0] << 16) | (colours[..., 1] << 8) | colours[..., 2]
    known, numbers = np.unique(packed, return_inverse=True)
    palette = np.stack([known >> 16, (known >> 8) & 255, known & 255], 1).astype(np.uint8)
    made = Image.fromarray(numbers.reshape(packed.shape).astype(np.uint8))
    made.putpalette(palette.tobytes())
    return made


def is_lossless_webp(content: Any) -> bool:
    """Whether a WebP file, open for reading, is lossless; what says so may lie behind a profile."""
    content.seek(12)
    while len(header := content.read(8)) == 8:
        if header[:4] in (b"VP8L", b"VP8 ", b"ANMF"):
            return header[:4] == b"VP8L"
        size = int.from_bytes(header[4:], "little")
        content.seek(size + size % 2, io.SEEK_CUR)
    return False


def _eight_bits(image: Image.Image) -> tuple[Image.Image, str]:
    """A grey picture of deep numbers as mode "L", and what became of them."""
    depth = np.asarray(image).astype(np.float64)
    if not np.isfinite(depth).all():
        raise LevelsError("holds numbers that are not finite; save it again with whole numbers")
    highest = depth.max(initial=0.0)
    if image.mode == "F" and highest <= 2:  # sharpening and resampling go a little beyond 1
        high, said = 1.0, "floating point from 0 to 1 became 8 bits"
    elif "16" not in image.mode and highest <= 255:
        high, said = 255.0, "the numbers became 8 bits"
    elif highest <= TWELVE:
        high, said = float(TWELVE), "12 bits became 8"
    else:
        high, said = 65535.0, "16 bits a channel became 8"
    levels = Image.fromarray((depth.clip(0, high) * (255 / high)).round().astype(np.uint8))
    return levels, said


def _over_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """A picture with an alpha channel over white, grey or "RGB", and whether anything shone through."""
    above = image.convert("LA" if image.mode in ("L", "LA") else "RGBA")
    alpha = above.getchannel("A")
    opaque = above.convert("L" if above.mode == "LA" else "RGB")
    white = Image.new(opaque.mode, image.size, "white")
    return Image.composite(opaque, white, alpha), cast(tuple[int, int], alpha.getextrema())[0] < 255


def _by_profile(image: Image.Image, profile: bytes) -> tuple[Image.Image, bool]:
    """A picture's colours as its profile means them, and whether that could be read.

    The profile itself is metadata and goes; its meaning stays in the pixels.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.createProfile("sRGB")
        return cast(Image.Image, ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")), True
    except (ImageCms.PyCMSError, OSError):
        return image, False
