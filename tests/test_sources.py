"""Portraits of nobody: photos that the dataset code can work on, the same for the same seed."""

import torch

from deid import images, sources
from deid.generators import load_generator
from deid.generators.dcgan import Generator


def test_portraits_are_photos_of_the_same_bytes_for_the_same_seed(tmp_path):
    torch.manual_seed(0)
    generator = Generator().eval()
    first = sources.portraits(generator, 3, tmp_path / "a", seed=5)
    again = sources.portraits(generator, 2, tmp_path / "b", seed=5)
    assert [path.name for path in first] == ["portrait-0000.jpg", "portrait-0001.jpg", "portrait-0002.jpg"]
    assert all(images.load(path).size == (280, 340) for path in first)
    assert [path.read_bytes() for path in first[:2]] == [path.read_bytes() for path in again]
    other = sources.portraits(generator, 1, tmp_path / "c", seed=6)
    assert first[0].read_bytes() != other[0].read_bytes()


def test_a_portrait_turns_its_face_about_the_photo(tmp_path):
    """A generator that draws one bright square: the square arrives, moved, turned and about three times as large."""

    class Square(Generator):
        def forward(self, z):
            drawn = torch.full((len(z), 3, 64, 64), -1.0)
            drawn[:, :, 22:42, 22:42] = 1
            return drawn

    for path in sources.portraits(Square(), 6, tmp_path):
        bright = images.load(path).pixels[0, 0] > 0
        assert 52**2 < bright.sum() < 79**2
        rows, columns = bright.nonzero().float().mean(0).tolist()
        assert abs(rows - 170) <= 46 and abs(columns - 140) <= 29


def test_nobodies_have_two_photos_each_in_lfws_layout(tmp_path):
    paths = sources.nobodies(load_generator("dcgan-64"), 2, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        f"nobody-{who:04}/nobody-{who:04}_{view:04}.jpg" for who in (0, 1) for view in (1, 2)
    ]
    assert sources.lfw(tmp_path, min_photos=2) == paths
    first, second, other, _ = (images.load(path).pixels for path in paths)
    assert not torch.equal(first, second) and (first - second).abs().mean() < (first - other).abs().mean() * 2
