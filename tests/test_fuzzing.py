"""Damaged files of every kind that a person can hand over: each is read, or refused in a sentence.

No other error comes out, nothing hangs, the memory stays bounded, and nothing half done stays behind.
``make fuzz`` tries 10,000 inputs, ``make test`` a few hundred. An input is named by its kind and its number;
``DEID_FUZZ_ONLY=pictures:17 make fuzz`` repeats one alone.
"""

import contextlib
import copy
import hashlib
import io
import json
import os
import pickle
import random
import re
import shutil
import signal
import struct
import threading
import time
import traceback
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, features

from deid.__main__ import main
from deid.anonymization import options, pipeline, planning
from deid.anonymization.batch import UsageError
from deid.anonymization.options import Options
from deid.data import dataset
from deid.data.crops import FaceCrops
from deid.generators import WeightsError, dcgan, frame_of, load_discriminator, load_generator, stylegan2
from deid.generators.weights import files
from deid.photo import detection, images, metadata, opening
from deid.photo.images import ImageError
from deid.references.entries import Entry, write_library
from deid.references.library import Library, LibraryError
from deid.storage import PARTIAL, FolderError
from deid.study import parameters
from deid.training import checkpoints

pytestmark = pytest.mark.filterwarnings("ignore")

TOTAL = int(os.environ.get("DEID_FUZZ", "600"))  # inputs of all kinds together
ONLY = os.environ.get("DEID_FUZZ_ONLY", "")
SECONDS = 10  # for one input
MEMORY = 400_000_000  # bytes that one input may need at a time
ADDRESSES = 6_000_000_000  # bytes that it may ask for: more would be refused, and is found in the error
PIXELS = 2_000_000
# Inputs that were once found to be wrong. They are tried in every run.
FOUND = {
    "pictures": (19,),
    "weights": (11, 264),
    "runs": (3, 5, 7, 12, 13, 22, 78, 512, 522, 1166),
    "indexes": (23, 27, 108, 259, 312, 504, 553),
}

# ---- damage


