import pytest

from deid.anonymization.options import Options
from deid.app import clips, limits
from deid.app.limits import UploadError
from deid.photo.images import ImageError

BLACK = Options(method="blackout", verify=False)
pytest.importorskip("av")


def test_a_clip_becomes_a_clip_and_says_how_far_it_is(clip, tmp_path):
    *steps, last = clips.steps(clip(4), tmp_path, BLACK)
    shares = [step.share for step in steps]
    assert shares == sorted(shares) and 0 <= shares[0] < shares[-1] <= 1
    assert last.made.content == tmp_path / "walk_anonymized.mp4" and last.made.content.stat().st_size > 500
    assert last.made.summary.startswith("1 black")


@pytest.mark.parametrize(("name", "value"), [("SECONDS", 1), ("FRAMES", 10)])
def test_a_long_clip_is_refused(name, value, clip, monkeypatch):
    monkeypatch.setattr(limits, name, value)
    with pytest.raises(UploadError, match="walk.mp4: 2 seconds and about 15 frames.*cut it shorter"):
        clips.check(clip(15))


def test_what_is_no_clip_is_refused(tmp_path):
    (tmp_path / "walk.mp4").write_bytes(b"hello")
    with pytest.raises(ImageError, match=r"walk\.mp4: damaged, or no clip"):
        clips.check(tmp_path / "walk.mp4")
