"""A run's folder: what is ours can be read, resumed and discarded, and what is not ours survives."""

import pytest
import torch

from deid.storage import FolderError
from deid.training import checkpoints

SETTINGS = {"family": "dcgan", "images": 96, "variety": 0.0}


@pytest.fixture
def run(tmp_path):
    """A folder as a run of three steps leaves it, with a file and a picture of the user's in it."""
    folder = tmp_path / "run"
    checkpoints.write_recipe(SETTINGS, folder, SETTINGS)
    for count in (16, 32, 48):
        checkpoints.append({"images": count, "generator": 0.5}, folder)
        checkpoints.save_preview(count, torch.zeros(4, 3, 8, 8), folder)
    checkpoints.save_checkpoint({"images": 32}, folder)
    (folder / "notes.txt").write_text("mine")
    (folder / checkpoints.PREVIEWS / "holiday.png").write_bytes(b"mine")
    (folder / checkpoints.PREVIEWS / "2024.png").write_bytes(b"mine")
    return folder


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_what_was_written_can_be_read(run):
    assert [record["images"] for record in checkpoints.history(run)] == [16, 32, 48]
    assert checkpoints.read_recipe(run) == SETTINGS
    assert checkpoints.load_checkpoint(run) == {"images": 32}


def test_an_empty_folder_has_no_history_no_previews_and_no_checkpoint(tmp_path):
    assert checkpoints.history(tmp_path) == checkpoints.previews(tmp_path) == []
    assert checkpoints.load_checkpoint(tmp_path) is None


def test_a_torn_line_is_no_record(run):
    path = run / checkpoints.HISTORY
    path.write_bytes(path.read_bytes()[:-5])
    assert len(checkpoints.history(run)) == 2


def test_previews_are_the_pictures_that_we_wrote(run):
    previews = checkpoints.previews(run)
    assert [count for count, _ in previews] == [16, 32, 48]
    assert previews[0][1].shape == (1, 3, 12, 42), (
        "four pictures of 8 px side by side, 2 px between and around"
    )


def test_rewinding_drops_our_records_and_previews_and_no_other_file(run):
    checkpoints.rewind(32, run)
    assert [record["images"] for record in checkpoints.history(run)] == [16, 32]
    assert [count for count, _ in checkpoints.previews(run)] == [16, 32]
    assert {"previews/holiday.png", "previews/2024.png", "notes.txt"} <= files_in(run)


def test_other_settings_are_refused(run):
    with pytest.raises(
        ValueError, match=r"recipe\.json: this run was started with .*choose another run folder"
    ):
        checkpoints.write_recipe(SETTINGS | {"images": 112}, run, SETTINGS)
    assert checkpoints.read_recipe(run) == SETTINGS


def test_a_setting_that_an_older_version_did_not_write_is_the_default(tmp_path):
    older = {name: value for name, value in SETTINGS.items() if name != "variety"}
    checkpoints.write_recipe(older, tmp_path, {})
    with pytest.raises(ValueError, match="started with"):
        checkpoints.write_recipe(SETTINGS | {"variety": 1.0}, tmp_path, {"variety": 0.0})
    checkpoints.write_recipe(SETTINGS, tmp_path, {"variety": 0.0})
    assert checkpoints.read_recipe(tmp_path) == SETTINGS


@pytest.mark.parametrize("name", ["checkpoint.pt", "history.jsonl", "recipe.json", "previews/holiday.png"])
def test_a_folder_with_foreign_files_of_our_names_is_refused(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(FolderError, match=f"{name.split('/')[0]}.*choose another folder"):
        checkpoints.write_recipe(SETTINGS, tmp_path, SETTINGS)
    assert files_in(tmp_path) == {name} and (tmp_path / name).read_text() == "mine"


def test_other_files_do_not_hinder_a_run(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    checkpoints.write_recipe(SETTINGS, tmp_path, SETTINGS)
    assert files_in(tmp_path) == {"notes.txt", "recipe.json"}


def test_discarding_a_run_leaves_foreign_files(run):
    checkpoints.discard(run)
    assert files_in(run) == {"notes.txt", "previews/holiday.png", "previews/2024.png"}


def test_discarding_a_run_leaves_no_empty_folder(run):
    for name in ("notes.txt", "previews/holiday.png", "previews/2024.png"):
        (run / name).unlink()
    checkpoints.discard(run)
    assert not run.exists()
    checkpoints.discard(run)  # a missing folder is no error


def test_a_folder_that_is_not_ours_is_not_discarded(tmp_path):
    (tmp_path / "previews").mkdir()
    for name in ("checkpoint.pt", "history.jsonl", "previews/000000016.png"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(FolderError, match=r"no recipe\.json of this project"):
        checkpoints.discard(tmp_path)
    assert files_in(tmp_path) == {"checkpoint.pt", "history.jsonl", "previews/000000016.png"}


def test_a_run_that_holds_an_input_is_not_discarded(run):
    before = files_in(run)
    with pytest.raises(FolderError, match="holds the input"):
        checkpoints.discard(run, inputs=[run / "notes.txt"])
    assert files_in(run) == before


def test_previews_behind_a_link_are_not_discarded(run, tmp_path):
    """The user moved the previews elsewhere: only files inside the run's folder are deleted."""
    (run / checkpoints.PREVIEWS).rename(tmp_path / "elsewhere")
    (run / checkpoints.PREVIEWS).symlink_to(tmp_path / "elsewhere")
    checkpoints.discard(run)
    assert "000000016.png" in files_in(tmp_path / "elsewhere")
    assert not (run / "checkpoint.pt").exists()


@pytest.mark.parametrize("name", ["recipe.json", "history.jsonl", "checkpoint.pt"])
@pytest.mark.parametrize(
    "content", [b"", b"null\n", b"[1]\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"{}{}\n"]
)
def test_a_damaged_file_of_a_run_is_refused_by_name(run, name, content):
    if name == "history.jsonl" and not content:
        pytest.skip("a run that has not begun")
    (run / name).write_bytes(content)
    read = {
        "recipe.json": checkpoints.read_recipe,
        "history.jsonl": checkpoints.history,
        "checkpoint.pt": checkpoints.load_checkpoint,
    }[name]
    with pytest.raises(checkpoints.RunError, match=f"{name}: cannot be used .*; choose another run folder"):
        read(run)


def test_a_checkpoint_of_something_else_is_refused_by_name(run):
    with (
        pytest.raises(checkpoints.RunError, match=r"checkpoint\.pt: cannot be used \('G'\)"),
        checkpoints.reading(run / checkpoints.CHECKPOINT),
    ):
        _ = checkpoints.load_checkpoint(run)["G"]
