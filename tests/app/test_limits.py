import pytest

from deid.app import limits
from deid.app.limits import UploadError


def test_photos_or_one_clip_are_accepted():
    limits.check([(f"{k}.jpg", 1000) for k in range(limits.PHOTOS)])
    limits.check([("walk.mp4", limits.MEGABYTES * limits.MEGABYTE)])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "no file was received"),
        ([(f"{k}.jpg", 1) for k in range(limits.PHOTOS + 1)], "9 files were given, and at most 8"),
        ([("a.jpg", 1), ("b.png", 0)], "b.png: an empty file"),
        ([("a.jpg", limits.MEGABYTES * limits.MEGABYTE + 1)], "a.jpg: 50 MB, over the limit of 50 MB"),
        ([("a.jpg", 1), ("walk.MP4", 1)], "a clip is done by itself"),
    ],
)
def test_others_are_refused_with_a_sentence(files, said):
    with pytest.raises(UploadError, match=said):
        limits.check(files)
