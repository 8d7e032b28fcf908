"""Names lead back to who is shown: one reference, its mirror image, or two that make a third person."""

from dataclasses import replace

import pytest

from deid.references import people
from deid.references.entries import entries_of, write_library
from deid.references.library import Library, LibraryError
from deid.references.people import Placement


def test_a_name_is_a_reference_its_mirror_image_or_a_pair(small):
    assert people.placements(small, "two people/left") == [Placement(0, False)]
    assert people.placements(small, "two people/right:mirrored") == [Placement(1, True)]
    pair = "two people/right:mirrored+two people/left"
    assert people.placements(small, pair) == [Placement(1, True), Placement(0, False)]
    for reference in small.references:
        for mirrored in (False, True):
            name = people.name_of(reference, mirrored)
            assert people.placements(small, name) == [Placement(reference.index, mirrored)]


def test_a_pair_is_a_person_of_its_own_and_credits_both(small, tmp_path):
    left, right = entries_of(small)
    other = replace(right, source="elsewhere", licence="theirs")
    library = Library.open(write_library(tmp_path / "people.safetensors", [left, other]))
    pair = "elsewhere/right+two people/left"
    assert people.identity(library, pair) == "right+left" != people.identity(library, "two people/left")
    assert people.credit(library, pair) == {
        "identity": "right+left",
        "source": "elsewhere and two people",
        "licence": "theirs and for tests",
    }


def test_a_plus_in_a_file_name_is_no_pair(small, tmp_path):
    odd = [replace(entry, name=f"{entry.name}+1", identity=entry.name) for entry in entries_of(small)]
    library = Library.open(write_library(tmp_path / "people.safetensors", odd))
    assert people.placements(library, "two people/left+1") == [Placement(0, False)]
    both = people.placements(library, "two people/left+1:mirrored+two people/right+1")
    assert both == [Placement(0, True), Placement(1, False)]


@pytest.mark.parametrize(
    "name", ["", "two people/other", "left", "two people/left+", "two people/left+two people/other"]
)
def test_who_is_not_there_is_said_with_the_library_and_the_fix(small, name):
    assert not people.knows(small, name)
    with pytest.raises(LibraryError, match="people.safetensors: holds no reference .*the manifest was made"):
        people.placements(small, name)
    with pytest.raises(LibraryError):
        people.credit(small, name)
