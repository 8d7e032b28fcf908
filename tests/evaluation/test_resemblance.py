"""Whoever of a library looks like a photographed person is found, without a name."""

import json

import pytest
import torch

from deid.evaluation import resemblance
from deid.photo import images
from deid.photo.images import Photo
from deid.references.library import Library


def test_the_most_similar_person_is_found():
    library = {"a": torch.eye(4)[:2], "b": torch.eye(4)[2:3]}
    people = [torch.eye(4)[2:], torch.eye(4)[[0, 0]]]
    found = resemblance.compare(library, people)
    assert [found[name].person for name in "ab"] == [1, 0]
    assert found["a"].similarity == 0.5 and found["a"].same == 1 and found["b"].same == 0


@pytest.mark.slow
def test_a_library_of_a_person_in_the_photos_is_told(library_path, tmp_path, capsys):
    """The photos are two people's pictures of the library itself."""
    library = Library.open(library_path)
    names = ["P001-neutral", "P001-happy", "P009-neutral", "P009-happy"]
    for reference in library.references:
        if reference.name in names:
            folder = tmp_path / f"photos/{reference.identity}"
            folder.mkdir(parents=True, exist_ok=True)
            images.save(Photo(library.crop(reference.index, 256)), folder / f"{reference.name}.png")
    resemblance.main([str(library_path), str(tmp_path / "photos"), "--judge", "openface"])
    rows = {row["identity"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["P001"]["nearest"] == 0 and rows["P009"]["nearest"] == 1 and rows["P001"]["people"] == 2
    assert rows["P001"]["similarity"] > rows["P001"]["same person"] - 0.15
    assert rows["P005"]["similarity"] < rows["P005"]["same person"] - 0.15
