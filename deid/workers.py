"""Photos in several processes, each with its share of the cores; what they say is said here.

A process that ends by itself (the system was out of memory) stops no photo: those that are left are done
here, one at a time.
"""

import argparse
import contextlib
import io
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple

import torch

from deid import bars, console, machine
from deid.anonymization.batch import Job
from deid.anonymization.options import Options
from deid.bars import say
from deid.devices import resolve_device
from deid.photo import opening

AUTO = "auto"
Jobs = Sequence[tuple[Path, Job]]  # the folder of the results, and what is to be done


class Done(NamedTuple):
    """Whether a photo was written, and the lines for stdout and stderr."""

    written: bool
    said: str
    complaints: str


def count(asked: str | None, jobs: Jobs, options: Options) -> int:
    """How many processes do these photos: as many as were ``asked`` for, or for "auto" as many as pay."""
    if asked != AUTO:
        return min(int(asked or 1), max(1, len(jobs)))
    if resolve_device(options.device) != "cpu":
        return 1  # they would share one device
    sizes = [opening.size_of(job.source) or (0, 0) for _, job in jobs]
    return machine.processes(len(jobs), max((width * height for width, height in sizes), default=0))


def each(jobs: Jobs, options: Options, given: argparse.Namespace, processes: int) -> Iterator[bool]:
    """Do all photos in so many processes; yields whether one was written, in the order in which they end.

    Who stops asking waits until the photos at work are whole.
    """
    tasks: dict[Future[Done], tuple[Path, Job]] = {}
    alone: list[tuple[Path, Job]] = []
    share = max(1, min(torch.get_num_threads(), machine.cores() // processes))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # a thread that waits leaves its core to the others
    with ProcessPoolExecutor(processes, _context(), _begin, (share,)) as pool:
        try:
            for at in jobs:
                try:
                    tasks[pool.submit(_do, *at, options, given)] = at
                except BrokenProcessPool:  # one has ended already
                    alone.append(at)
            for task in as_completed(tasks):
                if isinstance(task.exception(), BrokenProcessPool):
                    alone.append(tasks[task])
                else:
                    yield _told(task)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    if alone:
        say(f"a process ended too early, for lack of memory? {len(alone)} photos one at a time", sys.stderr)
    for output, job in alone:
        yield console.do_photo(job, output, options, given)


def _told(task: Future[Done]) -> bool:
    """Say what a photo's process said of it -> whether it was written."""
    done = task.result()
    for line in done.said.splitlines():
        say(line)
    for line in done.complaints.splitlines():
        say(line, sys.stderr)
    return done.written


def _context() -> Any:
    """How processes are started: where that is possible from one that has imported all that is slow."""
    if "forkserver" not in multiprocessing.get_all_start_methods():  # Windows
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["deid.workers"])
    return context


def _begin(threads: int) -> None:
    """In a new process: its share of the machine, no bars, and when it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process is told, and waits for the photo at work
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    machine.hold_memory()
    torch.set_num_threads(threads)
    bars.shown = False


def _end_with_the_first() -> None:
    """End this process when the one that started it is gone."""
    first = multiprocessing.parent_process()
    if first:
        first.join()
        os._exit(1)


def _do(output: Path, job: Job, options: Options, given: argparse.Namespace) -> Done:
    said, complaints = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complaints):
        written = console.do_photo(job, output, options, given)
    return Done(written, said.getvalue(), complaints.getvalue())
