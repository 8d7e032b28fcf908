"""What the tests of the app share: a small portrait, a table with it, and a clip."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deid.anonymization.options import Options
from deid.app import photos
from deid.app.session import Session, Table

BLACK = Options(method="blackout", verify=False)


@pytest.fixture(scope="session")
def portrait(portraits, tmp_path_factory) -> Path:
    """A photo of 200x240 pixels with one face."""
    return portraits(tmp_path_factory.mktemp("portrait"), 1)[0]


@pytest.fixture(scope="session")
def opened(portrait) -> photos.Opened:
    """The same, read."""
    return photos.read(portrait.name, portrait.read_bytes(), BLACK)


@pytest.fixture
def table(opened) -> Table:
    return Table(opened)


@pytest.fixture
def session(opened, tmp_path) -> Session:
    """A session in which the portrait is open."""
    made = Session(tmp_path)
    made.photos.append(Table(opened))
    return made


@pytest.fixture(scope="session")
def clip(portrait, tmp_path_factory) -> Callable[[int], Path]:
    """Writes a clip of ``count`` frames in which the portrait stands still, ten frames a second."""
    av = pytest.importorskip("av")
    pixels = np.asarray(Image.open(portrait).convert("RGB"))

    def write(count: int) -> Path:
        path = tmp_path_factory.mktemp("clip") / "walk.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 200, 240, "yuv420p"
            for _ in range(count):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write
