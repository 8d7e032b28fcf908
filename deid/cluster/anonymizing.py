"""Photos and clips anonymized on a cluster: each by the function of one machine, ``console.do_file``.

Between folders that all machines see nothing is copied. A photo of an object store is brought to the machine
that does it, with what an earlier run left of it, and what has changed is sent back, the manifest last.
"""

import argparse
import contextlib
import io
import json
import math
import pickle
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from deid import console
from deid.anonymization import batch, telling
from deid.anonymization.batch import STARTED, Job
from deid.anonymization.options import Options
from deid.anonymization.wishes import UsageError
from deid.bars import say
from deid.cluster import engine
from deid.cluster.locations import Location, absolute

MOST = 10_000  # calls of a run: with more files, a call does several


@dataclass(frozen=True)
class Errand:
    """What all files of a run share. ``photos``: the address that their names belong to (empty: they are
    paths that every machine sees).
    """

    options: Options
    arguments: argparse.Namespace
    photos: str = ""


def plan(options: Options, given: argparse.Namespace) -> tuple[list[tuple[str, Job]], Errand]:
    """What there is to do from or into an object store. Raises ``UsageError`` where that makes no sense."""
    errand = Errand(options, given, absolute(given.inputs[0]))
    output = absolute(given.output)
    if f"{output}/".startswith(f"{errand.photos.rstrip('/')}/"):
        raise UsageError(f"{output}: lies among the photos; choose another address for the results")
    jobs = [(output, Job(Path(name), name, None)) for name in Location(errand.photos).photos()]
    if not jobs:
        raise UsageError(f"{errand.photos}: no photos found")
    return jobs, errand


def do(jobs: Sequence[tuple[str, Job]], errand: Errand) -> Iterator[dict[str, Any]]:
    """Anonymize files, each into its folder or address; yields ``written``, ``out``, ``errors`` of each.

    A machine that is lost costs the files it was at: they are done again elsewhere, and what was done is not.
    Raises ``ClusterError``.
    """
    if not errand.photos:
        jobs = [(absolute(output), replace(job, source=Path(absolute(job.source)))) for output, job in jobs]
    size = max(1, math.ceil(len(jobs) / MOST))
    parts = [{"jobs": pickle.dumps(jobs[k : k + size])} for k in range(0, len(jobs), size)]
    gpus = 1 if errand.options.device.startswith("cuda") else 0
    for done in engine.run(partial(_do_part, errand=errand), parts, errand.arguments.cluster, gpus):
        yield from pickle.loads(done["results"])


def _do_part(part: dict[str, Any], errand: Errand) -> dict[str, Any]:
    """Do some files, on whichever machine this is."""
    for _ in errand.options.prepare():  # once on each machine
        pass
    results = [_do_file(output, job, errand) for output, job in pickle.loads(part["jobs"])]
    return {"results": pickle.dumps(results)}


def _do_file(output: str, job: Job, errand: Errand) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as temporary,
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as errors,
    ):
        try:
            here = Path(temporary)
            written = _between(output, job, errand, here) if errand.photos else _do(output, job, errand)
        except Exception as error:  # as for a photo here: it is said, and the others go on
            say(f"{job.source}: not written: {telling.reason(error)}", sys.stderr)
            written = False
    said = [stream.getvalue().replace(f"{here}/photos", errand.photos) for stream in (out, errors)]
    return {"written": written, "out": said[0], "errors": said[1]}


def _do(output: str, job: Job, errand: Errand) -> bool:
    return console.do_file(job, Path(output), errand.options, errand.arguments)


def _between(output: str, job: Job, errand: Errand, here: Path) -> bool:
    """Do one photo between addresses, in the folder ``here`` -> whether its result is there.

    Raises ``UsageError`` where that would replace a file that no earlier run wrote.
    """
    results, names = Location(output), [job.name, *(job.name + suffix for suffix in batch.BESIDE)]
    before = {name: results.read(name) for name in names if results.has(name)}
    for name, content in before.items():
        (here / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (here / "out" / name).write_bytes(content)
    job = replace(job, source=Location(errand.photos).brought([job.name], here / "photos") / job.name)
    batch.refuse_overwriting([job], here / "out")
    written = _do(str(here / "out"), job, errand)
    there = [name for name in names if (here / "out" / name).is_file()]
    _send({name: (here / "out" / name).read_bytes() for name in there}, before, results, job.name)
    return written


def _send(after: dict[str, bytes], before: dict[str, bytes], results: Location, name: str) -> None:
    """Make ``results`` hold what came of a photo; a record says so at the beginning, and all of it last."""
    if after == before:
        return
    record = name + batch.BESIDE[0]
    results.write(record, json.dumps({"status": STARTED, "written": False}).encode())
    for other in before.keys() - after.keys():
        results.remove(other)
    for other in sorted(after.keys() - {record}):
        results.write(other, after[other])
    results.write(record, after[record])
