"""What can be told of a face from its landmarks and pixels alone, as plain numbers."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from deid.photo.colour import lab
from deid.references import mattes

SIDE = 128
DEPTH = 0.45  # how far a nose stands out, in eye distances


def measure(crop: Tensor, landmarks: Tensor) -> dict[str, float]:
    """The attributes of a crop (1, 3, S, S) with ``landmarks`` (5, 2) as fractions of its side.

    Degrees: yaw (nose to the picture's right), pitch (upwards), roll (clockwise). Eye distances: mouth_width.
    Shares: mouth_open, teeth, eyes_open, glasses, sunglasses. Lab: skin_l, skin_a, skin_b. Differences of L*:
    light_side (brighter on the picture's right), light_top (brighter above).
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
    """Lab (1, 3, S, S) in a box around ``centre`` (fractions of the side), half sizes in pixels -> (3, h, w)."""
    side = colours.shape[3]
    x, y = (centre * side).tolist()
    left, right = max(0, round(x - half_width)), min(side, round(x + half_width) + 1)
    top, bottom = max(0, round(y - half_height)), min(side, round(y + half_height) + 1)
    return colours[0, :, top : max(bottom, top + 1), left : max(right, left + 1)]


def _skin(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    light, a, b = mattes.samples(colours, landmarks).median(1).values.tolist()
    return {"skin_l": light, "skin_a": a, "skin_b": b}


def _light(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    """Differences of L* between the cheeks, and between the forehead and the lower cheeks."""
    side = colours.shape[3]
    unit = _unit(landmarks, side)
    left, right = (
        _box(colours, landmarks[k] + 0.6 * (landmarks[k + 3] - landmarks[k]), 0.14 * unit, 0.14 * unit)[0].median()
        for k in (0, 1)
    )
    middle = landmarks[:2].mean(0)
    above = middle - 0.5 * (landmarks[3:].mean(0) - middle)
    top = _box(colours, above, 0.3 * unit, 0.1 * unit)[0].median()
    return {"light_side": (right - left).item(), "light_top": (top - (left + right) / 2).item()}


def _mouth(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    """The share of the mouth's region that is a dark cavity, and the share that is teeth."""
    side = colours.shape[3]
    width = (landmarks[4] - landmarks[3]).norm().item() * side
    region = _box(colours, landmarks[3:].mean(0), 0.4 * width, 0.45 * width)
    skin = mattes.samples(colours, landmarks).median(1).values
    chroma = region[1:].norm(dim=0)
    dark = region[0] < 0.42 * skin[0]
    teeth = (region[0] > 0.85 * skin[0]) & (chroma < 0.6 * skin[1:].norm())
    return {"mouth_open": dark.float().mean().item(), "teeth": teeth.float().mean().item()}


def _eyes(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    """How much the darker of each eye's rows stand out from the lid, the less open eye counts."""
    side = colours.shape[3]
    unit = _unit(landmarks, side)
    found = []
    for eye in landmarks[:2]:
        region = _box(colours, eye, 0.16 * unit, 0.14 * unit)
        skin = mattes.samples(colours, landmarks)[0].median()
        found.append(((region[0] < 0.6 * skin).float().sum() / unit**2 * 10).item())
    return {"eyes_open": min(found)}


def _glasses(colours: Tensor, landmarks: Tensor) -> dict[str, float]:
    """Edges across the nose's bridge and under the eyes; and how dark both eyes' regions are."""
    side = colours.shape[3]
    unit = _unit(landmarks, side)
    middle, skin = landmarks[:2].mean(0), mattes.samples(colours, landmarks)[0].median()
    bridge = _box(colours, middle, 0.10 * unit, 0.25 * unit)[0].mean(1)
    line = bridge.diff().abs().max() / skin
    dark = torch.stack([_box(colours, eye, 0.26 * unit, 0.16 * unit)[0].median() for eye in landmarks[:2]])
    return {"glasses": line.item(), "sunglasses": (1 - dark.max() / skin).item()}
