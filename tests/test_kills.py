"""Files are whole, whatever happens: processes that are killed, a full disk, two that do the same at once.

Real processes, forked in milliseconds from a server that has torch loaded. Each runs one of four stages: the
tool, a dataset, a training, the library. A stage that was never disturbed says what the result has to be.
"""

import json
import multiprocessing
import os
import random
import signal
import tempfile
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from deid import storage
from deid.data import dataset
from deid.references.library import Library
from deid.training import checkpoints

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("forkserver" not in multiprocessing.get_all_start_methods(), reason="needs forks"),
]
KILLS = {"tool onepass": 5}  # at random moments; of all others ten
# An optimiser loads torch._dynamo, which needs longer than the training that is killed here.
LOADED = ["pytest", "deid.runs", "deid.training.__main__", "deid.references.__main__", "torch._dynamo"]
BUSY = "another run is at work there; wait until it ends, or choose another"
FULL = ("No space left on device", "File too large")
NOT_ALLOWED = 77  # how a process ends that may not mount a disk of its own


START = """
import signal, sys, threading, torch, tqdm
sys.stdout = sys.stderr = open(LOG, "w", buffering=1)
torch.set_num_threads(1)
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
tqdm.tqdm.set_lock(threading.RLock())  # its own is shared by processes, and outlives those that are killed
"""


class Running:
    """A program in a process of its own; ``said``: what it printed, and why it failed."""

    def __init__(self, program: str, log: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LOADED)
        self.log = log
        whole = START.replace("LOG", repr(str(log))) + textwrap.dedent(program)
        self.process = context.Process(target=exec, args=(whole, {"__name__": "program"}), daemon=True)
        self.process.start()

    def ended(self, seconds: float | None = None) -> int | None:
        """The exit code; None where it still runs after so many seconds."""
        self.process.join(seconds)
        return self.process.exitcode

    def kill(self) -> int | None:
        """SIGKILL -> the exit code."""
        if self.process.pid and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        return self.ended()

    @property
    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Callable[[str], Running]:
    """Starts a program. The first one waits until the server has loaded everything."""
    logs = tmp_path_factory.mktemp("logs")
    count = iter(range(10_000))
    assert Running("pass", logs / "first").ended() == 0
    return lambda program: Running(program, logs / str(next(count)))


@dataclass(frozen=True)
class Stage:
    """``program``: what is run, OUT is its folder.

    ``opens`` raises where something there cannot be read. ``finished``: files that no later run writes again.
    """

    program: str
    opens: Callable[[Path], object]
    finished: Callable[[Path], list[Path]]

    def into(self, out: Path) -> str:
        return textwrap.dedent(self.program).replace("OUT", repr(str(out)))


def tool(inputs: Path, *options: str) -> Stage:
    given = [str(inputs), "--no-verify", "--seed", "3", *options]
    program = f"from deid.__main__ import main\nsys.exit(main([*{given!r}, '-o', OUT]))"
    return Stage(program, lambda out: [], lambda out: [path for path, done in of_tool(out).items() if done])


def of_tool(out: Path) -> dict[Path, bool]:
    """The photos in an output folder, and whether a record says that they are written."""
    found = {}
    for path in out.rglob("*.json"):
        record, photo = json.loads(path.read_text()), path.with_suffix("")
        found[photo] = record["written"]
        if record["written"]:
            assert storage.sha256(photo) == record["result_sha256"]
    return found


def of_dataset(photos: Path) -> Stage:
    program = f"""
        from deid.data import dataset
        from deid.photo import images
        for _ in dataset.create(images.find({str(photos)!r}), OUT, batch=2):
            pass
    """
    return Stage(program, lambda out: crops_of(out), lambda out: crops_of(out))


def crops_of(out: Path) -> list[Path]:
    records = dataset.read_index(out)
    assert len({record["source"] for record in records}) == len(records), "no photo twice"
    return [out / face["crop"] for record in records for face in record["faces"]]


