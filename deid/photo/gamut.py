"""Colours beyond sRGB: which space a photo's numbers belong to, there and back.

Phones write Display P3, cameras Adobe RGB. Inside the package such a photo is sRGB that goes beyond [-1, 1];
at the end its colours are numbers of its own space again, those that no face touched the very same. Of the
file's profile nothing is copied: it may name a person or a device. A known space is described anew.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

# Chromaticities x, y of red, green, blue and white (ICC registry of RGB colour encodings, color.org).
_D65, _D50 = (0.3127, 0.3290), (0.3457, 0.3585)
_SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65)
PRIMARIES = {
    "Display P3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    "Adobe RGB": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), _D65),
    "Rec. 2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    "ProPhoto": ((0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105), _D50),
}
# Light y of a number x in [0, 1]: (a x + b)^g from d on, c x below (ICC.1:2022, parametric curve 3).
Curve = tuple[float, float, float, float, float]  # g, a, b, c, d
_SRGB_CURVE: Curve = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
CURVES: tuple[Curve, ...] = (
    _SRGB_CURVE,
    (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081),  # Rec. 709 and 2020
    (1.8, 1.0, 0.0, 1 / 16, 1 / 32),  # ROMM
    *((gamma, 1.0, 0.0, 0.0, 0.0) for gamma in (1.8, 563 / 256, 2.2, 2.4)),
)
NEAR = 0.003  # of a primary's XYZ, and of the light of a number: 8 bits show less
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
UNREADABLE = (KeyError, IndexError, ValueError, struct.error)
_ROWS = 4_000_000  # pixels that are converted together


@dataclass(frozen=True)
class Space:
    """An RGB space that reaches beyond sRGB: its name among ``PRIMARIES``, and its curve."""

    name: str
    curve: Curve

    @cached_property
    def to_srgb(self) -> Tensor:
        """Linear light of this space -> linear light of sRGB, (3, 3)."""
        return torch.from_numpy(np.linalg.inv(_colorants(_SRGB)) @ _colorants(PRIMARIES[self.name])).float()

    def decode(self, numbers: np.ndarray) -> Tensor:
        """Numbers of this space, uint8 (H, W, 3) -> pixels (1, 3, H, W), sRGB that may leave [-1, 1]."""
        lights = torch.from_numpy(_light(np.arange(256) / 255, self.curve)).float()
        pixels = torch.empty(1, 3, *numbers.shape[:2])
        for rows in _parts(numbers.shape[:2]):
            linear = lights[torch.from_numpy(np.array(numbers[rows])).long()] @ self.to_srgb.T
            above = linear.abs()
            coded = torch.where(above > 0.0031308, 1.055 * above ** (1 / 2.4) - 0.055, 12.92 * above)
            pixels[0, :, rows] = (coded * linear.sign()).mul_(2).sub_(1).permute(2, 0, 1)
        return pixels

    def encode(self, pixels: Tensor) -> np.ndarray:
        """Pixels (1, 3, H, W) as ``decode`` gives them -> uint8 (H, W, 3), the nearest numbers."""
        borders = torch.from_numpy(_light((np.arange(255) + 0.5) / 255, self.curve)).float()
        numbers = np.empty((*pixels.shape[2:], 3), np.uint8)
        back = torch.linalg.inv(self.to_srgb.double()).float().T
        for rows in _parts(numbers.shape[:2]):
            coded = pixels[0, :, rows].permute(1, 2, 0).float().add(1).mul_(0.5)
            above = coded.abs()
            linear = torch.where(above > 0.04045, ((above + 0.055) / 1.055) ** 2.4, above / 12.92)
            linear = (linear * coded.sign()) @ back
            numbers[rows] = torch.bucketize(linear, borders, out_int32=True).to(torch.uint8).numpy()
        return numbers

    def profile(self) -> bytes:
        """An ICC profile (version 4) that says which space this is, and nothing else."""
        curve = b"para" + bytes(4) + struct.pack(">HH5i", 3, 0, *_fixed(self.curve))
        places = zip((b"rXYZ", b"gXYZ", b"bXYZ"), _colorants(PRIMARIES[self.name]).T, strict=True)
        tags = {b"desc": _text(self.name), b"cprt": _text("public domain"), b"wtpt": _xyz(_white(_D50))}
        tags |= {label: _xyz(place) for label, place in places}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
        table, body, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
        for label, content in tags.items():
            table += label + struct.pack(">II", start + len(body), len(content))
            body += content + bytes(-len(content) % 4)
        head = bytes(8) + b"\x04\x20\0\0mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
        head += struct.pack(">3i", *_fixed(_white(_D50)))
        whole = head + bytes(128 - len(head)) + table + body
        return struct.pack(">I", len(whole)) + whole[4:]


def space_of(profile: bytes) -> Space | None:
    """The known space beyond sRGB that a colour profile describes; None where it describes none of these."""
    try:
        colorants, tags = _read_colorants(profile), _tags(profile)
        lights = [_read_curve(tags[label]) for label in (b"rTRC", b"gTRC", b"bTRC")]
    except UNREADABLE:
        return None
    for name, primaries in PRIMARIES.items():
        for curve in CURVES:
            light = _light(np.linspace(0, 1, 256), curve)
            alike = [np.abs(own - light).max() < NEAR for own in lights]
            if all(alike) and np.abs(colorants - _colorants(primaries)).max() < NEAR:
                return Space(name, curve)
    return None


def reaches_beyond(profile: bytes) -> bool:
    """Whether a profile of RGB colours has primaries outside of sRGB, or does not say where they are."""
    try:
        inside = np.linalg.inv(_colorants(_SRGB)) @ _read_colorants(profile)
    except UNREADABLE:
        return True
    return bool(inside.min() < -0.02)


def _light(numbers: np.ndarray, curve: Curve) -> np.ndarray:
    """The light of numbers in [0, 1]."""
    g, a, b, c, d = curve
    return np.where(numbers >= d, (a * numbers + b).clip(min=0) ** g, c * numbers)


def _white(place: tuple[float, float]) -> np.ndarray:
    x, y = place
    return np.array([x / y, 1, (1 - x - y) / y])


def _colorants(primaries: Sequence[tuple[float, float]]) -> np.ndarray:
    """Linear RGB -> XYZ under D50 (3, 3), adapted as Bradford's cones see it (Lindbloom)."""
    white = _white(primaries[3])
    matrix = np.stack([_white(place) for place in primaries[:3]], 1)
    matrix = matrix * np.linalg.solve(matrix, white)
    gain = np.diag((_BRADFORD @ _white(_D50)) / (_BRADFORD @ white))
    return np.linalg.inv(_BRADFORD) @ gain @ _BRADFORD @ matrix


