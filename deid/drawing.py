"""Faces for the holes of a photo: everything in here sees what is visible, where the faces were, and seeds.

``Drawing`` is made of a photo whose faces are hidden already; the original only comes back to be hidden anew.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor, nn

from deid import blending, holes, inpainting
from deid.faces import DCGAN_FRAME, FRAMES, Face, Frame
from deid.generators import WeightsError, load_discriminator, load_generator
from deid.holes import Target
from deid.inpainting import Search
from deid.options import Options

# A fill whose surroundings are this far off (mean absolute difference, [-1, 1]) found no fitting face.
MAX_CONTEXTUAL = 0.45
# Less of the frame than this to go by, and a search would be guessing.
MIN_VISIBLE = 0.15
FACES_AT_ONCE = 8


@dataclass
class Progress:
    """``done`` faces (one in the middle of its search counts in part), and the photo so far where it was asked for."""

    done: float
    preview: Tensor | None = None


@dataclass
class Drawing:
    """A photo with grey holes (1, 3, H, W), which pixels are ``hidden`` (1, 1, H, W), its targets, and their fills."""

    photo: Tensor
    hidden: Tensor
    targets: list[Target]
    options: Options
    device: str
    fills: dict[int, Tensor] = field(default_factory=dict)

    def draw(self, preview_every: int = 0) -> Iterator[Progress]:
        """Draw every target; those that cannot be drawn are blacked out, with the reason."""
        views = {id(target): holes.view(self.photo, self.hidden, target) for target in self._wanted()}
        for target in self._wanted():
            if views[id(target)][1].mean() < MIN_VISIBLE:
                holes.black_out(target, "almost nothing around the face is visible")
        wanted = self._wanted()
        for start in range(0, len(wanted), FACES_AT_ONCE):
            together = wanted[start : start + FACES_AT_ONCE]
            crops, visible = (torch.cat(part) for part in zip(*(views[id(t)] for t in together), strict=True))
            for step in self._fill(together, crops, visible):
                done = start + len(together) * step.iteration / self.options.iterations
                yield Progress(done, self._search_preview(step, together, preview_every))
            for target, fitted in zip(together, self._fit(step, crops, visible).split(1), strict=True):
                self.fills[id(target)] = fitted
                # Faces that need no search appear one by one, in at most 30 previews.
                one_by_one = preview_every and self.options.method not in holes.SEARCHED
                if one_by_one and len(self.fills) % -(-len(wanted) // 30) == 0:
                    yield Progress(len(self.fills), self.preview(self.fills))

    def hide_again(self, photo: Tensor) -> None:
        """Make the holes anew, from the original (1, 3, H, W), after targets were changed.

        Those whose surroundings changed with it lose their fills, to be drawn from what is visible now.
        """
        before = self.hidden
        self.photo, self.hidden = holes.hide(photo, self.targets)
        for target in self.targets:
            seen = [holes.view(hidden, hidden, target)[1] for hidden in (before, self.hidden)]
            if id(target) in self.fills and not torch.equal(*seen):
                del self.fills[id(target)]

    def candidates(self, target: Target, seeds: Sequence[int]) -> tuple[list[Target], Tensor, list[Tensor]]:
        """The target for other ``seeds`` (K): K targets, the frame around each with its face (K, 3, S, S), the fills.

        A candidate that could not be drawn comes back blacked out.
        """
        same = (target.face, target.frame, target.method, target.mask)
        others = [holes.aim(*same, seed, self.options.jitter, target.truncation) for seed in seeds]
        crops, visible = (
            torch.cat(part)
            for part in zip(*(holes.view(self.photo, self.hidden, other) for other in others), strict=True)
        )
        *_, step = self._fill(others, crops, visible)
        fills = self._fit(step, crops, visible)
        return others, crops * visible + fills * (1 - visible), list(fills.split(1))

    def preview(self, fills: dict[int, Tensor]) -> Tensor:
        """The photo with these fills, roughly: for a GIF."""
        return holes.compose(self.photo, self.targets, fills)

    def finished(self) -> Tensor:
        """The photo with every fill as sharp as its surroundings, and blended into them."""
        return holes.compose(self.photo, self.targets, self.fills, self.hidden)

    def _wanted(self) -> list[Target]:
        return [t for t in self.targets if t.method in holes.DRAWN and id(t) not in self.fills]

    def _search_preview(self, step: inpainting.Step, together: list[Target], every: int) -> Tensor | None:
        if not every or self.options.method not in holes.SEARCHED or step.iteration % every:
            return None
        return self.preview(self.fills | {id(t): step.images[i : i + 1].cpu() for i, t in enumerate(together)})

    def _fit(self, step: inpainting.Step, crops: Tensor, visible: Tensor) -> Tensor:
        return fit(step.images.cpu(), crops, visible, smooth=self.options.method not in holes.SEARCHED)

    def _fill(self, together: list[Target], crops: Tensor, visible: Tensor) -> Iterator[inpainting.Step]:
        """One batch of faces; notes losses and seconds in the targets and gives up on faces that fit nowhere."""
        begin = time.perf_counter()
        generator, discriminator = networks(self.options, self.device)
        pose = torch.stack([target.pose for target in together])
        for step in inpainting.inpaint(
            crops.to(self.device), visible.to(self.device), pose, [target.seed for target in together],
            generator=generator, discriminator=discriminator,
            settings=Search(self.options.starts, self.options.iterations),
            truncation=[target.truncation for target in together],
        ):  # fmt: skip
            yield step
        for index, target in enumerate(together):
            target.seconds += (time.perf_counter() - begin) / len(together)
            target.losses = {name: value[index].item() for name, value in step.losses.items()}
            # "not <=" also catches NaN.
            if not target.losses["contextual"] <= MAX_CONTEXTUAL:
                holes.black_out(target, "no face was found that fits its surroundings")


def plan(found: Sequence[Face], options: Options, device: str = "cpu") -> list[Target]:
    """A target for each face under these options, in the frame that the generator knows, far ones first."""
    frame = frame_of(networks(options, device)[0]) if options.draws and found else DCGAN_FRAME
    settings = (options.method, options.mask, options.seed, options.min_size, frame, options.jitter, options.truncation)
    return holes.plan(found, *settings)


def frame_of(generator: nn.Module) -> Frame:
    """How a generator's faces sit in its images: as its weights file says, or as its family is usually trained."""
    usual = "ffhq" if generator.family == "stylegan2" else "deid"
    return FRAMES[generator.facts.get("frame", usual)].resized(generator.resolution)


def fit(fills: Tensor, crops: Tensor, visible: Tensor, smooth: bool = False) -> Tensor:
    """Fills (F, 3, S, S) with their colours matched to the surroundings and blended into them.

    ``smooth``: with a smooth rim, for faces that were drawn in one pass.
    """
    blended = blending.poisson(blending.match_colour(fills, crops, visible), crops, visible)
    return blending.smooth_rim(blended, visible) if smooth else blended


def networks(options: Options, device: str) -> tuple[nn.Module, nn.Module | None]:
    """The generator that the options ask for, and its discriminator where a search needs one."""
    generator, discriminator = _loaded(options.network, device)
    if generator.family != options.method:
        raise WeightsError(f"{options.network}: a {generator.family} network; use --method {generator.family} with it")
    return generator, discriminator


@lru_cache(maxsize=2)
def _loaded(name: str, device: str) -> tuple[nn.Module, nn.Module | None]:
    generator = load_generator(name, device)
    # Drawing in one pass needs no judge.
    return generator, None if generator.family == "onepass" else load_discriminator(name, device)