def mutated(content: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """A few random changes, more of them near the beginning, where a file's structure is."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 1, 2, 4))):
        changed = draw.choice(MUTATIONS)(changed, place_in(changed, draw), draw, others)
    return bytes(changed)


def place_in(content: bytes, draw: random.Random) -> int:
    uniform = draw.random()
    near = int(len(content) ** uniform) - 1
    return max(0, near) if draw.random() < 0.4 else int(len(content) * uniform)


def flip(content: bytearray, at: int, draw: random.Random, _: Sequence[bytes]) -> bytearray:
    if content:
        content[at] ^= 1 << draw.randrange(8)
    return content


def overwrite(content: bytearray, at: int, draw: random.Random, _: Sequence[bytes]) -> bytearray:
    content[at : at + 1] = bytes([draw.randrange(256)])
    return content


def number(content: bytearray, at: int, draw: random.Random, _: Sequence[bytes]) -> bytearray:
    width, order = draw.choice((1, 2, 4, 8)), draw.choice(("little", "big"))
    value = draw.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63))
    content[at : at + width] = (value % 256**width).to_bytes(width, order)
    return content


def cut(content: bytearray, at: int, draw: random.Random, _: Sequence[bytes]) -> bytearray:
    if draw.random() < 0.5:
        return content[: max(at, draw.randrange(len(content) + 1))]
    return content[:at] + content[at + draw.choice((1, 2, 4, 30, 500)) :]


def insert(content: bytearray, at: int, draw: random.Random, _: Sequence[bytes]) -> bytearray:
    return content[:at] + draw.randbytes(draw.choice((1, 2, 4, 30))) + content[at:]


def double(content: bytearray, at: int, draw: random.Random, _: Sequence[bytes]) -> bytearray:
    block = content[at : at + draw.choice((1, 4, 20, 300))] * draw.choice((1, 2, 20))
    return content[:at] + block + content[at:]


def splice(content: bytearray, at: int, draw: random.Random, others: Sequence[bytes]) -> bytearray:
    other = draw.choice(others)
    return content[:at] + other[place_in(other, draw) :]


WORDS = '0 9 -1 1e999 1e-320 NaN Infinity null true {} [] {"a":1} [[1]] " , : } ] \\ \\ud800 ../../'.split()
DIGITS = (b"0", b"1", b"7", b"-2", b"3.5", b"99", b"4e7", b"", b"1000000")


def write_words(content: bytearray, at: int, draw: random.Random, _: Sequence[bytes]) -> bytearray:
    word = draw.choice((*WORDS, "9" * 400, "[" * 3000, '{"a":' * 3000)).encode()
    return content[:at] + word + content[at + draw.choice((0, 1, 3)) :]


def change_digit(content: bytearray, at: int, draw: random.Random, _: Sequence[bytes]) -> bytearray:
    """Another digit where the next one is: what is text stays readable."""
    if found := re.search(rb"\d", content[at : at + 200]):
        content[at + found.start() : at + found.end()] = draw.choice(DIGITS)
    return content


MUTATIONS = (
    *(flip, overwrite, number, cut, insert, double, splice, write_words),
    *(flip, overwrite, number, change_digit, change_digit, change_digit),
)  # fmt: skip


def damaged(content: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """A mutated file; half of those that a checksum or a length protects are damaged behind it."""
    if draw.random() < 0.3:
        return mutated(content, draw, others)
    if content.startswith(b"\x89PNG"):
        return with_checksums(mutated(content, draw, others))
    if content.startswith(b"PK"):
        return with_member(content, draw, others)
    length = int.from_bytes(content[:8], "little")
    if length < len(content) and content[8:9] == b"{":  # safetensors
        header = mutated(content[8 : 8 + length], draw, [other[8:] for other in others])
        return len(header).to_bytes(8, "little") + header + content[8 + length :]
    return mutated(content, draw, others)


def with_checksums(content: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what they hold."""
    changed, at = bytearray(content), 8
    while at + 12 <= len(changed):
        end = at + 8 + int.from_bytes(changed[at : at + 4], "big")
        changed[end : end + 4] = struct.pack(">I", zlib.crc32(changed[at + 4 : end]))
        at = end + 4
    return bytes(changed)


def with_member(content: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """A zip file, as torch writes it, with one damaged member; most often the pickle."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = list(members)
    chosen = draw.choice((names[0], draw.choice(names)))
    members[chosen] = mutated(members[chosen], draw, others)
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name), member)  # without the time of day
    return file.getvalue()


# ---- limits


class Hang(BaseException):
    """An input was not done in time. No ``except Exception`` ends it."""


@contextlib.contextmanager
def limits() -> Iterator[None]:
    """Raise what takes too long or needs too much memory, where the system can tell."""

    def ring(*_):
        raise Hang(f"not done after {SECONDS} s")

    timed = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGALRM, ring) if timed else None
    if timed:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        with bounded_memory():
            yield
    finally:
        if timed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def bounded_memory() -> Iterator[None]:
    """Addresses are limited, so that a mistake does not stop the machine; what was in use is compared."""
    status = Path("/proc/self/status")
    if not status.exists():
        yield
        return
    import resource

    def read(name: str) -> int:
        return 1024 * int(status.read_text().split(f"{name}:")[1].split()[0])

    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (read("VmSize") + ADDRESSES, hard))
    before = read("VmRSS")
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    needed = read("VmHWM") - before
    assert needed < MEMORY, f"needs {needed / 1e6:.0f} MB"


def asked_for_too_much(error: BaseException | None) -> bool:
    """Whether memory that was not there is behind an error."""
    while error is not None:
        if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def refusal(work: Callable[[], object], errors: tuple[type[Exception], ...], named: str) -> str:
    """The sentence that refuses what ``work`` does; empty where it was done. All else is a finding.

    So are words that are not ours, and words that do not have the file's name in them.
    """
    try:
        with limits():
            work()
    except Hang as error:
        raise AssertionError(str(error)) from error
    except errors as error:
        assert f"{os.sep}deid{os.sep}" in traceback.extract_tb(error.__traceback__)[-1].filename, error
        assert named in str(error), f"the message does not name the file: {error}"
        assert not asked_for_too_much(error), f"asks for too much memory: {error}"
        return str(error)
    return ""


# ---- kinds


@dataclass(frozen=True)
class Kind:
    """``seeds``: whole files by name; the name's last part is the file's. ``beside`` lies there undamaged.

    ``read`` is called with the folder and the file in it, and may raise ``errors``.
    """

    seeds: dict[str, bytes]
    read: Callable[[Path, Path], object]
    errors: tuple[type[Exception], ...]
    beside: dict[str, bytes] = field(default_factory=dict)

    def input(self, name: str, count: int) -> tuple[str, bytes]:
        """The seed's name and the content of input number ``count``; the first ones are the seeds."""
        names = list(self.seeds)
        if count < len(names):
            return names[count], self.seeds[names[count]]
        draw = random.Random(f"{name}:{count}")
        seed = draw.choice(names)
        return seed, damaged(self.seeds[seed], draw, list(self.seeds.values()))

    def run(self, name: str, count: int, base: Path) -> str:
        """Why input number ``count`` was refused; empty where it was read."""
        seed, content = self.input(name, count)
        reason = self.attempt(seed, content, base / f"{name}-{count}")
        whole = count < len(self.seeds) and "bomb" not in seed
        assert not (whole and reason), f"a seed is refused: {reason}"
        return reason

    def attempt(self, seed: str, content: bytes, folder: Path) -> str:
        """The same for the seed's file with this content."""
        try:
            for beside, whole in self.beside.items():
                write(folder / beside, whole)
            write(file := folder / seed.split("|")[-1], content)
            reason = refusal(lambda: self.read(folder, file), self.errors, str(folder))
            assert not list(folder.rglob(f"{PARTIAL}*")), "a half-written file stays"
            return reason
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def picture(width: int = 40, height: int = 30) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(0).integers(0, 30, (height, width, 3))
    pixels = np.stack([40 + 4 * x, 220 - 5 * y, 60 + x + y], -1) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, format: str, **more) -> bytes:
    image.save(buffer := io.BytesIO(), format, **more)
    return buffer.getvalue()


def pictures(_: Path) -> Kind:
    """Photos in every format that is read, and in some that are not."""
    colour, grey = picture(), picture().convert("L")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    see_through = colour.copy()
    see_through.putalpha(grey)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # without the time of day
    turned = Image.Exif()
    turned[opening.ORIENTATION], turned[0x8298], turned[0x0110] = 6, "(c) tests", "a camera"
    more = {"exif": turned, "icc_profile": profile}
    jpegs = [
        (colour, {"quality": 85}),
        (colour, {"progressive": True}),
        (grey, {}),
        (colour.convert("CMYK"), {}),
        (colour, {"subsampling": 0, "restart_marker_rows": 1, **more}),
    ]
    pngs = [(colour, {}), (deep, {}), (grey.convert("1"), {}), (see_through, more)]
    pngs += [(colour.quantize(20), {"transparency": 3}), (see_through.convert("LA"), {}), (picture(1, 1), {})]
    webps = [(colour, {}), (colour, {"lossless": True}), (see_through, more)]
    tiffs = [(colour, {"compression": name}) for name in ("raw", "tiff_lzw", "tiff_deflate", "jpeg")]
    tiffs += [(deep, more), (grey.convert("F"), {}), (colour.convert("CMYK"), {}), (grey.convert("1"), {})]
    kinds = {"JPEG": jpegs, "PNG": pngs, "WEBP": webps, "TIFF": tiffs}
    kinds |= {"MPO": [(colour, {"save_all": True, "append_images": [grey]})]}
    kinds |= {"BMP": [(colour, {}), (colour.quantize(20), {})]}
    kinds |= {"AVIF": [(colour, {}), (see_through, {})]} if features.check("avif") else {}
    seeds = {
        f"{format} {k}|photo.jpg": encoded(image, format, **more)
        for format, listed in kinds.items()
        for k, (image, more) in enumerate(listed)
    }
    return Kind(seeds, read_picture, (ImageError,))


def read_picture(_: Path, file: Path) -> None:
    photo = images.load(file, max_pixels=PIXELS, keep=list(metadata.FIELDS))
    again = images.load("again", max_pixels=PIXELS, content=images.encode(photo))
    assert again.size == photo.size and (again.format == photo.format or photo.format == "MPO")
    assert bool(photo.pixels.isfinite().all()), "levels that are no numbers"
    assert opening.size_of(file) == photo.size


BOXES = (
    {"a.png": [[10, 8, 60, 70], [2.5, 1.5, 9.0, 9.5]], "c.jpg": []},
    {"a.png": [[-20, -30.5, 50, 45]], "b/c.jpg": [[30, 20, 70, 60]]},
)


def boxes(_: Path) -> Kind:
    """Boxes by hand for two photos."""
    texts = [json.dumps(BOXES[0]).encode(), json.dumps(BOXES[1], indent=1).encode("utf-16")]
    seeds = {f"{k}|boxes.json": text for k, text in enumerate(texts)}
    photos = {"in/a.png": encoded(picture(96, 80), "PNG"), "in/b/c.jpg": encoded(picture(90, 70), "JPEG")}
    return Kind(seeds, read_boxes, (UsageError, ImageError), photos)


def read_boxes(folder: Path, file: Path) -> None:
    """Plan and do the photos; whatever a box covers is black."""
    plan = planning.plan_batch([str(folder / "in")], folder / "out", file)
    assert len(plan.jobs) == 2 and not plan.refused
    for job in plan.jobs:
        photo = images.load(job.source)
        boxes = [wish.box for wish in (job.wishes.faces or [] if job.wishes else [])]
        found = detection.from_boxes(boxes)
        result = pipeline.anonymize(photo, Options(method="blackout", verify=False), found)
        hidden, (width, height) = result.hidden[0, 0] > 0.5, photo.size
        for x1, y1, x2, y2 in boxes:
            x, y = round((x1 + x2) / 2), round((y1 + y2) / 2)
            if 0 <= x < width and 0 <= y < height:
                assert hidden[y, x], "the middle of a box is not hidden"
                assert (result.photo.pixels[0, :, y, x] == -1).all(), "the middle of a box is not black"


class MakesFolder:
    """Pickles as a call that makes a folder in the working directory."""

    def __reduce__(self):
        return os.mkdir, (EXECUTED,)


EXECUTED = "something-was-executed"


def weights(folder: Path) -> Kind:
    """Networks in each format that is read."""
    small = dcgan.Generator(8, 4)
    both = {"netG": small.state_dict(), "netD": dcgan.Discriminator(4, "batch").state_dict(), "epoch": 3}
    config = stylegan2.Config((8, 8), z_dim=8, mapping=(8, 8), clamp=256.0)
    style, facts = stylegan2.Generator(config).state_dict(), {"family": "stylegan2", "clamp": 256}
    facts |= {"mapping_rate": 0.01, "frame": "deid", "role": "generator"}
    files.write(folder / "style.safetensors", style, facts)
    files.write(folder / "small.safetensors", small.state_dict(), {"family": "dcgan"})
    torch.save(both, folder / "both.pt")
    (folder / "old.pth").write_bytes(of_2017(small.state_dict()))
    torch.save({"state_dict": style}, folder / "style.ckpt")
    torch.save({"g_ema": rosinality(), "latent_avg": torch.zeros(8)}, folder / "rosinality.pt")
    golden = Path(__file__).parent / "golden" / "generator.pkl"
    seeds = {path.name: path.read_bytes() for path in (*sorted(folder.iterdir()), golden)}
    bombs = {"bomb.pkl": pickle.dumps({"G_ema": MakesFolder()}), "bomb.pt": pickle.dumps([MakesFolder()])}
    return Kind(seeds | bombs, read_weights, (WeightsError,))


def of_2017(state: dict[str, torch.Tensor]) -> bytes:
    """A state dict in torch's first format, the same bytes each time: all in one storage, of one name."""
    numbers = torch.cat([value.float().flatten() for value in state.values()])
    parts = numbers.split([value.numel() for value in state.values()])
    views = {name: part.view(state[name].shape) for name, part in zip(state, parts, strict=True)}
    torch.save(views, file := io.BytesIO(), _use_new_zipfile_serialization=False)
    return re.sub(rb"X[\x0e\x0f]\0{3}\d{14,15}", b"X\x05\0\0\x00" + b"00000", file.getvalue())


def rosinality() -> dict[str, torch.Tensor]:
    """A generator of 4 px under the names, and in the shapes, of rosinality/stylegan2-pytorch."""
    shapes = {
        "style.1.weight": (8, 8),
        "style.1.bias": (8,),
        "input.input": (1, 8, 4, 4),
        "noises.noise_0": (1, 1, 4, 4),
    }
    shapes |= {"conv1.noise.weight": (1,), "conv1.activate.bias": (8,), "to_rgb1.bias": (1, 3, 1, 1)}
    for name, outputs, side in (("conv1", 8, 3), ("to_rgb1", 3, 1)):
        shapes |= {
            f"{name}.conv.weight": (1, outputs, 8, side, side),
            f"{name}.conv.modulation.weight": (8, 8),
        }
        shapes |= {f"{name}.conv.modulation.bias": (8,)}
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def read_weights(folder: Path, file: Path) -> None:
    with contextlib.chdir(folder):
        try:
            G = load_generator(file)
            frame_of(G)
            with torch.no_grad():
                image = G(G.sample_z(1, torch.Generator().manual_seed(0)))
            assert image.shape[:2] == (1, 3)
            with contextlib.suppress(WeightsError):
                load_discriminator(file)
        finally:
            assert not (folder / EXECUTED).exists(), "something in the file was executed"


def runs(folder: Path) -> Kind:
    """What a training run leaves."""
    recipe = {"family": "dcgan", "images": 96, "batch": 16, "channels": [8, 8], "noise": True}
    checkpoints.write_recipe(recipe, folder, recipe)
    for count in (16, 32, 48):
        checkpoints.append({"images": count, "generator": 0.5}, folder)
    network = dcgan.Generator(4, 2)
    optimizer = torch.optim.Adam(network.parameters())
    random_state = torch.Generator().get_state()
    state = {"G": network.state_dict(), "optimize_G": optimizer.state_dict(), "random": random_state}
    checkpoints.save_checkpoint(state | {"images": 48}, folder)
    names = (checkpoints.RECIPE, checkpoints.HISTORY, checkpoints.CHECKPOINT)
    found = {name: (folder / name).read_bytes() for name in names}
    return Kind(found, read_run, (ValueError, FolderError), found)


def read_run(folder: Path, _: Path) -> None:
    checkpoints.load_checkpoint(folder)
    recipe = checkpoints.read_recipe(folder)
    assert isinstance(recipe, dict)
    checkpoints.write_recipe(recipe, folder, {})
    assert all(isinstance(record, dict) for record in checkpoints.history(folder))
    checkpoints.rewind(32, folder)


def indexes(folder: Path) -> Kind:
    """A dataset of three crops."""
    face = {"box": [10.0, 8.0, 60.0, 70.0], "score": 0.99, "landmarks": [[20.0, 30.0]] * 2}
    face["landmarks"] = [[24.0, 30.0], [46.0, 31.0], [35.0, 42.0], [26.0, 54.0], [45.0, 55.0]]
    (folder / "crops").mkdir()
    records: list[dict] = []
    for k in range(3):
        picture(16, 16).save(folder / "crops" / f"{k}.jpg-0.png")
        records.append(
            {"source": f"{k}.jpg", "size": [96, 80], "faces": [face | {"crop": f"crops/{k}.jpg-0.png"}]}
        )
    records.append({"source": "3.jpg", "size": [96, 80], "faces": [face | {"dropped": "too small"}]})
    records.append({"source": "4.jpg", "faces": [], "dropped": "unreadable", "error": "4.jpg: broken"})
    (folder / dataset.INDEX).write_text("".join(json.dumps(record) + "\n" for record in records))
    (folder / dataset.SETTINGS).write_text(json.dumps(asdict(dataset.Settings(size=16)), indent=1))
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}
    seeds = {name: found[name] for name in (dataset.INDEX, dataset.SETTINGS, "crops/1.jpg-0.png")}
    return Kind(
        seeds, read_index, (ImageError, FolderError), found | {"crops/mine.txt": b"", "mine.png": b""}
    )


