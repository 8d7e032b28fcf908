"""Synthetic portraits: photos that the dataset code can work on, the same for the same seed."""

import json

import pytest
import torch

from deid.data import sources, synthetic
from deid.generators import load_generator
from deid.generators.dcgan import Generator
from deid.photo import images
from deid.storage import FolderError


def test_portraits_are_photos_of_the_same_bytes_for_the_same_seed(tmp_path):
    torch.manual_seed(0)
    generator = Generator().eval()
    first = synthetic.portraits(generator, 3, tmp_path / "a", seed=5)
    again = synthetic.portraits(generator, 2, tmp_path / "b", seed=5)
    assert [path.name for path in first] == ["portrait-0000.jpg", "portrait-0001.jpg", "portrait-0002.jpg"]
    assert all(images.load(path).size == (280, 340) for path in first)
    assert [path.read_bytes() for path in first[:2]] == [path.read_bytes() for path in again]
    other = synthetic.portraits(generator, 1, tmp_path / "c", seed=6)
    assert first[0].read_bytes() != other[0].read_bytes()


def test_whoever_watches_sees_a_portrait_only_once_the_one_before_is_written(tmp_path):
    torch.manual_seed(0)
    there = []

    def watch(paths):
        for path in paths:
            there.append(len(list(tmp_path.glob("*.jpg"))))
            yield path

    synthetic.portraits(Generator().eval(), 3, tmp_path, watch=watch)
    assert there == [0, 1, 2]


def test_a_portrait_turns_its_face_about_the_photo(tmp_path):
    """A generator that draws one bright square: it arrives moved, turned and about three times as large."""

    class Square(Generator):
        def forward(self, z):
            drawn = torch.full((len(z), 3, 64, 64), -1.0)
            drawn[:, :, 22:42, 22:42] = 1
            return drawn

    for path in synthetic.portraits(Square(), 6, tmp_path):
        bright = images.load(path).pixels[0, 0] > 0
        assert 52**2 < bright.sum() < 79**2
        rows, columns = bright.nonzero().float().mean(0).tolist()
        assert abs(rows - 170) <= 46 and abs(columns - 140) <= 29


def test_identities_have_two_photos_each_in_lfws_layout(tmp_path):
    paths = synthetic.identities(load_generator("dcgan-64"), 2, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        f"synthetic-{who:04}/synthetic-{who:04}_{view:04}.jpg" for who in (0, 1) for view in (1, 2)
    ]
    assert sources.lfw(tmp_path, min_photos=2) == paths
    first, second, other, _ = (images.load(path).pixels for path in paths)
    assert not torch.equal(first, second) and (first - second).abs().mean() < (first - other).abs().mean() * 2


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(channels=8).eval()


def files(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "name", ["portrait-0000.jpg", "synthetic-0000/synthetic-0000_0001.jpg", "synthetic.json"]
)
def test_a_folder_with_foreign_files_of_our_names_is_refused_and_they_survive(tmp_path, generator, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("theirs")
    draw = synthetic.portraits if "/" not in name else synthetic.identities
    with pytest.raises(FolderError, match="but not a synthetic.json of this project; choose another folder"):
        draw(generator, 2, tmp_path)
    with pytest.raises(FolderError, match="not cleared"):
        synthetic.discard(tmp_path)
    assert files(tmp_path) == {name} and (tmp_path / name).read_text() == "theirs"


def test_a_foreign_photo_beside_our_own_is_not_written_over(tmp_path, generator):
    """The folder is ours, but the photo that the next portrait would be named like is not."""
    synthetic.portraits(generator, 1, tmp_path)
    (tmp_path / "portrait-0001.jpg").write_text("theirs")
    with pytest.raises(FolderError, match="portrait-0001.jpg: exists and is not one of our portraits"):
        synthetic.portraits(generator, 2, tmp_path)
    synthetic.discard(tmp_path)
    assert (
        files(tmp_path) == {"portrait-0001.jpg"} and (tmp_path / "portrait-0001.jpg").read_text() == "theirs"
    )


def test_our_own_portraits_are_drawn_again_and_discarded_together(tmp_path, generator):
    folder = tmp_path / "photos"
    synthetic.portraits(generator, 3, folder)
    before = (folder / "portrait-0000.jpg").read_bytes()
    synthetic.portraits(generator, 1, folder)
    synthetic.identities(generator, 1, folder)
    assert (folder / "portrait-0000.jpg").read_bytes() == before
    assert len(json.loads((folder / "synthetic.json").read_text())[synthetic.MARKER.key]) == 5
    (folder / "notes.txt").write_text("theirs")
    synthetic.discard(folder, [tmp_path / "elsewhere.jpg"])
    assert files(folder) == {"notes.txt"}


def test_a_killed_run_knows_what_it_wrote(tmp_path, generator, monkeypatch):
    """The list of our files is written before the first of them."""
    save, folder = images.save, tmp_path / "photos"
    monkeypatch.setattr(
        images, "save", lambda photo, path: 1 / 0 if "0002" in path.name else save(photo, path)
    )
    with pytest.raises(ZeroDivisionError):
        synthetic.portraits(generator, 4, folder)
    assert files(folder) == {"synthetic.json", "portrait-0000.jpg", "portrait-0001.jpg"}
    synthetic.discard(folder)
    assert not folder.exists()


def test_a_folder_that_holds_an_input_is_not_discarded(tmp_path, generator):
    (portrait,) = synthetic.portraits(generator, 1, tmp_path)
    with pytest.raises(FolderError, match="holds the input"):
        synthetic.discard(tmp_path, [portrait])
    assert portrait.exists()


def test_a_tampered_list_deletes_nothing_outside(tmp_path, generator):
    folder, victim = tmp_path / "photos", tmp_path / "victim.jpg"
    synthetic.portraits(generator, 1, folder)
    victim.write_text("theirs")
    tampered = {synthetic.MARKER.key: ["../victim.jpg", str(victim), "portrait-0000.jpg"]}
    (folder / "synthetic.json").write_text(json.dumps(tampered))
    synthetic.discard(folder)
    assert victim.read_text() == "theirs" and not folder.exists()
