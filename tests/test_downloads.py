"""Downloads of any kind: stored where they are asked for, gone on with, checked."""

import pytest

from deid import downloads
from deid.downloads import DownloadError


def test_a_download_goes_on_where_it_stopped(server, tmp_path):
    server.serve("picture.jpg", bytes(range(256)) * 40)
    server.limit = 3000
    with pytest.raises(DownloadError, match="download failed.*run it again to go on"):
        downloads.fetch(server.address, path=tmp_path / "here.jpg")
    server.limit = None
    path = downloads.fetch(server.address, path=tmp_path / "here.jpg")
    assert path.read_bytes() == server.content and server.asked == [0, 3000]


def test_without_a_path_it_lies_in_the_cache_under_its_own_name(server, tmp_path):
    server.serve("picture.jpg", b"content")
    path = downloads.fetch(server.address)
    assert path == downloads.place(server.address) and path.name == "picture.jpg"
    assert path.is_relative_to(tmp_path / "cache" / "deid") == path.is_relative_to(downloads.cache())


def test_a_file_that_changed_since_is_refused(server):
    server.serve("picture.jpg", b"content")
    path = downloads.fetch(server.address)
    path.write_bytes(b"something else")
    with pytest.raises(DownloadError, match="delete the file and fetch it again"):
        downloads.fetch(server.address)


def test_what_is_not_there_is_said_with_its_address(server):
    with pytest.raises(DownloadError, match="nowhere.jpg: download failed"):
        downloads.fetch(server.root + "nowhere.jpg")