def read_index(folder: Path, _: Path) -> None:
    """Read a dataset, go on with it, and throw it away: no other file goes."""
    try:
        records = dataset.read_index(folder)
        dataset.summarize(records)
        crops = FaceCrops(folder)
        assert crops.landmarks.shape == (len(crops), 5, 2) and crops.bytes().shape[1:] == (3, 16, 16)
        assert all(path.is_relative_to(folder) and ".." not in path.parts for path in crops.paths)
        assert sum(1 for _ in dataset.create([], folder, dataset.Settings(size=16)))
    finally:
        with contextlib.suppress(FolderError):
            dataset.discard(folder)
        assert (folder / "mine.png").exists() and (folder / "crops" / "mine.txt").exists()


def libraries(folder: Path) -> Kind:
    """A library of two references."""
    entries = [
        Entry(
            name=f"P{k}", identity=f"P{k}", source="tests", licence="none", size=64,
            attributes={"age": 0.5, "yaw": 0.1 * k}, picture=encoded(picture(64 + k, 64 + k), "JPEG"),
            thumbnail=torch.zeros(3, 64, 64), matte=torch.zeros(1, 128, 128),
            landmarks=torch.rand(5, 2), embedding=torch.eye(128)[k],
        )
        for k in range(2)
    ]  # fmt: skip
    path = write_library(folder / "people.safetensors", entries, {"tests": {"blurred": 2}})
    return Kind({"people.safetensors": path.read_bytes()}, read_library, (LibraryError,))


