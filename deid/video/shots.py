"""Where one shot ends and the next begins: a face is never followed across a cut.

Two frames belong to two shots where both their colours and their thumbnails differ by far. After a flash the
picture is back: that is no cut. After Boreczky and Rowe (1996), "Comparison of Video Shot Boundary Detection
Techniques".
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

SIDE = 16  # pixels of a thumbnail
BINS = 8  # of each colour
OTHER_PLACE, OTHER_COLOURS = 0.09, 0.25  # mean difference of thumbnails, moved share of the histograms
FLASH = 4  # frames after which the picture has to be back


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3) uint8 as means of at most 16 by 16 parts, from 0 to 1: (h, w, 3)."""
    height, width = (max(1, side // SIDE) for side in pixels.shape[:2])
    some = pixels[:: max(1, height // 4), :: max(1, width // 4)]  # a few pixels of each part do
    rows, columns = (max(1, side // SIDE) for side in some.shape[:2])
    whole = some[: some.shape[0] // rows * rows, : some.shape[1] // columns * columns]
    parts = whole.reshape(whole.shape[0] // rows, rows, whole.shape[1] // columns, columns, 3)
    return (parts.mean((1, 3)) / 255)[:SIDE, :SIDE].astype(np.float32)


def apart(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two thumbnails (h, w, 3) are of two shots."""
    if np.abs(one - other).mean() < OTHER_PLACE:
        return False
    colours = [np.stack([_histogram(part[..., k]) for k in range(3)]) for part in (one, other)]
    return float(np.abs(colours[0] - colours[1]).sum() / 6) > OTHER_COLOURS


class Shots:
    """Finds the cuts of a clip, frame by frame; ``starts`` are the first frames of all shots."""

    def __init__(self) -> None:
        self.starts = [0]
        self.count = 0
        self._recent: deque[np.ndarray] = deque(maxlen=FLASH)

    def add(self, pixels: np.ndarray) -> bool:
        """Look at the next frame (H, W, 3) uint8 -> whether it differs from the one before by far."""
        small, changed = thumbnail(pixels), False
        if self._recent and apart(self._recent[-1], small):
            changed = True
            back = [k for k, earlier in enumerate(list(self._recent)[:-1]) if not apart(earlier, small)]
            if back and len(self.starts) > 1 and self._after(back[-1]) >= self.starts[-1]:
                self.starts.pop()  # a flash
            else:
                self.starts.append(self.count)
        self._recent.append(small)
        self.count += 1
        return changed

    def _after(self, place: int) -> int:
        """The number of the frame after one of the recent ones."""
        return self.count - len(self._recent) + place + 1


def shot_of(starts: Sequence[int], frame: int) -> int:
    """The number of the shot that a frame belongs to."""
    return int(np.searchsorted(starts, frame, side="right")) - 1


def _histogram(values: np.ndarray) -> np.ndarray:
    """The shares (8,) of values from 0 to 1, spread over neighbouring bins: a little light moves few."""
    place = values.ravel().clip(0, 1) * (BINS - 1)
    low = np.floor(place).astype(int).clip(0, BINS - 2)
    share = place - low
    counts = np.bincount(low, 1 - share, BINS) + np.bincount(low + 1, share, BINS)
    return counts / max(1, len(place))
