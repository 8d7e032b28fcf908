"""What the command line does with one file: it is said in one line, and an error stops no other."""

import pytest

from deid import arguments, console
from deid.anonymization import batch
from deid.anonymization.batch import Job
from deid.anonymization.options import Options

BLACK = Options(method="blackout", verify=False, detector="mtcnn")


@pytest.fixture
def given(tmp_path):
    return arguments.parse(["photo.jpg", "-o", str(tmp_path / "out")])


def test_a_photo_is_done_and_said_so_and_not_done_again(portraits, given, tmp_path, capsys):
    (photo,) = portraits(tmp_path / "in", 1)
    assert console.do_photo(Job(photo, photo.name, None), given.output, BLACK, given)
    assert f"{photo}: 1 faces: 1 blackout" in capsys.readouterr().out
    assert console.do_photo(Job(photo, photo.name, None), given.output, BLACK, given)
    assert "done by an earlier run" in capsys.readouterr().out


@pytest.mark.parametrize("do", [console.do_photo, console.do_clip])
def test_what_fails_is_said_here_and_in_the_manifest(do, given, tmp_path, capsys):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"neither a photo nor a clip")
    assert not do(Job(broken, broken.name, None), given.output, BLACK, given)
    assert f"{broken}: not written: " in capsys.readouterr().err
    record = batch.earlier_record(given.output / broken.name)
    assert record["written"] is False and str(tmp_path) not in record["error"]