def read_library(_: Path, file: Path) -> None:
    library = Library.open(file)
    assert len(library.positions) <= len(library)
    for index in range(len(library)):
        crop = library.crop(index, 64)
        assert crop.shape == (1, 3, 64, 64) and bool(crop.isfinite().all())


KINDS = {
    "pictures": (0.4, pictures), "boxes": (0.13, boxes), "weights": (0.15, weights),
    "runs": (0.05, runs), "indexes": (0.07, indexes), "libraries": (0.05, libraries),
}  # fmt: skip
PHOTOS = 0.02  # share of the runs of the command line
STRUCTURED = {"boxes": 0.04, "weights": 0.02, "runs": 0.01, "indexes": 0.02, "libraries": 0.01}
SETTINGS = 0.03


def kind_of(name: str, folder: Path) -> Kind:
    """A kind of files, the same in every run."""
    torch.manual_seed(0)
    (folder / "seeds").mkdir()
    return KINDS[name][1](folder / "seeds")


def count_of(share: float) -> int:
    return max(10, round(TOTAL * share))


def numbers(name: str, share: float) -> list[int]:
    """The inputs to try."""
    if ONLY:
        kind, _, count = ONLY.partition(":")
        return [int(count)] if kind == name and count else []
    return [*range(count_of(share)), *(k for k in FOUND.get(name, ()) if k >= count_of(share))]


