"""What can be told of a face from its landmarks and pixels alone, as plain numbers."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.colour import lab
from deid.references import mattes

SIDE = 256  # pixels of the crop that is measured
DEPTH = 0.45  # how far a nose stands out, in eye distances


def measure(crop: Tensor, landmarks: Tensor) -> dict[str, float]:
    """The attributes of a crop (1, 3, S, S) with ``landmarks`` (5, 2) as fractions of its side.

    Degrees: yaw (nose to the picture's right), pitch (upwards), roll (clockwise). Eye distances: mouth_width.
    Shares: mouth_open, teeth, eyes_open, glasses, sunglasses. Lab: skin_l, skin_a, skin_b. Differences of L*:
    light_side (brighter on the picture's right), light_top (brighter above).

    Calibrated by eye: glasses over 0.2 are worn in three of four cases, the others are deep wrinkles;
    mouth_open over 0.3 is an open mouth or dark lips; eyes_open is rough.
    """
    view = F.interpolate(crop, (SIDE, SIDE), mode="area") if crop.shape[3] > SIDE else crop
    colours = lab(view)
    found = {**pose(landmarks), **_skin(colours, landmarks), **_light(colours, landmarks)}
    found |= _mouth(colours, landmarks) | _eyes(colours, landmarks) | _glasses(colours, landmarks)
    return {name: round(float(value), 3) for name, value in found.items()}


def pose(landmarks: Tensor) -> dict[str, float]:
    """Yaw, pitch and roll in degrees, and the mouth's width in eye distances, of landmarks (5, 2)."""
    left_eye, right_eye, nose, left_mouth, right_mouth = landmarks.double()
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    axis = mouth - eyes
    unit = max((right_eye - left_eye).norm().item(), axis.norm().item() / 1.06)
    down = axis / axis.norm().clamp(min=1e-6)
    across = torch.stack([down[1], -down[0]])
    lean, along = ((nose - eyes) @ across).item() / unit, ((nose - eyes) @ down / axis.norm()).item()
    x, y = (right_eye - left_eye).tolist()
    return {
        "yaw": _degrees(lean / DEPTH),
        "pitch": _degrees((0.564 - along) * 1.06 / DEPTH),
        "roll": math.degrees(math.atan2(y, x)),
        "mouth_width": (right_mouth - left_mouth).norm().item() / unit,
    }


def _degrees(sine: float) -> float:
    return math.degrees(math.asin(min(1.0, max(-1.0, sine))))


def _unit(landmarks: Tensor, side: int) -> float:
    """The eyes' distance in pixels, as if the face were seen from the front."""
    eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
    across = (landmarks[1] - landmarks[0]).norm().item()
    return side * max(across, (mouth - eyes).norm().item() / 1.06)


def _box(colours: Tensor, centre: Tensor, half_width: float, half_height: float) -> Tensor:
    """Lab (1, 3, S, S) in a box around ``centre`` (fractions of the side) -> (3, h, w); sizes in pixels."""
    side = colours.shape[3]
    x, y = (centre * side).tolist()
    left, right = max(0, round(x - half_width)), min(side, round(x + half_width) + 1)
    top, bottom = max(0, round(y - half_height)), min(side, round(y + half_height) + 1)
    return colours[0, :, top : max(bottom, top + 1), left : max(right, left + 1)]


def skin(colours: Tensor, landmarks: Tensor) -> Tensor:
    """The skin's colour, median of Lab (1, 3, S, S) at its ``mattes.spots`` -> (3,)."""
    return mattes.patches(colours, landmarks).permute(1, 0, 2).flatten(1).median(1).values


def _skin(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    light, a, b = skin(colours, landmarks).tolist()
    return {"skin_l": light, "skin_a": a, "skin_b": b}


def _light(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    """Differences of L* between the cheeks, and between the forehead and the lower cheeks."""
    side = colours.shape[3]
    unit = _unit(landmarks, side)
    left, right = (
        _box(colours, landmarks[k] + 0.6 * (landmarks[k + 3] - landmarks[k]), 0.14 * unit, 0.14 * unit)[
            0
        ].median()
        for k in (0, 1)
    )
    middle = landmarks[:2].mean(0)
    above = middle - 0.5 * (landmarks[3:].mean(0) - middle)
    top = _box(colours, above, 0.3 * unit, 0.1 * unit)[0].median()
    return {"light_side": (right - left).item(), "light_top": (top - (left + right) / 2).item()}


def _mouth(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    """The share of the mouth's middle that is a dark cavity, and not a beard; and the share that is teeth."""
    nose, mouth = landmarks[2], landmarks[3:].mean(0)
    width = (landmarks[4] - landmarks[3]).norm().item() * colours.shape[3]
    region = _box(colours, mouth + 0.15 * (mouth - nose), 0.22 * width, 0.3 * width)
    tone = skin(colours, landmarks)

    def dark(places: Tensor) -> float:
        return (places[0] < 0.33 * tone[0]).float().mean().item()

    around = max(
        dark(_box(colours, mouth + share * (mouth - nose), 0.3 * width, 0.05 * width))
        for share in (-0.5, 1.1)
    )
    pale = (region[0] > 0.8 * tone[0]) & (region[1] < 0.6 * tone[1])
    return {"mouth_open": max(0.0, dark(region) - around), "teeth": pale.float().mean().item()}


def _eyes(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    """How high, in eye distances, the dark of the less open eye is: an iris, or only lashes."""
    unit = _unit(landmarks, colours.shape[3])
    heights = []
    for eye in landmarks[:2]:
        light = _box(colours, eye, 0.16 * unit, 0.15 * unit)[0]
        low, high = light.min(), skin(colours, landmarks)[0]
        dark = light < low + 0.45 * (high - low)
        heights.append(dark.float().sum(0).topk(max(1, round(0.06 * unit))).values.mean().item() / unit)
    return {"eyes_open": min(heights)}


def _glasses(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    """Lines across the nose's bridge, under the eyes and beside them; and how dark both eyes' regions are."""
    unit = _unit(landmarks, colours.shape[3])
    middle, tone = landmarks[:2].mean(0), skin(colours, landmarks)[0]
    down, across = landmarks[3:].mean(0) - middle, landmarks[1] - landmarks[0]

    def line(place: Tensor, half_width: float, half_height: float) -> Tensor:
        light = _box(colours, place, half_width * unit, half_height * unit)[0]
        return _line(light, unit) / (tone + 20)

    bridge = line(middle, 0.08, 0.25)
    rims = torch.stack([line(eye + 0.36 * down, 0.12, 0.17) for eye in landmarks[:2]])
    arms = torch.stack([line(middle + side * across, 0.05, 0.25) for side in (-0.95, 0.95)])
    found = (bridge * rims.mean() * arms.max()) ** (1 / 3)
    bright = [_box(colours, eye, 0.26 * unit, 0.16 * unit)[0].quantile(0.85) for eye in landmarks[:2]]
    return {"glasses": found.item(), "sunglasses": (1 - torch.stack(bright).max() / tone).item()}


def _line(light: Tensor, unit: float) -> Tensor:
    """How much one row of L* (h, w) stands out from the rows above and below it."""
    rows, step = light.mean(1), max(1, round(0.05 * unit))
    between = (rows[: -2 * step] + rows[2 * step :]) / 2
    return (rows[step:-step] - between).abs().max()