def of_training(crops: Path) -> Stage:
    """Four steps of a narrow StyleGAN2; every second one leaves a preview and a checkpoint."""
    program = f"""
        from dataclasses import replace
        from deid.data.crops import FaceCrops
        from deid.training.config import STYLE, Schedule
        from deid.training.loop import train
        recipe = replace(STYLE, images=32, batch=8, channels=(8,) * 5, latent=16, mapping=2)
        schedule = Schedule(preview_every=16, checkpoint_every=16)
        for _ in train(FaceCrops({str(crops)!r}), recipe, OUT, schedule):
            pass
    """
    return Stage(program, opened_run, lambda out: [])


def opened_run(out: Path) -> None:
    checkpoints.load_checkpoint(out)
    steps = [record["images"] for record in checkpoints.history(out)]
    assert steps == [8 * (k + 1) for k in range(len(steps))], "each step once"


FEW = """
    import itertools
    from deid.references import sources
    of = sources.openpeople_portraits(("P001",))
    def few(people=()):
        return sources.PortraitSource(of.name, 3, lambda: itertools.islice(of, 2, 5))
"""


def of_library() -> Stage:
    program = f"""{FEW}
    from deid.references.build import build
    for _ in build(few(), OUT + "/people.safetensors"):
        pass
    """
    return Stage(program, opened_library, lambda out: list(out.glob("people.*")))


def opened_library(out: Path) -> None:
    for path in out.glob("people.*"):
        library = Library(path)
        assert [library.crop(k, 64).shape for k in range(len(library))] and len(library) > 1


@pytest.fixture(scope="module")
def photos(tmp_path_factory, portraits) -> Path:
    """Five small photos, two of them in a folder below."""
    folder = tmp_path_factory.mktemp("photos")
    portraits(folder, 5)
    (folder / "deeper").mkdir()
    for name in ("portrait-01.jpg", "portrait-02.jpg"):
        (folder / name).rename(folder / "deeper" / name)
    return folder


@pytest.fixture(scope="module")
def stages(photos, crops, portraits, tmp_path_factory) -> dict[str, Stage]:
    many = tmp_path_factory.mktemp("many")
    portraits(many, 12)
    return {
        "tool": tool(photos, "--method", "blackout"),
        "tool onepass": tool(photos / "deeper", "--method", "onepass"),
        "dataset": of_dataset(many),
        "training": of_training(crops.paths[0].parents[1]),
        "library": of_library(),
    }


NAMES = ("tool", "tool onepass", "dataset", "training", "library")


@pytest.fixture(scope="module")
def undisturbed(stages, start, tmp_path_factory) -> Callable[[str], tuple[Path, float]]:
    """What a stage leaves that is never disturbed, and its seconds; made once."""
    made: dict[str, tuple[Path, float]] = {}

    def run(name: str) -> tuple[Path, float]:
        if name not in made:
            out = tmp_path_factory.mktemp("undisturbed") / "out"
            begin = time.monotonic()
            running = start(stages[name].into(out))
            assert running.ended() == 0, running.said
            made[name] = out, time.monotonic() - begin
        return made[name]

    return run


