"""Training what tells glasses beside a hidden face: ``python -m deid.training.glasses CROPS``.

Whether a face wears glasses is told by ``references.looks``, of the whole face; the network sees the strips
beside it. It prints how many of those that it was not trained on it finds.
"""

import argparse
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor
from tqdm import tqdm

from deid import storage
from deid.data.crops import FaceCrops
from deid.photo import glasses, masks
from deid.photo.glasses_network import WEIGHTS, Strips
from deid.photo.images import ImageError
from deid.references import looks

MASK = "forehead"
WORN, BARE = 0.0, -1.5  # scores of ``looks``: over the first glasses are worn, below the second none
BARE_FOR_WORN = 6  # faces without glasses for each with
TESTED = 6  # one in so many is not trained on
EPOCHS, BATCH, RATE, DECAY = 24, 64, 2e-3, 1e-2
FALSE = 0.03  # of the faces without glasses, in the share that is found


@dataclass(frozen=True)
class StripExamples:
    """Strips beside faces, (N, 2, 4, 32, 48) as whole numbers to 127, and whether glasses are worn, (N,)."""

    strips: Tensor
    worn: Tensor


def scores(crops: FaceCrops) -> Iterator[float]:
    """How much the whole face of each crop looks as if it wore glasses."""
    for index in range(len(crops)):
        points = (crops.landmarks[index] + 0.5) / _side(crops)
        yield looks.score(crops[index][None], points, "glasses")


def examples(crops: FaceCrops, known: Sequence[float], seed: int = 0) -> StripExamples:
    """The strips of faces with glasses and of some without, by the ``known`` scores."""
    score = torch.tensor(known)
    worn, bare = (score > WORN).nonzero()[:, 0], (score < BARE).nonzero()[:, 0]
    if not len(worn) or not len(bare):
        raise ValueError("the crops hold no faces with glasses, or none without; more crops are needed")
    order = torch.randperm(len(bare), generator=torch.Generator().manual_seed(seed))
    bare = bare[order[: BARE_FOR_WORN * len(worn)]]
    place = torch.eye(2, 3, dtype=torch.float64)
    strips = []
    for index in torch.cat([worn, bare]).tolist():
        points = crops.landmarks[index].double()
        hidden = 1 - masks.frame_mask(MASK, points, _side(crops))
        views = glasses.views(crops[index][None] * (1 - hidden), hidden, points, place)
        strips.append((torch.cat([view.strip for view in views]) * 127).round().to(torch.int8))
    return StripExamples(torch.stack(strips), torch.cat([torch.ones(len(worn)), torch.zeros(len(bare))]))


def fit(known: StripExamples, seed: int = 0, epochs: int = EPOCHS) -> Iterator[tuple[Strips, float]]:
    """Train, and after each epoch yield the network and the share that it finds (``found``)."""
    torch.manual_seed(seed)  # layer initialisation and dropout have no generator
    order = torch.randperm(len(known.worn))
    test, train = order[::TESTED], order[torch.arange(len(order)) % TESTED > 0]
    network = Strips()
    optimizer = torch.optim.AdamW(network.parameters(), RATE / 2, weight_decay=DECAY)
    steps = max(1, len(train) // BATCH)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, epochs * steps)
    for _ in range(epochs):
        network.train()
        for rows in train[torch.randperm(len(train))].split(BATCH)[:steps]:
            strips = disturbed(known.strips[rows].float() / 127)
            loss = F.binary_cross_entropy_with_logits(_logits(network, strips), known.worn[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.step()
        network.eval()
        yield network, found(network, known, test)


@torch.no_grad()
def found(network: Strips, known: StripExamples, rows: Tensor) -> float:
    """The share of glasses that is found where ``FALSE`` of the faces without are taken for some."""
    logits = torch.cat([_logits(network, known.strips[part].float() / 127) for part in rows.split(256)])
    worn = known.worn[rows] > 0.5
    if worn.all() or not worn.any():
        return float("nan")
    return (logits[worn] > logits[~worn].quantile(1 - FALSE)).float().mean().item()


def disturbed(strips: Tensor) -> Tensor:
    """Strips (N, 2, 4, 32, 48) in another light and colour, moved by up to two pixels."""
    colours, hidden = strips[:, :, :3], strips[:, :, 3:]
    gain = (0.25 * torch.randn(len(strips), 1, 1, 1, 1)).exp() * (
        0.08 * torch.randn(len(strips), 1, 3, 1, 1)
    ).exp()
    colours = ((colours + 1) * gain - 1).clamp(-1, 1) * (1 - hidden)
    return torch.roll(torch.cat([colours, hidden], 2), torch.randint(-2, 3, (2,)).tolist(), (3, 4))


def _side(crops: FaceCrops) -> int:
    return crops.bytes().shape[3]


def _logits(network: Strips, strips: Tensor) -> Tensor:
    return network(strips.flatten(0, 1)).view(len(strips), 2).sum(1)


def main(arguments: list[str] | None = None) -> int:
    """The command line: train, print what is found, write the network."""
    p = argparse.ArgumentParser(
        prog="python -m deid.training.glasses", description="Tell glasses by their arms."
    )
    p.add_argument("crops", type=Path, nargs="+", help="dataset folders (notebook 01), crops of 128 px")
    p.add_argument("--output", type=Path, default=WEIGHTS, help="(%(default)s)")
    p.add_argument("--limit", type=int, help="learn from the first so many crops only")
    given = p.parse_args(arguments)
    try:
        crops = FaceCrops(given.crops, given.limit)
        known = examples(crops, list(tqdm(scores(crops), "faces", len(crops))))
        network, share = deque(tqdm(fit(known), "training", EPOCHS), maxlen=1)[0]
    except (ImageError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in network.state_dict().items()
    }
    storage.write_atomically(given.output, save(state, metadata={"role": "glasses"}))
    print(f"{int(known.worn.sum())} of {len(crops)} faces with glasses")
    print(f"found: {share:.0%}, and {FALSE:.0%} of the faces without")
    print(given.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