def try_all(name: str, listed: Sequence[int], run: Callable[[int], str]) -> None:
    """Run the inputs of a kind, count them, and fail with all that is found: one input for each place."""
    if not listed:
        pytest.skip(f"DEID_FUZZ_ONLY is {ONLY}")
    findings: dict[str, list[str]] = {}
    refused, begin = 0, time.perf_counter()
    for count in listed:
        try:
            refused += bool(run(count))
        except (Exception, Hang) as error:  # each is told, and the others are tried
            where, told = place_of(error)
            findings.setdefault(where, []).append(f"DEID_FUZZ_ONLY={name}:{count} make fuzz: {told}")
    tell(name, len(listed), refused, begin)
    shown = [f"{where}, {len(found)} inputs\n    {found[0]}" for where, found in findings.items()]
    assert not findings, "\n".join(["", *shown])


def place_of(error: BaseException) -> tuple[str, str]:
    """Where an error comes from, the last line of ours, and what it says."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename
    ]
    ours = [frame for frame in frames if f"{os.sep}deid{os.sep}" in frame.filename] or frames
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__} at {ours[-1].filename}:{ours[-1].lineno}", first[:300]


def tell(name: str, count: int, refused: int, begin: float) -> None:
    seconds = time.perf_counter() - begin
    print(f"\n{name}: {count} inputs, {count - refused} read, {refused} refused, {seconds:.0f} s")


@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_read_or_refused_in_a_sentence(name, tmp_path):
    kind = kind_of(name, tmp_path)
    try_all(name, numbers(name, KINDS[name][0]), lambda count: kind.run(name, count, tmp_path))


# ---- structures: what is JSON, with values of other kinds in it

ODD = [10**400, -(10**30), 1e308, 5e-324, 2**63, "\ud800", "../../a", "/etc/a", "a\0b", "9" * 300]
NUMBERS = st.integers() | st.floats()
JUNK = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5) | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=6,
)


@st.composite
def changed(draw, valid: Sequence) -> object:
    """One of ``valid`` with a few of its parts replaced, left out or doubled."""
    root = [copy.deepcopy(draw(st.sampled_from(valid)))]
    for _ in range(draw(st.integers(1, 2))):
        container, key = draw(st.sampled_from(parts_of(root)[::-1]))
        how = draw(st.sampled_from(["junk", "number", "gone", "double"]))
        if how == "gone" and container is not root:
            del container[key]
        elif how == "double" and container is not root and isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
        else:
            container[key] = draw(JUNK if how == "junk" else st.integers(-100, 100) | NUMBERS)
    return root[0]


SIDE = st.tuples(*[st.floats(-300, 300) | st.integers(-300, 300) | NUMBERS] * 2).map(sorted)
BOX = st.tuples(SIDE, SIDE).map(lambda sides: [sides[0][0], sides[1][0], sides[0][1], sides[1][1]])
LISTED = st.dictionaries(
    st.sampled_from(["a.png", "b/c.jpg", "c.jpg"]), st.lists(BOX, max_size=3), max_size=2
)


def parts_of(value: list | dict) -> list[tuple]:
    """Every part of nested lists and dictionaries, as its container and its place there."""
    places = list(range(len(value))) if isinstance(value, list) else list(value)
    inner = [value[place] for place in places if isinstance(value[place], list | dict)]
    return [(value, place) for place in places] + [part for each in inner for part in parts_of(each)]


SAME_IN_EVERY_RUN = settings(
    derandomize=True,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def search(name: str, share: float, strategy: st.SearchStrategy, run: Callable[[object], str]) -> None:
    """Try inputs that hypothesis makes, the same ones in every run; it shows the smallest that is wrong."""
    if ONLY and ONLY.split(":")[0] != name:
        pytest.skip(f"DEID_FUZZ_ONLY is {ONLY}")
    tried, refused, begin = 0, 0, time.perf_counter()

    @settings(SAME_IN_EVERY_RUN, max_examples=count_of(share))
    @given(strategy)
    def each(value):
        nonlocal refused, tried
        tried += 1
        refused += bool(run(value))

    each()
    tell(name, tried, refused, begin)


def header_of(content: bytes) -> tuple[dict, bytes]:
    """The header of a safetensors file, and what follows."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_header(header: object, rest: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + rest