def content(folder: Path) -> dict[str, object]:
    """Everything in a folder but locks; of records all but the seconds."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        if path.is_file() and path.name != ".lock":
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
            if path.suffix == ".json" and "faces" in (record := json.loads(path.read_text())):
                timeless = [{**face, "seconds": 0} for face in record["faces"]]
                found[path.relative_to(folder).as_posix()] = record | {"faces": timeless}
    return found


def halves(folder: Path) -> list[Path]:
    return list(folder.rglob(f"{storage.PARTIAL}*"))


def tomorrow(folder: Path) -> None:
    """Half files are old: no one is writing them any more."""
    for path in halves(folder):
        os.utime(path, (0, 0))


def assert_whole(stage: Stage, out: Path, right: Path) -> None:
    """Every file that has its name is whole: it can be read, and pictures are those of an undisturbed run."""
    for path in out.rglob("*"):
        if path.is_file() and path not in halves(out):
            if path.suffix in (".json", ".jpg", ".png", ".safetensors"):
                assert path.stat().st_size, path
            if path.suffix == ".json":
                json.loads(path.read_text())
            if path.suffix in (".jpg", ".png", ".safetensors"):
                assert path.read_bytes() == (right / path.relative_to(out)).read_bytes(), path
            if path.suffix in (".jpg", ".png"):
                with Image.open(path) as picture:
                    picture.load()
    stage.opens(out)
    stage.finished(out)


# The process kills itself when its Nth file is whole but has not its name yet.
AT_A_WRITE = """
import os, signal
rename, left = os.replace, [N]
def replace(source, target):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)
os.replace = replace
"""


@pytest.mark.parametrize("name", NAMES)
def test_killed_at_any_moment_all_files_are_whole_and_the_end_is_the_same(
    name, stages, start, undisturbed, photos, tmp_path
):
    """Kills at random moments of the whole duration, and three while a file is written.

    A run that ended before its kill is compared, and the next one begins in a new folder.
    """
    stage, (right, seconds) = stages[name], undisturbed(name)
    before, draw = content(photos), random.Random(name)
    hits, in_writes, ends, left = 0, 0, 0, 0
    wanted, most = KILLS.get(name, 10), len(content(right))
    while hits < wanted or in_writes < 3:
        out = tmp_path / str(ends)
        times = {path: path.stat().st_mtime_ns for path in stage.finished(out)}
        writing = in_writes < 3 and draw.random() < 0.3 or hits == wanted
        program = stage.into(out)
        tomorrow(out)
        if writing:
            running = start(AT_A_WRITE.replace("N", str(min(in_writes + 1, most))) + program)
            code = running.ended()
        else:
            running = start(program)
            moment = draw.uniform(0, seconds)
            code = running.kill() if running.ended(moment) is None else running.ended()
        assert {path: path.stat().st_mtime_ns for path in times} == times, "nothing is done twice"
        assert_whole(stage, out, right)
        if code == -signal.SIGKILL:
            hits, in_writes, left = hits + (not writing), in_writes + writing, left + bool(halves(out))
        else:
            assert code == 0, running.said
            assert content(out) == content(right)
            ends += 1
        assert ends < 40, "kills come too late"
    assert left >= 1, "no kill left half a file: the test has lost its point"
    out = tmp_path / str(ends)
    tomorrow(out)
    running = start(stage.into(out))
    assert running.ended() == 0, running.said
    assert content(out) == content(right) and not halves(out)
    assert content(photos) == before, "inputs are never changed"
    counts = f"{in_writes} more at a write; {left} left half files; {ends} runs ended before their kill"
    print(f"{name}: {hits} kills at moments within {seconds:.1f} s; {counts}")


# Says an error as a command line would.
SAYING = """
try:
BODY
except (ValueError, OSError) as error:
    print(error)
    sys.exit(1)
"""
OPENED = (lambda out: [], lambda out: [])

# A disk of a few kilobytes at PLACE, for this process alone. What is on it at the end goes to COPY.
OWN_DISK = """
import ctypes, os
system, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
if system.unshare(0x10020000):  # CLONE_NEWUSER | CLONE_NEWNS
    sys.exit(NOT_ALLOWED)
for name, line in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
    with open(f"/proc/self/{name}", "w") as file:
        file.write(line)
os.makedirs(PLACE)
private = system.mount(b"none", b"/", None, 0x44000, None)  # MS_REC | MS_PRIVATE
if private or system.mount(b"tmpfs", PLACE.encode(), b"tmpfs", 0, b"size=BYTES"):
    sys.exit(NOT_ALLOWED)
if os.path.isdir(BEFORE):
    shutil.copytree(BEFORE, PLACE, dirs_exist_ok=True)
"""


# Files of at most so many bytes: a longer one fails as on a full disk.
SHORT_FILES = """
import resource, signal
if os.path.isdir(BEFORE):
    shutil.copytree(BEFORE, PLACE)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, hard))
"""
ENDS = """
code = 0
try:
    exec(PROGRAM, {"sys": sys})
except SystemExit as end:
    code = end.code
if "resource" in globals():
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
if os.path.isdir(PLACE):
    shutil.copytree(PLACE, COPY)
