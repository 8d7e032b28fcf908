"""What a cluster leaves of a folder is what one machine leaves; an object store gets the same files."""

import json
from pathlib import Path

import pytest

from deid import arguments
from deid.__main__ import main
from deid.cluster import anonymizing
from deid.cluster.anonymizing import Errand
from deid.cluster.locations import Location

BLACK = ("--method", "blackout", "--no-verify", "--detector", "mtcnn")


@pytest.fixture
def store(tmp_path, portraits) -> Location:
    """Two portraits in an object store, and a file that is none."""
    place = Location(f"memory://{tmp_path.name}/photos")
    for path in portraits(tmp_path / "photos", 2):
        place.write(f"2026/{path.name}", path.read_bytes())
    place.write("2026/broken.jpg", b"nothing")
    return place


def do(store: Location, target: str, *more: str) -> list[dict]:
    """Do all photos of the store, one after the other in this process."""
    line = [store.address, "-o", target, "--cluster", "auto", *BLACK, *more]
    jobs, errand = anonymizing.plan(arguments.options(given := arguments.parse(line)), given)
    assert isinstance(errand, Errand) and errand.arguments.cluster == "auto"
    errand.arguments.cluster = None
    return list(anonymizing.do(jobs, errand))


def test_an_object_store_gets_what_a_folder_gets(store, tmp_path):
    target = Location(f"memory://{tmp_path.name}/out")
    done = do(store, target.address)
    assert [one["written"] for one in done] == [False, True, True]
    assert done[0]["errors"].startswith(f"{store.address}/2026/broken.jpg: not written: ")
    photos = tmp_path / "photos"
    assert main([str(photos), "-o", str(tmp_path / "alone"), *BLACK]) == 0
    for name in ("portrait-00.jpg", "portrait-01.jpg"):
        assert target.read(f"2026/{name}") == (tmp_path / "alone" / name).read_bytes()
    assert len(target.names()) == 5 and not target.has("2026/broken.jpg")
    before = {name: target.read(name) for name in target.names()}
    again = do(store, target.address)
    assert ["done by an earlier run" in one["out"] for one in again] == [False, True, True]
    assert before == {name: target.read(name) for name in target.names()}
    do(store, target.address, "--keep-faceless", "--method", "blur")
    assert before["2026/portrait-00.jpg"] != target.read("2026/portrait-00.jpg")


def test_a_file_that_no_run_wrote_survives_and_a_torn_result_is_done_again(store, tmp_path):
    target = Location(f"memory://{tmp_path.name}/theirs")
    target.write("2026/portrait-00.jpg", b"theirs")
    target.write("2026/portrait-01.jpg", b"half")
    started = {"status": anonymizing.STARTED, "written": False}
    target.write("2026/portrait-01.jpg.json", json.dumps(started).encode())
    done = do(store, target.address)
    assert [one["written"] for one in done] == [False, False, True]
    assert "no earlier run wrote it" in done[1]["errors"] and target.read("2026/portrait-00.jpg") == b"theirs"
    assert target.read("2026/portrait-01.jpg") != b"half"


def test_a_machine_lost_while_it_sends_leaves_what_the_next_one_may_replace(store, tmp_path, monkeypatch):
    target, write = Location(f"memory://{tmp_path.name}/lost"), Location.write

    def lost(location: Location, name: str, content: bytes) -> None:
        write(location, name, content[:100] if name.endswith(".jpg") else content)
        if name.endswith("portrait-01.jpg"):
            raise ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Location, "write", lost)
        assert [one["written"] for one in do(store, target.address)] == [False, True, False]
    assert json.loads(target.read("2026/portrait-01.jpg.json"))["status"] == anonymizing.STARTED
    done = do(store, target.address)
    assert [one["written"] for one in done] == [False, True, True], "a torn photo is done again"
    assert not any("done by an earlier run" in one["out"] for one in done)
    assert len(target.read("2026/portrait-01.jpg")) > 100 < len(target.read("2026/portrait-00.jpg"))


@pytest.mark.parametrize(
    "line",
    [
        "s3://bucket/photos",
        "s3://bucket/photos -o out",
        "photos other -o s3://bucket/out --cluster auto",
        "photos -o s3://bucket/out --cluster auto --boxes boxes.json",
        "photos -o out --cluster auto --link",
        "photos -o out --cluster auto --preview",
    ],
)
def test_what_a_cluster_cannot_do_is_refused(line, capsys):
    with pytest.raises(SystemExit):
        main(line.split())
    assert "--cluster" in capsys.readouterr().err


def test_results_among_the_photos_are_refused(store):
    with pytest.raises(ValueError, match="lies among the photos"):
        do(store, f"{store.address}/out")


def photos_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.jpg")}


@pytest.mark.slow
def test_a_folder_on_a_cluster_loses_no_photo_with_a_node(cluster, tmp_path, portraits, capsys):
    portraits(tmp_path / "photos", 8)
    line = [str(tmp_path / "photos"), *BLACK]
    assert main([*line, "-o", str(tmp_path / "alone")]) == 0
    given = arguments.parse([*line, "-o", str(tmp_path / "out"), "--cluster", cluster.address])
    from deid.anonymization import planning

    plan = planning.plan_batch(given.inputs, given.output, None)
    jobs, lost, done = [(str(plan.output), job) for job in plan.jobs], cluster.add(), []
    for one in anonymizing.do(jobs, Errand(arguments.options(given), given)):
        done.append(one)
        if lost:
            cluster.lose(lost)
            lost = None
    assert [one["written"] for one in done] == [True] * 8
    assert photos_in(tmp_path / "out") == photos_in(tmp_path / "alone")
    assert len(list((tmp_path / "out").glob("*.json"))) == 8
    capsys.readouterr()
    assert main([*line, "-o", str(tmp_path / "out"), "--cluster", cluster.address]) == 0
    said = capsys.readouterr().out
    assert said.count("done by an earlier run") == 8 and "8 of 8 photos written" in said