def with_facts(content: bytes, facts: object) -> bytes:
    header, rest = header_of(content)
    header["__metadata__"]["deid"] = json.dumps(facts)
    return with_header(header, rest)


def structures(kind: Kind) -> dict[str, tuple[st.SearchStrategy, Callable[[object], bytes]]]:
    """The name of a seed -> what to put into it, and how a file is made of that."""
    made: dict[str, tuple[st.SearchStrategy, Callable]] = {}
    for name, content in kind.seeds.items():
        if name.endswith("boxes.json"):
            made[name] = changed(BOXES) | LISTED, lambda value: json.dumps(value).encode()
        elif name.endswith(".safetensors"):
            header, rest = header_of(content)
            facts = json.loads(header["__metadata__"]["deid"])
            made[f"facts|{name}"] = (
                changed([facts]),
                lambda value, content=content: with_facts(content, value),
            )
            made[f"header|{name}"] = changed([header]), lambda value, rest=rest: with_header(value, rest)
        elif name.endswith(".jsonl"):
            records = [json.loads(line) for line in content.splitlines()]
            made[name] = changed([records]), lambda value: lines_of(value)
        elif name.endswith(".json"):
            made[name] = changed([json.loads(content)]), lambda value: json.dumps(value).encode()
    return made


def lines_of(value: object) -> bytes:
    listed = value if isinstance(value, list) else [value]
    return "".join(json.dumps(record) + "\n" for record in listed).encode()


