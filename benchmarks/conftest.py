"""How a benchmark is measured, and what is left of it in ``reports/bench/``.

Every benchmark runs this project and another way of doing the same in one run on one machine, and what counts
is their ratio. The clock is processor time, user and system, with that of all processes that were started:
other work on the machine lengthens it less than it lengthens seconds. ``wall`` marks what is about seconds.
"""

import datetime
import json
import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.others import PORTRAITS
from deid import figures
from deid.storage import write_atomically

PHOTOS, SIZE = 192, (178, 218)  # small photos of people; the size is CelebA's
REPORT = Path(__file__).parents[1] / "reports" / "bench"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "1"))
OTHERS = ("deface", "plain")  # ways that are not this project's; the last one that was measured is the unit
HERE = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "TQDM_DISABLE": "1"}


def processor_seconds() -> float:
    """Processor time of this process, and of all that it started and that have ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "wall: seconds are measured, on all cores")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        clock = time.perf_counter if item.get_closest_marker("wall") else processor_seconds
        group = item.originalname.removeprefix("test_").replace("_", " ")  # type: ignore[attr-defined]
        item.add_marker(pytest.mark.benchmark(timer=clock, group=group, warmup=False))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def portraits(tmp_path_factory) -> list[Path]:
    """Photos of CelebA's size."""
    found = sorted(PORTRAITS.glob("*.webp"))[:PHOTOS]
    if not found:
        pytest.skip(f"not run: {PORTRAITS} has no portraits (PORTRAITS=FOLDER)")
    folder = tmp_path_factory.mktemp("portraits")
    for path in found:
        with Image.open(path) as picture:
            side = (picture.width - picture.height * SIZE[0] // SIZE[1]) // 2
            box = (side, 0, picture.width - side, picture.height)
            picture.convert("RGB").crop(box).resize(SIZE).save(folder / f"{path.stem}.jpg", quality=95)
    return sorted(folder.iterdir())


def one_core() -> None:
    """Let this process have one core: what others do on more of them, or wait for, counts as well."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.fixture
def run(benchmark, tmp_path) -> Callable[..., None]:
    """Run a command as often as there are rounds, each time in an empty folder: ``{out}`` in its words.

    On one core, unless it is given its ``share`` of the machine: variables of its environment.
    """

    def rounds(words: list[str], share: dict | None = None) -> None:
        folders = iter(range(1000))

        def prepared() -> tuple[tuple, dict]:
            folder = tmp_path / str(next(folders))
            folder.mkdir()
            return ([word.replace("{out}", str(folder)) for word in words],), {}

        def work(command: list[str]) -> None:
            environment = os.environ | (HERE if share is None else share)
            pin = one_core if share is None and hasattr(os, "sched_setaffinity") else None
            done = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=pin)
            assert not done.returncode, done.stderr[-500:]

        benchmark.pedantic(work, setup=prepared, rounds=ROUNDS)

    return rounds


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict) -> None:
    machine_info.pop("node", None)  # a machine's name is no one's business


def pytest_benchmark_update_json(config: pytest.Config, benchmarks: list, output_json: dict) -> None:
    """Add what was measured to ``ratios.json``, and draw it; what was not run this time stays as it was."""
    path = REPORT / "ratios.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    now = datetime.date.today().isoformat()
    cpu = output_json["machine_info"].get("cpu", {}).get("brand_raw", "unknown")
    where = {"measured": now, "processor": cpu, "cores": os.cpu_count(), "torch": torch.__version__}
    seconds: dict[str, dict[str, float]] = {}
    noted: dict[str, dict[str, dict]] = {}
    for one in benchmarks:
        if not one.stats.data:  # it failed, or was skipped on the way
            continue
        seconds.setdefault(one.group, {})[one.params["way"]] = round(one.stats.min, 3)
        if one.extra_info:
            noted.setdefault(one.group, {})[one.params["way"]] = dict(one.extra_info)
    for group, ways in seconds.items():
        also = {"also": noted[group]} if group in noted else {}
        known[group] = where | {"rounds": ROUNDS, "seconds": ways, "ratios": ratios(ways)} | also
    for one in output_json["benchmarks"]:
        one["stats"].pop("data", None)
    write_atomically(path, (json.dumps(known, indent=1) + "\n").encode())
    bars = {
        f"{group}: {way}": round(ratio, 2)
        for group, found in known.items()
        for way, ratio in found["ratios"].items()
        if ratio != 1
    }
    figures.save(
        figures.bars(bars, "times what the plain way takes (workers: one process)"),
        REPORT / "figures",
        "ratios",
    )


def ratios(seconds: dict[str, float]) -> dict[str, float]:
    """How many times as long each way takes as the plain one, or as the first where there is none."""
    unit = next((seconds[way] for way in reversed(OTHERS) if way in seconds), next(iter(seconds.values())))
    return {way: round(spent / unit, 3) for way, spent in seconds.items()}


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    path = REPORT / "ratios.json"
    if not path.exists():
        return
    terminalreporter.section("seconds, and times what the plain way takes")
    for group, found in json.loads(path.read_text()).items():
        for way, ratio in found["ratios"].items():
            spent = found["seconds"][way]
            terminalreporter.line(f"{group:28} {way:12} {spent:9.2f} s {ratio:8.2f}   {found['measured']}")
