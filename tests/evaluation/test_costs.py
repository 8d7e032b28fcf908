"""What a method costs is measured on a face of a known size, and in processes of their own."""

import pytest
import torch

from deid.evaluation import costs
from deid.photo import alignment, detection
from deid.photo.alignment import DCGAN_FRAME
from deid.photo.images import Photo


@pytest.mark.parametrize("side", [100, 300])
def test_a_close_up_shows_the_face_at_the_size_asked_for(sample, sample_faces, side):
    photo, face = costs.close_up(sample, sample_faces[0], side)
    assert alignment.scale(DCGAN_FRAME.matrix(face)) * DCGAN_FRAME.size == pytest.approx(side, rel=0.01)
    (found,) = detection.detect(photo.pixels)[0]
    assert (found.points() - face.points()).norm(dim=1).max() < 0.05 * side
    assert max(photo.size) < 2 * side


def test_an_enlarged_photo_has_the_pixels_asked_for_and_grain(sample):
    photo = costs.enlarged(sample, 3_000_000)
    width, height = photo.size
    assert width * height == pytest.approx(3_000_000, rel=0.01) and photo.format == "JPEG"
    assert photo.pixels.diff(dim=3).abs().mean() > 0.02


def test_memory_grows_along_a_line():
    assert costs.growth([1, 2, 4], [570e6, 640e6, 780e6]) == {"MB": 500, "MB a megapixel": 70}


@pytest.mark.slow
def test_a_run_of_the_command_line_tells_its_costs(tmp_path):
    told = costs.run(Photo(torch.zeros(1, 3, 64, 64)), "onepass", tmp_path / "grey.png")
    assert told["seconds"] > 0 and told["peak bytes"] > 2**26
    assert (told["faces"], told["redrawn"]) == (0, 0) and (tmp_path / "grey" / "grey.png").exists()


def test_a_face_costs_something_and_one_that_is_not_drawn_is_told(sample, sample_faces):
    photo, face = costs.close_up(sample, sample_faces[0], 100)
    assert min(costs.milliseconds(photo, face, "onepass", 1)) > 0
    with pytest.raises(ValueError, match="smaller than 16 px"):
        costs.milliseconds(*costs.close_up(sample, sample_faces[0], 12), "onepass", 1)
