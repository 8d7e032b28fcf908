"""Makes media/clip.gif: a staged clip of two people who do not exist, above as it is, below after the tool.

Run by hand from the repository's root: ``python media/make_clip.py``. The heads are from media/group.jpg.
"""

from fractions import Fraction
from pathlib import Path

import torch

from deid import figures
from deid.anonymization.options import Options
from deid.photo import images
from deid.video import casting, engine, measuring, searching, staging
from deid.video.drawing import Role

COUNT, STEP, PART = 36, 2, slice(45, 195)  # frames, of which every other is shown, and the rows of them


def main() -> None:
    """Stage the clip, anonymize it in memory, and write both as one GIF."""
    staging.NOISE = 0.0  # a GIF stores noise badly
    heads = staging.heads(images.load("media/group.jpg").pixels)
    staged = list(measuring.SCENARIOS["moves"](heads, COUNT))
    options = Options()
    survey = engine.finished(
        searching.survey(staging.frames_of(staged), searching.finder(options), Fraction(1, staging.RATE))
    )
    paths = engine.follow(survey, options)
    chosen = engine.finished(casting.cast(staging.frames_of(staged), paths, options))
    roles = [Role(*pair) for pair in zip(paths, chosen, strict=True)]
    frames = []
    for before, after in zip(staged, engine.paint(staging.frames_of(staged), roles, options), strict=True):
        both = [images.from_uint8(pixels[PART]) for pixels in (before.pixels, after.pixels)]
        frames.append(torch.cat(both, 2))
    figures.gif(frames[::STEP], Path("media/clip.gif"), milliseconds=STEP * 40)


if __name__ == "__main__":
    main()
