"""What a training run gives away: its networks as weights files."""

from dataclasses import asdict
from pathlib import Path

from deid.generators.weights import files, loading
from deid.training import checkpoints, networks
from deid.training.config import Recipe
from deid.training.ema import recalibrate, update_average
from deid.training.loop import Training


def export(
    run: str | Path, path: str | Path, batches: int = 64, share_of_start: float = 0.0
) -> tuple[Path, Path]:
    """Write a run's averaged generator to ``path`` and its discriminator beside it, in half precision.

    ``name.safetensors`` and ``name-discriminator.safetensors`` carry the recipe and the images seen in their
    header. What depends on the averaged weights is estimated from ``batches`` of samples first. For a run
    that went on from weights (``Recipe.start``) ``share_of_start`` averages these in: one average over both
    runs (Izmailov et al., 2018, arXiv 1803.05407). Raises ``WeightsError`` where a file of these names is not
    ours, and ``ValueError`` where the run has no checkpoint yet.
    """
    run, path = Path(run), Path(path)
    beside = loading.discriminator_path(path)
    for target in (path, beside):
        files.refuse_foreign(target)
    if (state := checkpoints.load_checkpoint(run)) is None:
        raise ValueError(f"{run / checkpoints.CHECKPOINT}: missing; train the network into this folder first")
    with checkpoints.reading(run / checkpoints.RECIPE):
        training = Training(recipe := Recipe(**checkpoints.read_recipe(run)))
    with checkpoints.reading(run / checkpoints.CHECKPOINT):
        training.load_state(state)
    if share_of_start:
        update_average(training.average, networks.start(recipe)[0].to(training.device), 1 - share_of_start)
    G, D = recalibrate(training.average, batches), training.D.eval()
    facts = networks.facts(G) | {"images_seen": training.images, "recipe": asdict(recipe)}
    facts["share_of_start"] = share_of_start
    files.write(path, G.state_dict(), facts | {"role": "generator"})
    files.write(beside, D.plain_state_dict(), facts | {"role": "discriminator"})
    return path, beside
