"""Faces from a library: never a hidden pixel, each person once, the photo's light, and repeatable by name."""

from dataclasses import replace

import pytest
import torch

from deid.inpainting.interface import MaskedFaces
from deid.inpainting.reference import ReferenceMethod
from deid.photo.faces import from_landmarks
from deid.references.entries import write_library
from deid.references.library import LibraryError


@pytest.fixture(scope="module")
def method(library_path):
    return ReferenceMethod(library_path)


def drawn(method, faces):
    (step,) = method.draw(faces)
    return step


def test_hidden_pixels_never_matter(method, large_masked, crops):
    whole = crops.at(256).batch([0, 1])
    noise = torch.where(large_masked.visible > 0.5, whole, torch.rand_like(whole) * 2 - 1)
    other = replace(large_masked, crops=noise)
    assert torch.equal(drawn(method, large_masked).images, drawn(method, other).images)


def test_two_faces_are_two_people_and_seeds_differ(method, large_masked):
    first = drawn(method, large_masked)
    people = [name.removesuffix(":mirrored") for name in first.references]
    assert len(set(people)) == 2
    chosen = {
        drawn(method, replace(large_masked, seeds=[seed, seed + 1])).references[0] for seed in range(12)
    }
    assert len(chosen) > 1


def test_without_fitting_the_seed_alone_says_who_is_shown(method, large_masked):
    lots = replace(large_masked, fitting=False)
    turned = replace(lots, crops=-lots.crops)  # another light, another kind of person
    assert drawn(method, turned).references == drawn(method, lots).references
    assert drawn(method, replace(lots, seeds=[5, 6])).references != drawn(method, lots).references


def test_a_named_reference_is_shown_whatever_the_seed(method, large_masked):
    first = drawn(method, large_masked)
    again = drawn(method, replace(large_masked, seeds=[98, 99], references=first.references))
    assert again.references == first.references and torch.equal(again.images, first.images)


def test_a_face_is_drawn_the_same_alone_and_in_a_batch(method, large_masked):
    together = drawn(method, large_masked)
    for k in range(2):
        alone = MaskedFaces(
            large_masked.crops[k : k + 1],
            large_masked.visible[k : k + 1],
            large_masked.seeds[k : k + 1],
            large_masked.landmarks[k : k + 1],
            references=together.references[k : k + 1],
        )
        assert (drawn(method, alone).images - together.images[k : k + 1]).abs().max() < 0.01


def test_frames_grow_with_the_face(method):
    points = method.frame.points()
    sizes = [method.frame_for(from_landmarks(points * scale)).size for scale in (0.2, 1.0, 1.9, 3.5, 9.0)]
    assert sizes == [256, 256, 512, 1024, 1024]


def test_the_visible_part_decides_tone_and_light(method, large_masked):
    """The same reference in a darker photo is darker."""
    first = drawn(method, large_masked)
    dark = drawn(
        method,
        replace(large_masked, crops=(large_masked.crops - 0.5).clamp(-1, 1), references=first.references),
    )
    hole = (large_masked.visible < 0.5).expand_as(first.images)
    assert dark.images[hole].mean() < first.images[hole].mean() - 0.1


def test_its_files_are_the_library_and_the_networks_that_guess_and_join(method, library_path):
    names = [path.name for path in method.files]
    assert names == ["onepass-128.safetensors", "refining.safetensors", "people.safetensors"]
    assert method.files[2] == library_path and method.family == "reference"


def test_an_empty_library_and_a_file_that_is_none_are_refused_with_the_fix(tmp_path):
    write_library(tmp_path / "empty.safetensors", [])
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(
        LibraryError, match="empty.safetensors: holds no reference; run: python -m deid.references"
    ):
        ReferenceMethod(tmp_path / "empty.safetensors")
    with pytest.raises(LibraryError, match="text.safetensors: not a library of references"):
        ReferenceMethod(tmp_path / "text.safetensors")
    with pytest.raises(LibraryError, match="missing.safetensors: no such library"):
        ReferenceMethod(tmp_path / "missing.safetensors")


def test_where_nobody_is_left_two_people_make_a_third_and_are_repeated_by_name(method, large_masked):
    """With other seeds and noise under the mask; alone as in a batch."""
    people = sorted({reference.identity for reference in method.library.references})
    shown = [
        next(name for name in method.library.positions if name.startswith(f"openpeople/{person}"))
        for person in people
    ]
    first = drawn(method, replace(large_masked, avoid=shown))
    assert all("+" in name for name in first.references) and len(set(first.references)) == 2
    noise = torch.where(
        large_masked.visible > 0.5, large_masked.crops, torch.rand_like(large_masked.crops) * 2 - 1
    )
    again = drawn(method, replace(large_masked, crops=noise, seeds=[98, 99], references=first.references))
    assert again.references == first.references and torch.equal(again.images, first.images)
    alone = MaskedFaces(
        large_masked.crops[1:],
        large_masked.visible[1:],
        [7],
        large_masked.landmarks[1:],
        references=first.references[1:],
    )
    assert (drawn(method, alone).images - first.images[1:]).abs().max() < 0.01
    for name in first.references:
        assert method.credit(name)["identity"].split("+") != method.credit(name.split("+")[0])["identity"]


def test_a_person_who_is_not_in_the_library_is_said_with_the_fix(method, large_masked):
    """As a manifest names one that was made with another library."""
    elsewhere = replace(large_masked, references=["portraits/male-7", "openpeople/P001-neutral"])
    with pytest.raises(LibraryError, match="people.safetensors: holds no reference 'portraits/male-7'; draw"):
        drawn(method, elsewhere)
