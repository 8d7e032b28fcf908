"""What is looked at, one function each. Each works where half of the packages are missing or broken."""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deid.doctor import shipped

OK, ABSENT, BROKEN = "ok", "absent", "broken"  # what is absent limits the tool, what is broken stops it
OLDEST, NEWEST = (3, 11), (3, 13)  # versions of Python that are tested
ROOM = 1e9  # bytes on the disk: a library of references, and results
# Distribution -> module.
NEEDED = {
    "torch": "torch",
    "torchvision": "torchvision",
    "facenet-pytorch": "facenet_pytorch",
    "numpy": "numpy",
    "pillow": "PIL",
    "scipy": "scipy",
    "safetensors": "safetensors",
    "matplotlib": "matplotlib",
    "imageio": "imageio",
    "tqdm": "tqdm",
    "filelock": "filelock",
    "openpeople": "openpeople",
}
# Modules -> what they are for, and what pip is to install.
OPTIONAL = {
    ("av",): ("clips", "'deid-faces[video]'"),
    ("pillow_heif",): ("HEIC photos of phones", "'deid-faces[heif]'"),
    ("dlib", "face_recognition_models"): (
        "--link, --recogniser dlib",
        "dlib-bin face-recognition-models==0.3.0",
    ),
    ("gradio",): ("deid app", "'deid-faces[app]'"),
    ("cv2",): ("--webcam", "opencv-python"),
    ("jupyterlab", "papermill", "torchmetrics"): ("the notebooks", "'deid-faces[study]'"),
    ("argcomplete",): ("completion by the shell", "'deid-faces[completion]'"),
}
CPU = "pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is (``OK``, ``ABSENT`` or ``BROKEN``), in words, and what mends it."""

    what: str
    state: str
    told: str
    fix: str = ""


def findings() -> Iterator[Finding]:
    """Everything that is looked at, in the order in which it is to be mended."""
    yield python()
    for look in (packages, extras, weights):
        yield from look()
    yield library()
    yield from places()
    yield encoder()
    yield hardware()


def python() -> Finding:
    """The version of Python, and a machine for which PyTorch is made."""
    told = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.version_info < OLDEST:
        return Finding("Python", BROKEN, told, "install Python 3.11 to 3.13 and make a new environment")
    if (platform.system(), platform.machine()) == ("Darwin", "x86_64"):
        return Finding(
            "Python", BROKEN, told, "PyTorch is not made for Intel Macs any more; use another machine"
        )
    if sys.version_info[:2] > NEWEST:
        return Finding("Python", OK, f"{told}; newer than what is tested (3.11 to 3.13)")
    return Finding("Python", OK, told)


def packages() -> Iterator[Finding]:
    """The packages that every run needs: whether they are there, and can be imported together."""
    for name, module in NEEDED.items():
        problem = _problem(module)
        fix = "" if not problem else f"pip install {name}" if name not in ("torch", "torchvision") else CPU
        yield Finding(name, BROKEN if problem else OK, problem or _version(name), fix)


def extras() -> Iterator[Finding]:
    """The packages that some options need."""
    for modules, (purpose, wanted) in OPTIONAL.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        told = f"for {purpose}" + (f"; not installed: {', '.join(missing)}" if missing else "")
        fix = f"pip install {wanted}" if missing else ""
        yield Finding(", ".join(modules), ABSENT if missing else OK, told, fix)


def weights(package: Path = shipped.PACKAGE) -> Iterator[Finding]:
    """The networks that ship: whether each is there, and the one that was packed."""
    again = "install the package again, from its wheel or checkout; in a checkout: git checkout -- deid"
    found = shipped.wrong(package)
    for name, told in found.items():
        if name in shipped.TRAINING_ONLY and told == "missing":
            fix = f"only training needs it; copy it from a checkout to {package / name}"
            yield Finding(name, ABSENT, "left out of the installed package", fix)
        else:
            yield Finding(name, BROKEN, told, again)
    fine = len(shipped.packed()) - len(found)
    yield Finding("weights", OK, f"{fine} files are those that were packed")


def library() -> Finding:
    """The library of faces that the default method shows: made at the first run."""
    build = "deid references build"
    try:
        from deid.references.library import Library, default_path

        if not default_path().exists():
            return Finding("faces to show", ABSENT, "no library yet; the first run builds it", build)
        opened = Library.open()
        people = len({reference.identity for reference in opened.references})
        return Finding("faces to show", OK, f"{len(opened)} pictures of {people} people")
    except Exception as error:  # a package that is missing, or a library that is damaged
        return Finding("faces to show", BROKEN, f"{error}", f"mend what is named above, then: {build}")


def places() -> Iterator[Finding]:
    """Where the tool writes: this folder, the cache, and the folder for temporary files."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    named = {"this folder": Path.cwd(), "the cache": cache, "temporary files": _temporary()}
    for what, folder in named.items():
        there = next((path for path in (folder, *folder.parents) if path.is_dir()), Path("/"))
        free = shutil.disk_usage(there).free
        if not os.access(there, os.W_OK):
            yield Finding(what, BROKEN, f"{there} cannot be written to", "work in a folder of yours")
        elif free < ROOM:
            yield Finding(what, ABSENT, f"{free / 1e9:.1f} GB are free in {there}", "make room for 1 GB")
        else:
            yield Finding(what, OK, f"{there}, {free / 1e9:.0f} GB free")


def encoder() -> Finding:
    """Whether clips can be written: PyAV brings its own FFmpeg, the program is not needed."""
    try:
        import av

        av.Codec("h264", "w")
        return Finding("FFmpeg in av", OK, f"av {av.__version__} writes H.264")
    except Exception as error:
        return Finding(
            "FFmpeg in av", ABSENT, f"no clips can be written ({error})", "pip install 'deid-faces[video]'"
        )


def hardware() -> Finding:
    """What computes. A processor is enough."""
    try:
        import torch

        if torch.cuda.is_available():
            return Finding("device", OK, f"cuda, {torch.cuda.get_device_name()}")
        if torch.backends.mps.is_available():
            return Finding("device", OK, "mps")
        return Finding("device", OK, f"the processor, {torch.get_num_threads()} threads; that is enough")
    except Exception as error:
        return Finding("device", BROKEN, f"PyTorch cannot be asked ({error})", CPU)


def _temporary() -> Path:
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return Path("/")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "installed"


def _problem(module: str) -> str:
    """Why a module cannot be imported; empty where it can."""
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        return "not installed" if error.name == module else f"needs {error.name}, which is missing"
    except Exception as error:  # mixed builds of PyTorch fail in many ways
        return f"cannot be imported ({error})"
    return ""
