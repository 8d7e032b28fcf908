"""Building a library: progress, counts, merging; what is added twice is there once."""

import pytest
import torch

from deid.locks import BusyError
from deid.photo.faces import from_landmarks
from deid.references.build import build, native_side
from deid.references.library import Library, LibraryError
from deid.references.sources import folder_portraits


def test_every_portrait_yields_a_record_and_is_counted(two_people, tmp_path):
    steps = list(build(two_people, tmp_path / "people.safetensors"))
    assert [(step.done, step.total, step.name, step.reason) for step in steps] == [
        (1, 3, "left", ""),
        (2, 3, "right", ""),
        (3, 3, "teal", "no face"),
    ]
    assert steps[-1].accepted == 2 and steps[-1].rejected == {"no face": 1}
    assert steps[-1].thumbnail.shape == (1, 3, 64, 64)


def test_adding_the_same_portraits_again_changes_nothing(two_people, small_path, tmp_path):
    path = tmp_path / "people.safetensors"
    for _ in range(2):
        for _ in build(two_people, path):
            pass
        assert path.read_bytes() == small_path.read_bytes()


def test_a_library_is_built_by_one_process_at_a_time_and_once_where_that_is_asked(two_people, tmp_path):
    path = tmp_path / "people.safetensors"
    first = build(two_people, path)
    next(first)
    with pytest.raises(BusyError, match=f"^{path}: another run is at work there"):
        next(build(two_people, path, once=True))
    assert list(first) and list(build(two_people, path, once=True)) == []
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name], "the lock lies elsewhere"
    assert list(build(two_people, path))


def test_another_source_is_added_to_what_is_there(portrait_tar, two_people, tmp_path):
    path = tmp_path / "people.safetensors"
    list(build(two_people, path))
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "again.jpg").write_bytes((portrait_tar.parent / "left.jpg").read_bytes())
    steps = list(build(folder_portraits(folder, "more", "mine"), path))
    assert [step.reason for step in steps] == ["", "unreadable"] and "broken.jpg" in steps[1].name
    library = Library.open(path)
    assert len(library) == 2  # the picture was there already
    assert library.rejected == {"two people": {"no face": 1}, "more": {"unreadable": 1}}


def test_a_foreign_file_at_the_librarys_path_survives(two_people, tmp_path):
    path = tmp_path / "people.safetensors"
    path.write_text("mine")
    with pytest.raises(LibraryError, match="not a library of references"):
        list(build(two_people, path))
    assert path.read_text() == "mine"


def test_people_of_openpeople_come_with_several_pictures_each(library_path):
    library = Library.open(library_path)
    names = {reference.name for reference in library.references}
    assert {reference.identity for reference in library.references} == {"P001", "P003", "P005", "P009"}
    assert {"P001-neutral", "P003-happy", "P005-studio_portrait", "P009-front"} <= names
    assert library.rejected["openpeople"]["grimace"] >= 40
    sizes = {reference.name: reference.size for reference in library.references}
    assert sizes["P003-studio_portrait"] == 1024 and sizes["P003-neutral"] == 256


@pytest.mark.parametrize(
    ("unit", "side"), [(40, 256), (100, 256), (125, 512), (230, 512), (250, 1024), (600, 1024)]
)
def test_a_crop_has_about_as_many_pixels_as_its_picture(unit, side):
    points = torch.tensor([[0.0, 0], [1, 0], [0.5, 0.6], [0.05, 1.06], [0.95, 1.06]])
    assert native_side(from_landmarks(points * unit)) == side