sys.exit(code)
"""


@pytest.fixture
def full(start, tmp_path) -> Callable[..., tuple[Running, Path]]:
    """Runs a stage on a disk of its own of ``size`` bytes, or with files of at most that -> it, what is left.

    ``before``: a folder that is there already.
    """

    def run(stage: Stage, kind: str, size: int, before: Path | None = None) -> tuple[Running, Path]:
        if not Path("/proc/self/uid_map").exists() and kind == "disk":
            pytest.skip("only Linux has namespaces for mounts")
        place, copy = tmp_path / "place", tmp_path / "copy"
        names = {
            "PLACE": str(place),
            "COPY": str(copy),
            "BEFORE": str(before or ""),
            "PROGRAM": stage.into(place),
        }
        given = "".join(f"{name} = {value!r}\n" for name, value in names.items())
        limit = (OWN_DISK if kind == "disk" else SHORT_FILES).replace("BYTES", str(size))
        program = limit.replace("NOT_ALLOWED", str(NOT_ALLOWED))
        running = start(f"import os, shutil\n{given}{program}{ENDS}")
        if running.ended() == NOT_ALLOWED:
            pytest.skip("this system lets no user mount a disk of their own")
        assert "Traceback" not in running.said, running.said
        assert not copy.exists() or not halves(copy)
        return running, copy

    return run


KINDS = ("disk", "files")


@pytest.mark.parametrize("kind", KINDS)
def test_the_tool_on_a_full_disk_writes_what_fits_and_says_what_does_not(
    kind, full, stages, undisturbed, photos
):
    stage, (right, _) = stages["tool"], undisturbed("tool")
    sizes = sorted(path.stat().st_size for path in right.rglob("*.jpg"))
    running, out = full(stage, kind, 49152 if kind == "disk" else (sizes[1] + sizes[-1]) // 2)
    assert running.ended() == 1
    written = [photo for photo, done in of_tool(out).items() if done]
    assert 1 <= len(written) < 5 and f"{len(written)} of 5 photos written" in running.said
    assert_whole(stage, out, right)
    assert set(out.rglob("*.jpg")) == set(written), "no photo without its record"
    lines = [line for line in running.said.splitlines() if "not written" in line]
    assert len(lines) == 5 - len(written)
    for line in lines:
        assert any(f"({reason}); make room there, or choose another" in line for reason in FULL), line


@pytest.mark.parametrize("kind", KINDS)
def test_a_dataset_on_a_full_disk_goes_on_when_there_is_room(kind, full, stages, undisturbed, start):
    stage, (right, _) = stages["dataset"], undisturbed("dataset")
    sizes = sorted(path.stat().st_size for path in right.rglob("*.png"))
    said = Stage(SAYING.replace("BODY", textwrap.indent(textwrap.dedent(stage.program), "    ")), *OPENED)
    running, out = full(said, kind, 65536 if kind == "disk" else (sizes[0] + sizes[-1]) // 2)
    assert running.ended() == 1
    assert any(f"({reason}); make room there, or choose another" in running.said for reason in FULL)
    assert_whole(stage, out, right)
    again = start(stage.into(out))
    assert again.ended() == 0 and content(out) == content(right)


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_on_a_full_disk_leaves_its_last_checkpoint(kind, full, crops, start, tmp_path):
    """By its command line: one step, and then one more where a second checkpoint does not fit."""
    folder = crops.paths[0].parents[1]
    program = f"""
        from dataclasses import replace
        from deid.training import __main__ as command
        from deid.training.config import ONEPASS
        command.ONEPASS_256 = replace(ONEPASS, channels=(16, 16, 16, 8), latent=16, images=4, batch=2)
        call = ["onepass-256", {str(folder)!r}, "--run", OUT, "--device", "cpu"]
        sys.exit(command.main([*call, "--minutes", MINUTES]))
    """
    half, rest = (Stage(program.replace("MINUTES", text), *OPENED) for text in ("'0'", "'9'"))
    first = start(half.into(tmp_path / "first"))
    assert first.ended() == 0, first.said
    size = (tmp_path / "first" / checkpoints.CHECKPOINT).stat().st_size
    there = sum(path.stat().st_size for path in (tmp_path / "first").rglob("*") if path.is_file())
    limit = there + size // 2 if kind == "disk" else size // 2
    running, out = full(rest, kind, limit, tmp_path / "first")
    assert running.ended() == 1
    assert any(f"({reason}); make room there, or choose another" in running.said for reason in FULL)
    state = checkpoints.load_checkpoint(out)
    assert state is not None and state["images"] == 2
    assert_whole(rest, out, out)
    for path in (out, tmp_path / "first"):
        again = start(rest.into(path))
        assert again.ended() == 0, again.said
    assert content(out) == content(tmp_path / "first")


@pytest.mark.parametrize("kind", KINDS)
def test_a_library_that_does_not_fit_is_not_there(kind, full):
    program = f"""{FEW}
    sources.openpeople_portraits = few
    from deid.references.__main__ import main
    sys.exit(main(["--library", OUT + "/people.safetensors", "build"]))
    """
    running, out = full(Stage(program, *OPENED), kind, 65536)
    assert running.ended() == 1 and not list(out.rglob("people*"))
    assert "people.safetensors: cannot be written" in running.said and "make room there" in running.said


MEET = """
import os, pathlib, time
place = pathlib.Path(PLACE)
(place / str(os.getpid())).touch()
while len(list(place.iterdir())) < COUNT:
    time.sleep(0.002)
