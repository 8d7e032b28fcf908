"""What the tests of weights share: pickles that call something, pickled storages, and a server."""

import io
from collections.abc import Callable
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


@pytest.fixture
def server(server, golden_pickle):
    """A server of a network, and an empty cache."""
    server.serve("generator.pkl", golden_pickle.read_bytes())
    return server
