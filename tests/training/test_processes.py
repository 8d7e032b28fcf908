"""Two processes train as one does: the same losses, the same checkpoint. That needs accelerate."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from deid.data import dataset
from deid.training import augmentation, checkpoints, processes
from deid.training.config import STYLE
from deid.training.loop import Training
from deid.training.processes import ALONE, Alone

ROOT = Path(__file__).parents[2]


def one_of(count: int, number: int) -> Alone:
    """A process that is told how many there are, and asks nothing of the others."""
    process = Alone()
    process.count, process.number = count, number
    return process


def test_the_shares_of_all_processes_are_the_batch():
    batch = torch.arange(12).view(6, 2)
    shares = [one_of(3, number).share(batch) for number in range(3)]
    assert torch.equal(torch.cat(shares), batch)
    assert ALONE.share(batch) is batch


def test_each_process_draws_what_its_examples_would_get_in_the_whole_batch():
    batch = torch.rand(6, 3, 8, 8)

    def shift(images: torch.Tensor) -> torch.Tensor:
        return augmentation.translate(images, 3, torch.Generator().manual_seed(5))

    teams = [one_of(3, number) for number in range(3)]
    drawn = [team.drawn(shift, team.share(batch)) for team in teams]
    assert torch.equal(torch.cat(drawn), shift(batch))


def test_what_cannot_be_shared_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="a batch of 16 has no 3 equal parts; choose another --batch"):
        one_of(3, 0).check(16, "dcgan", True)
    with pytest.raises(ValueError, match="stylegan2: is trained by one process"):
        Training(STYLE, processes=one_of(2, 0))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="refining: is trained by one process"):
        processes.refuse_several("refining")


def test_without_a_launcher_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert processes.join() is ALONE


@pytest.fixture(scope="module")
def faces(portraits, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("processes")
    for _ in dataset.create(portraits(folder / "photos", 6), folder / "faces"):
        pass
    return folder / "faces"


def trained(faces: Path, run: Path, count: int, *options: str, machines: int = 1) -> list[dict]:
    """The history of a run from the command line, by ``count`` processes: three steps of eight crops.

    ``machines``: as many launchers, as each machine would have one.
    """
    command = ["deid.training", "dcgan", str(faces), "--run", str(run), *options]
    command += ["--batch", "8", "--images", "24", "--float32", "--device", "cpu"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = []
    for machine in range(machines):
        # Without --multi_gpu accelerate starts one process where there is no GPU; --device cpu still counts.
        launch = f"accelerate.commands.launch --multi_gpu --num_machines {machines} --machine_rank {machine}"
        launch += f" --num_processes {count} --main_process_ip 127.0.0.1 --main_process_port {port}"
        launch += " --mixed_precision no --dynamo_backend no -m"
        line = [sys.executable, "-m", *(launch.split() if count > 1 else []), *command]
        running.append(subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True))
    said = "".join(process.communicate(timeout=120)[0] for process in running)
    assert [process.returncode for process in running] == [0] * machines
    told = f"trained by {count} process{'es' if count > 1 else ''}\n"
    assert said.count("trained by") == 1 and told in said, "said once, by the first process"
    return checkpoints.history(run)


@pytest.mark.slow
def test_two_processes_make_the_losses_of_one(faces, tmp_path):
    if not os.environ.get("DEID_CLUSTER"):
        pytest.skip("needs accelerate, and a minute: make cluster installs it and runs this")
    one, two = trained(faces, tmp_path / "one", 1), trained(faces, tmp_path / "two", 2)
    assert [record["images"] for record in two] == [8, 16, 24]
    for expected, record in zip(one, two, strict=True):
        assert record == pytest.approx(expected, rel=1e-5)
    states = [checkpoints.load_checkpoint(tmp_path / name) for name in ("one", "two")]
    for part in ("G", "D", "average"):
        assert list(states[0][part]) == list(states[1][part])
        for name, tensor in states[0][part].items():
            torch.testing.assert_close(states[1][part][name], tensor, rtol=0, atol=1e-4, msg=f"{part} {name}")
    # Begun by two machines and stopped by time after a step, the run goes on by one process.
    assert len(trained(faces, tmp_path / "parts", 2, "--minutes", "0", machines=2)) == 1
    for expected, record in zip(one, trained(faces, tmp_path / "parts", 1), strict=True):
        assert record == pytest.approx(expected, rel=1e-5)