def _parts(size: tuple[int, ...]) -> list[slice]:
    step = max(1, _ROWS // max(1, size[1]))
    return [slice(row, row + step) for row in range(0, size[0], step)]


def _fixed(values: Sequence[float] | np.ndarray) -> list[int]:
    return [round(float(value) * 65536) for value in values]


def _xyz(place: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *_fixed(place))


def _text(words: str) -> bytes:
    coded = words.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II4sII", 1, 12, b"enUS", len(coded), 28) + coded


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * k) for k in range(min(count, 100))]
    return {label: profile[start : start + size] for label, start, size in entries}


def _read_colorants(profile: bytes) -> np.ndarray:
    """Linear RGB -> XYZ under D50 (3, 3). Raises ``ValueError`` where tables say that instead."""
    tags = _tags(profile)
    if profile[16:24] != b"RGB XYZ " or b"A2B0" in tags:
        raise ValueError("no matrix")
    return np.stack([_read_xyz(tags[label]) for label in (b"rXYZ", b"gXYZ", b"bXYZ")], 1)


def _read_xyz(tag: bytes) -> np.ndarray:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _read_curve(tag: bytes) -> np.ndarray:
    """The light of 256 numbers. Raises ``ValueError`` for curves of another kind."""
    numbers = np.linspace(0, 1, 256)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        values = np.frombuffer(tag, ">u2", count, 12).astype(float)
        if count < 2:
            return numbers ** (values[0] / 256 if count else 1.0)
        return np.interp(numbers, np.linspace(0, 1, count), values / 65535)
    kind = struct.unpack_from(">H", tag, 8)[0]
    if tag[:4] != b"para" or kind not in (0, 3):
        raise ValueError("another kind of curve")
    values = np.array(struct.unpack_from(f">{1 if kind == 0 else 5}i", tag, 12)) / 65536
    curve = (values[0], 1.0, 0.0, 0.0, 0.0) if kind == 0 else values
    return _light(numbers, tuple(curve))
