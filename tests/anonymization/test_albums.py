"""Albums: the same person becomes the same one in all photos, and without an album does not."""

import json
import shutil

import pytest
import torch
import torch.nn.functional as F

from deid.__main__ import main
from deid.anonymization import pipeline
from deid.anonymization.albums import SAME, Album
from deid.anonymization.options import Options
from deid.recognition import recognisers

pytest.importorskip("dlib")
QUICK = Options(detector="mtcnn", verify=False, link=True)


def photos(sample):
    """The sample photo, and it again: mirrored, and a little darker."""
    return sample, type(sample)((sample.pixels.flip(3) * 0.9 - 0.1).clamp(-1, 1))


def identities(result, options) -> list[str]:
    """Who is shown, from left to right."""
    credit = options.load_method().credit
    targets = sorted(result.targets, key=lambda target: target.face.box[0])
    return [credit(target.reference)["identity"] for target in targets]


def done(album, photo, options):
    *_, last = pipeline.steps(photo, options, album=album)
    return last.result


@pytest.mark.slow
def test_the_same_person_becomes_the_same_one_in_another_photo(sample):
    first, second = photos(sample)
    album = Album(QUICK)
    before = identities(done(album, first, QUICK), QUICK)
    after = identities(done(album, second, QUICK), QUICK)
    assert len(album.people) == 2, "two people in both photos"
    assert after == before[::-1] and len(set(before)) == 2, "the second photo is mirrored"
    assert [len(person.vectors) for person in album.people] == [2, 2]


def test_a_photo_never_shows_one_person_twice_and_strangers_are_new_people():
    album = Album(QUICK)
    one, other, stranger = F.normalize(torch.randn(3, 128, generator=torch.Generator().manual_seed(0)), dim=1)
    near = F.normalize(one + 0.2 * other, dim=0)
    assert near @ one > SAME
    assert album.who(torch.stack([one])) == [0]
    assert sorted(album.who(torch.stack([near, one]))) == [0, 1], "the more alike one is the old person"
    assert album.who(torch.stack([near, one])) == [1, 0]
    assert album.who(torch.stack([stranger])) == [2]


def test_what_is_black_is_no_one(sample, sample_faces):
    album = Album(QUICK)
    targets = [target.blacked_out("a test") for target in pipeline.plan_targets(sample_faces, QUICK)]
    after, numbers = album.assign(sample.pixels, targets)
    assert numbers == [-1, -1] and not album.people and after == targets
    album.remember(after, numbers)
    assert not album.people


@pytest.mark.slow
def test_from_the_command_line_all_photos_are_done_and_nothing_tells_who_is_who(
    sample_path, tmp_path, capsys
):
    (tmp_path / "in").mkdir()
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(sample_path, tmp_path / "in" / name)
    given = [
        str(tmp_path / "in"),
        "-o",
        str(tmp_path / "out"),
        "--link",
        "--no-verify",
        "--detector",
        "mtcnn",
    ]
    assert main(given) == 0 and main(given) == 0
    assert "done by an earlier run" not in capsys.readouterr().out
    records = [json.loads((tmp_path / "out" / f"{name}.jpg.json").read_text()) for name in "ab"]
    seeds = [[face["seed"] for face in record["faces"]] for record in records]
    assert seeds[0] == seeds[1] and records[0]["options"]["link"] is True


def test_without_dlib_it_is_said_what_is_missing(sample_path, tmp_path, capsys, monkeypatch):
    recognisers.load.cache_clear()

    def missing():
        raise recognisers.RecogniserError("dlib: not installed; pip install dlib-bin face-recognition-models")

    monkeypatch.setattr(recognisers, "dlib_models", missing)
    assert main([str(sample_path), "-o", str(tmp_path / "out"), "--link", "--method", "blackout"]) == 2
    assert "pip install dlib-bin" in capsys.readouterr().err
    recognisers.load.cache_clear()
