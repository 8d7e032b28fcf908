"""Slow work in several processes: each task stores what it makes in a file of its own."""

import multiprocessing
from collections.abc import Callable, Sequence

import torch


def spread(task: Callable, arguments: Sequence[tuple], workers: int) -> None:
    """Run ``task`` once with each of ``arguments``, in so many processes with a thread each.

    What it returns is dropped. With one worker, or one task, nothing is run: whoever reads the file makes it.
    """
    if workers > 1 and len(arguments) > 1:
        with multiprocessing.get_context("spawn").Pool(workers, torch.set_num_threads, (1,)) as pool:
            pool.starmap(task, arguments, chunksize=1)