@pytest.mark.parametrize("name", STRUCTURED)
def test_a_file_whose_parts_are_of_other_kinds_is_read_or_refused_in_a_sentence(name, tmp_path):
    kind = kind_of(name, tmp_path)
    made = structures(kind)
    inputs = st.one_of(*(st.tuples(st.just(seed), values) for seed, (values, _) in made.items()))

    def run(value: tuple) -> str:
        seed, content = value
        return kind.attempt(seed, made[seed][1](content), tmp_path / f"{name}-structured")

    search(f"{name} by structure", STRUCTURED[name], inputs, run)


# ---- settings

VALID = {
    **dict.fromkeys(("jitter", "truncation", "min_score", "threshold"), st.floats(0, 1)),
    **dict.fromkeys(("strength", "min_size", "smallest"), st.floats(0)),
    "method": st.sampled_from(options.METHODS),
    "mask": st.sampled_from(["", *options.MASKS]),
    "seed": st.integers(),
    "starts": st.integers(1, 99),
    "verify": st.booleans(),
    "keep_metadata": st.sampled_from(["", "date,author"]),
}
NAMES = [field.name for field in options.fields(Options)]
SAID = st.sampled_from([*options.METHODS, "face", "cpu", "auto", "no"]) | NUMBERS | JUNK
WRONG = st.dictionaries(st.sampled_from(NAMES), SAID, max_size=2)


