"""Files and folders by name, or by a pattern that the shell left."""

import pytest

from deid.photo.inputs import InputError, expanded


def test_a_name_is_itself_and_a_pattern_what_it_fits(tmp_path):
    for name in ("b.jpg", "a.jpg", "[1].jpg"):
        (tmp_path / name).touch()
    assert expanded([str(tmp_path / "b.jpg")]) == [tmp_path / "b.jpg"]
    assert expanded([str(tmp_path / "?.jpg")]) == [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    assert expanded([str(tmp_path / "[1].jpg")]) == [tmp_path / "[1].jpg"], "a name comes before a pattern"
    (tmp_path / "link.jpg").symlink_to("nowhere")
    assert expanded([str(tmp_path / "link.jpg")]), "what is there and cannot be read is said later, by name"


@pytest.mark.parametrize("given", ["nowhere.jpg", "*.png"])
def test_what_stands_for_nothing_is_named(tmp_path, given):
    with pytest.raises(InputError, match="no such file or folder"):
        expanded([str(tmp_path / given)])
