"""The command line for references."""

from pathlib import Path

import pytest

from deid import locks
from deid.references import __main__ as command_line
from deid.references import sources
from deid.references.library import Library

GOLDEN = Path(__file__).parents[1] / "golden" / "generator.pkl"


@pytest.fixture
def run(tmp_path, capsys):
    """Runs a command on a library of its own -> (exit code, what it printed, its errors)."""

    def call(*arguments):
        code = command_line.main(["--library", str(tmp_path / "people.safetensors"), *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_portraits_are_added_listed_shown_and_removed(run, portrait_tar, tmp_path):
    code, out, _ = run("add", portrait_tar, "--licence", "mine", "--figure", tmp_path / "rejected.jpg")
    assert code == 0 and "2 of 3 portraits passed; rejected: 1 no face" in out
    assert (tmp_path / "rejected.jpg").read_bytes().startswith(b"\xff\xd8") and "rejected.jpg" in out
    _, out, _ = run("list")
    assert "left  person left  256 px  two-people, mine" in out and "1 no face" in out
    code, out, _ = run("show", "-o", tmp_path / "sheet.jpg")
    assert code == 0 and (tmp_path / "sheet.jpg").read_bytes().startswith(b"\xff\xd8")
    code, out, _ = run("remove", "left")
    assert code == 0 and "1 removed, 1 references left" in out
    assert [r.name for r in Library.open(tmp_path / "people.safetensors").references] == ["right"]


def test_the_published_set_is_fetched_with_its_licence(run, server, monkeypatch, portrait_tar):
    monkeypatch.setattr(sources, "FAKER_ADDRESS", server.root)
    monkeypatch.setattr(sources, "FAKER_NAMES", ("female/512/0.jpg",))
    code, _, error = run("fetch", "portraits")
    assert code == 1 and "CC0" in error and "run it again to go on" in error
    server.serve("female/512/0.jpg", (portrait_tar.parent / "left.jpg").read_bytes())
    code, out, _ = run("fetch", "portraits")
    assert code == 0 and "1 of 1 portraits passed" in out
    code, out, _ = run("list")
    assert "female-0" in out and "CC0" in out


def test_the_published_set_is_read_from_where_it_lies(run, portrait_tar):
    code, out, _ = run("fetch", "portraits", "--from", portrait_tar)
    assert code == 0 and "2 of 3 portraits passed" in out


def test_the_people_who_come_along_are_built(run, monkeypatch, tmp_path):
    one = sources.openpeople_portraits(("P003",))
    monkeypatch.setattr(sources, "openpeople_portraits", lambda: one)
    code, out, _ = run("build")
    assert code == 0 and "of 21 portraits passed" in out and "grimace" in out


def test_samples_are_drawn_from_a_stylegan2_and_nothing_else(run):
    code, out, _ = run("sample", GOLDEN, "-n", 2)
    assert code == 0 and "0 of 2 portraits passed" in out  # random weights draw no faces
    code, _, error = run("sample", "dcgan-64", "-n", 2)
    assert code == 1 and "samples need a StyleGAN2 checkpoint" in error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["list"], "no such library; run: python -m deid.references build"),
        (["show"], "no such library"),
        (["add", "nowhere"], "no such file or folder"),
        (["remove", "left"], "no such library"),
        (["sample", "nowhere.pkl"], "neither a file nor a bundled network"),
    ],
)
def test_mistakes_end_with_a_sentence(run, arguments, sentence):
    code, _, error = run(*arguments)
    assert code == 1 and error.startswith("error: ") and sentence in error and "Traceback" not in error


def test_a_library_that_another_process_changes_is_not_changed(run, portrait_tar, tmp_path):
    run("add", portrait_tar)
    path = tmp_path / "people.safetensors"
    before = path.read_bytes()
    for command in (["add", portrait_tar], ["remove", "left"]):
        with locks.hold(locks.outside(path, path.parent), path):
            code, _, error = run(*command)
        assert code == 1 and f"error: {path}: another run is at work there" in error
    assert path.read_bytes() == before


def test_unknown_names_remove_nothing(run, portrait_tar, tmp_path):
    run("add", portrait_tar)
    code, _, error = run("remove", "left", "someone-else")
    assert code == 1 and "holds no someone-else" in error
    assert len(Library.open(tmp_path / "people.safetensors")) == 2
