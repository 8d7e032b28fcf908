"""What the tests share: the sample photo, portraits cut from it, and real data beside the checkout."""

import os

# Threads that wait for others sleep instead of spinning: with other work on the same cores the suite then
# slows down by its share of the machine and not by ten. OpenMP reads this once, when torch is imported;
# notebooks' kernels inherit it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import http.server
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from deid import storage
from deid.data import dataset
from deid.data.crops import FaceCrops
from deid.photo import detection, images
from deid.photo.faces import Face
from deid.references.build import build
from deid.references.library import default_path
from deid.references.sources import openpeople_portraits

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "media" / "sample.jpg"
# The user's cache is neither read nor written, here and in processes that are started. (matplotlib
# goes on with its own: it would look through all fonts again.)
CACHE = tempfile.TemporaryDirectory(prefix="deid-tests-")
os.environ.setdefault("MPLCONFIGDIR", os.path.expanduser("~/.cache/matplotlib"))
os.environ["XDG_CACHE_HOME"] = CACHE.name
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 0)) or min(2, os.cpu_count() or 1))


@pytest.fixture(scope="session")
def sample_path() -> Path:
    return SAMPLE


@pytest.fixture(scope="session")
def sample() -> images.Photo:
    """The photo of two people that ships."""
    return images.load(SAMPLE)


@pytest.fixture(scope="session")
def sample_faces(sample) -> list[Face]:
    """Its two faces, left one first."""
    return sorted(detection.detect(sample.pixels)[0], key=lambda face: face.box[0])


@pytest.fixture(scope="session")
def portraits() -> Callable[[Path, int], list[Path]]:
    """Writes ``count`` portraits, 200x240 JPEGs cut from the sample photo, one face each, to a folder."""

    def write(folder: Path, count: int = 6) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        with Image.open(SAMPLE) as photo:
            for k in range(count):
                left, top = [(90, 6), (661, 8)][k % 2]
                cut = photo.crop((left, top, left + 430 + 5 * k, top + 516 + 6 * k)).resize((200, 240))
                cut.save(folder / f"portrait-{k:02}.jpg", quality=92)
        return images.find(folder)

    return write


@pytest.fixture(scope="session")
def crops(tmp_path_factory, portraits) -> FaceCrops:
    """Six aligned 64x64 crops."""
    folder = tmp_path_factory.mktemp("crops")
    for _ in dataset.create(portraits(folder / "photos", 6), folder / "faces"):
        pass
    return FaceCrops(folder / "faces")


@pytest.fixture(scope="session")
def library_path(tmp_path_factory) -> Path:
    """A library of references: four of the people who do not exist that come with openpeople."""
    path = tmp_path_factory.mktemp("library") / "people.safetensors"
    for _ in build(openpeople_portraits(("P001", "P003", "P005", "P009")), path):
        pass
    return path


@pytest.fixture(scope="session")
def own_library(library_path) -> Path:
    """That library where the tool looks for the user's own."""
    # Not written in place: a library is mapped, and a file that shrinks under its map ends the process.
    storage.write_atomically(default_path(), library_path.read_bytes())
    return default_path()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real faces that may not be redistributed; absent from most checkouts."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real photos are not here ({folder}); they may not be redistributed")
    return folder


@pytest.fixture(scope="session")
def mobilefacenet_onnx() -> Path:
    """A recogniser's weights that are for research only; absent from most checkouts."""
    path = ROOT.parent / "shared" / "models" / "mobilefacenet.onnx"
    if not path.is_file():
        pytest.skip(f"MobileFaceNet's weights are not here ({path}); they do not ship")
    return path


class Server(http.server.BaseHTTPRequestHandler):
    """Serves ``files`` by name, up to ``limit`` bytes of each, and honours ranges.

    ``asked``: where each answer began. ``address`` and ``content`` are those of the last file.
    """

    root, address, content = "", "", b""
    files: dict[str, bytes] = {}
    limit: int | None = None
    asked: list[int] = []

    @classmethod
    def serve(cls, name: str, content: bytes) -> None:
        cls.files[name] = cls.content = content
        cls.address = cls.root + name

    def do_GET(self):
        if (content := self.files.get(self.path.lstrip("/"))) is None:
            return self.send_error(404)
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        type(self).asked.append(start)
        if start >= len(content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : self.limit])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[type[Server]]:
    """A server without files yet, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Server.files, Server.limit, Server.asked = {}, None, []
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        Server.root = f"http://127.0.0.1:{running.server_port}/"
        yield Server
        running.shutdown()
