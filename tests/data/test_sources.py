"""Published sets of photos in their own layouts."""

from pathlib import Path

import pytest

from deid.data import sources
from deid.photo import images
from deid.photo.images import ImageError


def celeba_layout(folder: Path, portraits) -> list[Path]:
    photos = portraits(folder / "img_align_celeba", 3)
    for number, photo in enumerate(photos, 1):
        photo.rename(photo.with_name(f"{number:06}.jpg"))
    lines = ["000001.jpg 0", "000002.jpg 1", "000003.jpg 2"]
    (folder / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    return images.find(folder / "img_align_celeba")


@pytest.mark.parametrize("inside", ["celeba", "."])
def test_celeba_as_published(tmp_path, portraits, inside):
    photos = celeba_layout(tmp_path / inside, portraits)
    assert sources.celeba(tmp_path) == photos
    assert [sources.celeba(tmp_path, split) for split in ("train", "valid", "test")] == [
        [photo] for photo in photos
    ]
    with pytest.raises(ValueError, match="split must be"):
        sources.celeba(tmp_path, "dev")
    (tmp_path / inside / "list_eval_partition.txt").unlink()
    with pytest.raises(ImageError, match="list_eval_partition.txt: needed for split='train'"):
        sources.celeba(tmp_path, "train")


def test_celeba_as_kaggle_packs_it(tmp_path, portraits):
    inner = portraits(tmp_path / "img_align_celeba" / "img_align_celeba", 2)
    for number, photo in enumerate(sorted(inner), 1):
        photo.rename(photo.with_name(f"{number:06}.jpg"))
    listed = "image_id,partition\n000001.jpg,0\n000002.jpg,2\n"
    (tmp_path / "list_eval_partition.csv").write_text(listed)
    assert [photo.name for photo in sources.celeba(tmp_path)] == ["000001.jpg", "000002.jpg"]
    assert [photo.name for photo in sources.celeba(tmp_path, "test")] == ["000002.jpg"]
    with pytest.raises(ImageError, match="no photo of split='valid'"):
        sources.celeba(tmp_path, "valid")
    (tmp_path / "list_eval_partition.csv").write_text(listed + "000003.jpg,0\n")
    with pytest.warns(UserWarning, match="2 photos of the 3 .* 1 are missing"):
        assert len(sources.celeba(tmp_path)) == 2


def test_an_empty_celeba_is_said(tmp_path):
    (tmp_path / "celeba" / "img_align_celeba").mkdir(parents=True)
    with pytest.raises(ImageError, match=r"img_align_celeba: no photo .* unpack"):
        sources.celeba(tmp_path)


def test_celeba_missing_says_where_to_get_it(tmp_path):
    with pytest.raises(
        ImageError, match=r"no img_align_celeba folder; pass download=True, or fetch .*\.zip by hand"
    ):
        sources.celeba(tmp_path)


def test_celeba_download_refused_says_what_to_do(tmp_path, monkeypatch):
    """The real downloader against a closed port."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(
        ImageError, match=r"(?s)could not be downloaded \(.*127\.0\.0\.1.*daily quota.*by hand"
    ):
        sources.celeba(tmp_path, download=True)


def test_lfw_as_published(tmp_path, portraits):
    for person, count in [("Ada_Lovelace", 2), ("Emmy_Noether", 1)]:
        for number, photo in enumerate(portraits(tmp_path / person, count), 1):
            photo.rename(photo.with_name(f"{person}_{number:04}.jpg"))
    (tmp_path / "README").touch()
    names = [photo.stem for photo in sources.lfw(tmp_path)]
    assert names == ["Ada_Lovelace_0001", "Ada_Lovelace_0002", "Emmy_Noether_0001"]
    assert [photo.stem for photo in sources.lfw(tmp_path, min_photos=2)] == names[:2]
    for empty in (tmp_path / "Ada_Lovelace", tmp_path / "missing"):
        with pytest.raises(ImageError, match="no LFW photos; expected folders NAME"):
            sources.lfw(empty)