def test_options_are_used_or_refused_in_a_sentence(sample_faces):
    """What is accepted can be done: a face is hidden with it."""
    photo, face = images.Photo(images.from_uint8(np.asarray(picture(96, 80)))), sample_faces[0].scaled(0.12)

    def use(given: dict) -> None:
        chosen = Options(**given)
        json.dumps(asdict(chosen))
        assert chosen.hole in options.MASKS and isinstance(chosen.network, str) and chosen.search
        method = chosen.method if chosen.method in options.CLASSICAL else "blackout"
        chosen = replace(chosen, method=method, verify=False, device="cpu")
        result = pipeline.anonymize(photo, chosen, [face])
        assert result.hidden.any() and result.photo.pixels.isfinite().all()

    strategy = st.tuples(st.fixed_dictionaries({}, optional=VALID), WRONG).map(
        lambda parts: parts[0] | parts[1]
    )
    search("options", SETTINGS, strategy, lambda given: refusal(lambda: use(given), (ValueError,), ""))


def test_the_name_of_a_case_is_read_or_refused_in_a_sentence():
    words = st.sampled_from(["original", "blur", "onepass", "=", "yes", "no", " ", "0.5", "3", *NAMES])
    strategy = st.lists(words | st.text(max_size=3), max_size=8).map("".join)
    spaced = st.lists(st.tuples(st.sampled_from(NAMES), words).map("=".join), max_size=3)
    spaced = spaced.map(lambda changes: " ".join(["blur", *changes]))

    def run(case: str) -> str:
        return refusal(lambda: options.parse(case), (ValueError,), "")

    search("cases", SETTINGS, strategy | spaced, run)


def test_parameters_of_a_notebook_are_used_or_refused_in_a_sentence():
    kinds = st.sampled_from([bool, int, float, str, list, dict, "list[str]", "int", "Path", "x y"])
    strategy = st.dictionaries(st.sampled_from("abc"), st.tuples(kinds, SAID), min_size=1)

    def run(given: dict) -> str:
        namespace = {name: value for name, (_, value) in given.items()}
        namespace["__annotations__"] = {name: kind for name, (kind, _) in given.items()}
        return refusal(lambda: parameters.check_types(namespace), (parameters.ParameterError,), "")

    search("parameters", SETTINGS, strategy, run)


# ---- the whole command line


def test_a_folder_of_damaged_photos_is_done_or_refused_in_sentences(tmp_path):
    """Inputs stay as they are; what is there is whole; what is not there has a record that says why."""
    photos = kind_of("pictures", tmp_path)

    def run(count: int) -> str:
        folder, draw = tmp_path / f"photos-{count}", random.Random(f"photos:{count}")
        for k in range(4):
            _, content = photos.input("photos", draw.randrange(draw.choice((len(photos.seeds), 10**6))))
            write(folder / "in" / f"{k}.jpg", content)
            if prod(opening.size_of(folder / "in" / f"{k}.jpg") or (0, 0)) > PIXELS:
                (folder / "in" / f"{k}.jpg").unlink()  # allowed, and slow
        text = json.dumps({"0.jpg": [[4, 3, 30, 25]], "3.jpg": [[0.5, 1, 12, 14]]}).encode()
        write(folder / "boxes.json", text if draw.random() < 0.7 else damaged(text, draw, [text]))
        given = ["--boxes", str(folder / "boxes.json")] if draw.random() < 0.6 else []
        try:
            with limits():
                return command_line(folder, given)
        finally:
            shutil.rmtree(folder)

    try_all("photos", numbers("photos", PHOTOS), run)


def command_line(folder: Path, given: list[str]) -> str:
    before = digests(folder)
    out, errors = io.StringIO(), io.StringIO()
    arguments = [str(folder / "in"), "-o", str(folder / "out"), "--method", "blackout", "--no-verify", *given]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main(arguments)
    said = out.getvalue() + errors.getvalue()
    assert code in (0, 1, 2) and "Traceback" not in said
    assert not re.search(r"not written: \w+(Error|Exception)\b", said), said
    assert before.items() <= digests(folder).items(), "an input was changed"
    assert not list(folder.rglob(f"{PARTIAL}*")), "a half-written file stays"
    results = {path for path in (folder / "out").rglob("*") if path.is_file()}
    for photo in (folder / "in").iterdir() if code < 2 else ():
        record = json.loads((folder / "out" / f"{photo.name}.json").read_text())
        result = folder / "out" / photo.name
        assert record["written"] == (result in results)
        if record["written"]:
            assert record["result_sha256"] == digests(result.parent)[result]
            assert list(images.load(result).size) == record["size"]
        results -= {result, result.with_name(f"{photo.name}.json")}
    assert not results, "files that no photo left"
    return errors.getvalue() if code else ""


def digests(folder: Path) -> dict[Path, str]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