"""


def both(start, *programs: str) -> list[Running]:
    """Programs that begin at the same moment, when all have ended."""
    with tempfile.TemporaryDirectory() as place:
        meet = MEET.replace("PLACE", repr(place)).replace("COUNT", str(len(programs)))
        running = [start(meet + textwrap.dedent(program)) for program in programs]
        for one in running:
            one.ended()
    return running


@pytest.mark.parametrize("name", ["tool", "dataset", "training"])
def test_of_two_at_once_in_one_folder_one_is_refused(name, stages, start, undisturbed, tmp_path):
    stage, (right, _) = stages[name], undisturbed(name)
    body = textwrap.indent(textwrap.dedent(stage.program), "    ")
    program = stage.into(tmp_path / "out") if name == "tool" else SAYING.replace("BODY", body)
    program = program.replace("OUT", repr(str(tmp_path / "out")))
    codes = {one.ended(): one.said for one in both(start, program, program)}
    assert set(codes) == {0, 2 if name == "tool" else 1}, codes
    assert f"{tmp_path / 'out'}: {BUSY}" in codes[max(codes)]
    assert content(tmp_path / "out") == content(right) and not halves(tmp_path / "out")


def test_two_at_once_in_two_folders_do_not_mind(stages, start, undisturbed, tmp_path):
    stage, (right, _) = stages["tool"], undisturbed("tool")
    running = both(start, *(stage.into(tmp_path / name) for name in "ab"))
    assert [one.ended() for one in running] == [0, 0]
    assert content(tmp_path / "a") == content(tmp_path / "b") == content(right)


LIBRARY_OF_FEW = f"""
    import os
    os.environ["XDG_CACHE_HOME"] = OUT
{FEW}
    from deid.inpainting import reference
    reference.openpeople_portraits = few
"""


def test_the_users_library_is_built_once_and_the_other_waits(start, tmp_path):
    program = f"""{LIBRARY_OF_FEW}
    steps = list(reference.ReferenceMethod.prepare())
    print("waited", steps.count((0, 0)), "built", [done for done, total in steps if total])
    """
    program = textwrap.dedent(program).replace("OUT", repr(str(tmp_path)))
    said = sorted((one.said for one in both(start, program, program)), key=lambda text: "[]" in text)
    assert "waited 0 built [1, 2, 3]" in said[0], said
    assert "built []" in said[1] and "waited 0" not in said[1], said
    opened_library(tmp_path / "deid" / "references")


def test_who_waits_for_the_library_is_told_and_can_stop(start, photos, tmp_path):
    holder = f"""{LIBRARY_OF_FEW}
    import time
    from deid import locks
    from deid.references.library import default_path
    with locks.hold(locks.outside(default_path(), default_path().parent), "here"):
        print("holds")
        time.sleep(60)
    """
    waiter = f"""{LIBRARY_OF_FEW}
    from deid.__main__ import main
    sys.exit(main([{str(photos)!r}, "-o", OUT + "/out"]))
    """
    here = repr(str(tmp_path))
    holding = start(textwrap.dedent(holder).replace("OUT", here))
    until(lambda: "holds" in holding.said)
    waiting = start(textwrap.dedent(waiter).replace("OUT", here))
    until(lambda: "waiting for it" in waiting.said)
    os.kill(waiting.process.pid, signal.SIGINT)
    assert waiting.ended(20) == 130 and "nothing was written" in waiting.said
    assert waiting.said.count("waiting for it") == 1 and not (tmp_path / "out").exists()
    holding.kill()


def until(there: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.02)
