"""Downloads: only when asked for, gone on with, checked."""

import pytest

from deid import storage
from deid.generators import WeightsError, load_generator
from deid.generators.weights import downloads


def test_nothing_is_downloaded_unasked(server):
    for name in (server.address, "ffhq-256"):
        with pytest.raises(WeightsError, match="not downloaded yet.*weights fetch"):
            load_generator(name)
    assert server.asked == []


def test_a_download_goes_on_is_checked_and_stays(server, golden_pickle):
    server.limit = 300_000
    with pytest.raises(WeightsError, match="download failed.*run it again to go on"):
        downloads.fetch(server.address)
    with pytest.raises(WeightsError, match="not downloaded yet"):
        load_generator(server.address)  # a part is not a network
    server.limit = None
    path = downloads.fetch(server.address, storage.sha256(golden_pickle))
    assert server.asked == [0, 300_000] and path.read_bytes() == server.content
    assert downloads.fetch(server.address) == path and len(server.asked) == 2
    assert load_generator(server.address).resolution == 32
    path.write_bytes(server.content + b" ")
    with pytest.raises(WeightsError, match="sha256 is .*, expected .*; delete the file and fetch it again"):
        load_generator(server.address)


def test_a_wrong_digest_leaves_nothing(server, tmp_path):
    with pytest.raises(WeightsError, match="expected 0000; the download was thrown away"):
        downloads.fetch(server.address, "0000")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_a_download_that_is_whole_already_is_only_checked(server, golden_pickle):
    """The part was complete when the run was killed: the server has nothing left to send."""
    path = downloads.fetch(server.address)
    path.rename(path.with_name(path.name + ".part"))
    assert downloads.fetch(server.address) == path and path.read_bytes() == golden_pickle.read_bytes()


def test_an_unknown_name_is_refused_with_the_known_ones(server):
    with pytest.raises(WeightsError, match="neither a URL nor one of ffhq-256"):
        downloads.fetch("ffhq-4096")
    assert downloads.is_known("ffhq-256") and downloads.is_known("https://example.org/a.pkl")
    assert not downloads.is_known("a.pkl") and server.asked == []
