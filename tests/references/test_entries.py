"""Writing a library: nothing twice, nothing foreign overwritten, the same bytes from the same entries."""

from dataclasses import replace

import pytest
import torch

from deid.references.entries import entries_of, write_library
from deid.references.library import Library, LibraryError


def test_a_library_written_again_is_the_same_file(small, small_path, tmp_path):
    again = write_library(tmp_path / "again.safetensors", entries_of(small), small.rejected)
    assert again.read_bytes() == small_path.read_bytes()


def test_the_same_name_or_the_same_picture_is_not_added_twice(small, tmp_path):
    left, right = entries_of(small)
    same_picture = replace(left, name="copy")
    same_name = replace(right, picture=right.picture + b" ")
    write_library(tmp_path / "people.safetensors", [left, right, same_picture, same_name])
    found = Library.open(tmp_path / "people.safetensors")
    assert [reference.name for reference in found.references] == ["left", "right"]
    other_source = replace(same_name, source="elsewhere")
    write_library(tmp_path / "people.safetensors", [left, right, other_source])
    assert len(Library.open(tmp_path / "people.safetensors")) == 3


def test_a_file_that_is_no_library_survives(small, tmp_path):
    (tmp_path / "people.safetensors").write_text("mine")
    with pytest.raises(LibraryError, match="move the file away"):
        write_library(tmp_path / "people.safetensors", entries_of(small))
    assert (tmp_path / "people.safetensors").read_text() == "mine"


def test_a_library_may_be_empty(tmp_path):
    found = Library.open(write_library(tmp_path / "people.safetensors", []))
    assert len(found) == 0 and found.thumbnails.shape == (0, 3, 64, 64)


def test_a_place_that_cannot_be_written_is_said(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LibraryError, match="cannot be written.*choose another place"):
        write_library(tmp_path / "file" / "people.safetensors", entries_of(small))


def test_a_library_that_is_open_stays_readable_while_it_is_written_again(small, tmp_path):
    path = write_library(tmp_path / "people.safetensors", entries_of(small))
    open_before = Library.open(path)
    write_library(path, entries_of(small)[1:])
    assert torch.equal(open_before.crop(0, 64), small.crop(0, 64)) and len(Library.open(path)) == 1
