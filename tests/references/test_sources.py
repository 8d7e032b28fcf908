"""Portraits: the package's sheets are cut where their pictures are; folders and tars say the same."""

import tarfile

import pytest
import torch

from deid import downloads
from deid.photo.images import ImageError
from deid.references import sources
from deid.references.library import LibraryError
from deid.references.sources import (
    SOMEONE_REAL,
    UNFIT,
    folder_portraits,
    openpeople_portraits,
    sampled_portraits,
)


def test_who_looks_like_someone_real_is_left_out():
    everyone = openpeople_portraits()
    assert everyone.total == 9 * 21 - len(UNFIT)
    assert openpeople_portraits(("P008",)).total == 20 and openpeople_portraits(("P001",)).total == 21
    (first,) = {portrait.identity for portrait in openpeople_portraits(SOMEONE_REAL)}
    assert first in SOMEONE_REAL, "whoever asks for the pictures gets them"


def test_a_person_of_openpeople_has_two_portraits_sixteen_expressions_and_three_views():
    source = openpeople_portraits(("P002",))
    found = list(source)
    assert len(found) == source.total == 21
    assert {portrait.identity for portrait in found} == {"P002"}
    labelled = [portrait.expression for portrait in found if portrait.expression]
    assert labelled == [*sources.EXPRESSIONS, *["neutral"] * 3]
    assert {"P002-front", "P002-left", "P002-right", "P002-studio_portrait"} <= {p.name for p in found}
    assert all(portrait.licence.startswith("MIT") for portrait in found)


def test_cells_have_no_white_border():
    for portrait in openpeople_portraits(("P009",)):
        if portrait.expression:
            edges = torch.cat([portrait.pixels[..., 0].flatten(), portrait.pixels[..., -1].flatten()])
            assert edges.mean() < 0.5, portrait.name


def test_a_tar_and_its_folder_hold_the_same_portraits(portrait_tar):
    archive = list(folder_portraits(portrait_tar, "set", "mine"))
    folder = list(folder_portraits(portrait_tar.parent, "set", "mine"))
    assert [portrait.name for portrait in archive] == ["left", "right", "teal"]
    for one, other in zip(archive, folder, strict=True):
        assert (one.identity, one.source, one.licence) == (other.name, "set", "mine")
        assert torch.equal(one.pixels, other.pixels)


def test_a_broken_picture_comes_as_its_error_and_stops_no_other(tmp_path, portraits):
    portraits(tmp_path, 1)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    broken, whole = folder_portraits(tmp_path, "set", "mine")
    assert isinstance(broken, ImageError) and "broken.jpg" in str(broken)
    assert whole.name == "portrait-00"


def test_what_holds_no_portraits_is_said(tmp_path):
    with pytest.raises(LibraryError, match="no such file or folder"):
        folder_portraits(tmp_path / "nowhere", "set", "mine")
    with pytest.raises(LibraryError, match="no pictures"):
        folder_portraits(tmp_path, "set", "mine")
    (tmp_path / "text.tar").write_text("no tar")
    with pytest.raises(LibraryError, match="neither a folder nor a readable tar file"):
        folder_portraits(tmp_path / "text.tar", "set", "mine")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass
    with pytest.raises(LibraryError, match="no pictures"):
        folder_portraits(tmp_path / "empty.tar", "set", "mine")


def test_the_published_set_is_downloaded_file_by_file_and_goes_on(server, monkeypatch):
    monkeypatch.setattr(sources, "FAKER_ADDRESS", server.root)
    monkeypatch.setattr(sources, "FAKER_NAMES", ("female/512/0.jpg", "male/512/0.jpg"))
    server.serve("female/512/0.jpg", b"a woman")
    with pytest.raises(downloads.DownloadError, match="male/512/0.jpg: download failed.*run it again"):
        list(sources.fetch_faker())
    server.serve("male/512/0.jpg", b"a man")
    assert list(sources.fetch_faker()) == list(sources.FAKER_NAMES)
    stored = {path.name: path.read_bytes() for path in sources.faker_folder().glob("*.jpg")}
    assert stored == {"female-0.jpg": b"a woman", "male-0.jpg": b"a man"}
    assert len(server.asked) == 2  # nothing twice
    (sources.faker_folder() / "male-0.jpg").write_bytes(b"another man")
    with pytest.raises(downloads.DownloadError, match="delete the file and fetch it again"):
        list(sources.fetch_faker())


def test_the_set_has_two_hundred_addresses_at_one_commit():
    assert len(set(sources.FAKER_NAMES)) == 200 and sources.FAKER_COMMIT in sources.FAKER_ADDRESS


def test_samples_are_one_person_for_each_seed():
    source = sampled_portraits(lambda seed: torch.full((1, 3, 4, 4), seed / 10), 3, "ffhq", "theirs")
    found = list(source)
    assert source.total == len({portrait.identity for portrait in found}) == 3
    assert found[2].pixels.mean().item() == pytest.approx(0.2)
