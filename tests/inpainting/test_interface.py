"""What a method is told about faces with holes."""

import pytest
import torch

from deid.generators import frame_of
from deid.inpainting import METHODS, MaskedFaces, face_seeds, load_method
from deid.inpainting.settings import Search


def test_shapes_that_do_not_fit_are_refused(sampled, visible):
    for crops, holes, seeds in (
        (sampled, visible, [1]),
        (sampled[:1], visible, [1, 2]),
        (sampled[..., :32, :32], visible, [1, 2]),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            MaskedFaces(crops, holes, seeds)


def test_no_method_is_told_a_hidden_pixel(sampled, visible):
    masked = MaskedFaces(sampled, visible, [1, 2])
    assert len(masked) == 2 and (masked.crops[(visible < 0.5).expand_as(sampled)] == 0).all()
    assert torch.equal(masked.crops * visible, sampled * visible)
    assert torch.equal(masked.to("cpu").crops, masked.crops)


def test_face_seeds_are_the_same_for_a_seed_and_all_different():
    assert face_seeds(3, 4) == face_seeds(3, 4) and face_seeds(3, 2) == face_seeds(3, 4)[:2]
    assert len({*face_seeds(3, 4), *face_seeds(4, 4)}) == 8


@pytest.mark.parametrize("name", METHODS)
def test_every_method_draws_through_the_same_interface(name, crops, library_path):
    ships = bool(METHODS[name].weights)
    method = load_method(name, "" if ships else str(library_path))
    size = method.frame.size
    assert method.frame == frame_of(method.generator) or not ships
    assert list(method.prepare("" if ships else str(library_path))) == [], "nothing left to prepare"
    assert all(file.is_file() for file in method.files)
    surroundings = crops.at(size).batch([0, 1])
    around = torch.ones(2, 1, size, size)
    around[..., size // 4 : -size // 4, size // 4 : -size // 4] = 0
    landmarks = crops.at(size).landmarks[:2]
    *_, last = method.draw(MaskedFaces(surroundings, around, [1, 2], landmarks), Search(1, 2, 1))
    assert last.images.shape == (2, 3, size, size) and last.losses["contextual"].shape == (2,)
    z = method.generator.sample_z(3, torch.Generator().manual_seed(0))
    drawn = method.sample(z, surroundings)
    assert drawn.shape == (3, 3, size, size) and drawn.abs().max() <= 1
