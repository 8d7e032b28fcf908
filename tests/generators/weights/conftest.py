"""What the tests of weights share: pickles that call something, pickled storages, and a server."""

import http.server
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from deid.generators import load_discriminator, load_generator


class Call:
    """Pickles as a call of ``function`` with ``arguments``."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.fixture(scope="session")
def call() -> type[Call]:
    return Call


@pytest.fixture(scope="session")
def storage_of() -> Callable[[torch.Tensor], bytes]:
    """The storage of a tensor as networks' pickles carry it."""

    def pickled(numbers: torch.Tensor) -> bytes:
        storage = torch.storage.TypedStorage(
            wrap_storage=numbers.untyped_storage(), dtype=numbers.dtype, _internal=True
        )
        torch.save(storage, file := io.BytesIO(), _use_new_zipfile_serialization=False)
        return file.getvalue()

    return pickled


@pytest.fixture(scope="session")
def outputs() -> Callable[[Path], list[torch.Tensor]]:
    """What the networks in a file draw for two latents, and think of it."""

    @torch.no_grad()
    def run(path: Path) -> list[torch.Tensor]:
        G, D = load_generator(path), load_discriminator(path)
        images = G(torch.randn(2, G.z_dim, generator=torch.Generator().manual_seed(0)), truncation_psi=0.8)
        return [images, D(images)]

    return run


class Server(http.server.BaseHTTPRequestHandler):
    """Serves ``content`` up to ``limit`` bytes, and honours ranges. ``asked``: where each answer began."""

    address, content, limit, asked = "", b"", None, []

    def do_GET(self):
        start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        type(self).asked.append(start)
        if start >= len(self.content):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.content) - start))
        self.end_headers()
        self.wfile.write(self.content[start : self.limit])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path, golden_pickle) -> Iterator[type[Server]]:
    """A server of a network, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Server.content, Server.limit, Server.asked = golden_pickle.read_bytes(), None, []
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        Server.address = f"http://127.0.0.1:{running.server_port}/generator.pkl"
        yield Server
        running.shutdown()
