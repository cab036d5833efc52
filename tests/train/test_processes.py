"""Two processes that share a run, as torchrun starts them, beside one that does it all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from shared_run import SHARED, STEPS, learn

from hanging import HANGS_S, wait_for
from holotype.errors import TrainingError
from holotype.train.checkpoints import read_tensors
from holotype.train.processes import ALONE, Processes, divided, joined, undivided
from holotype.train.settings import TrainingSettings
from ports import free_port
from train.toys import BUILDS, build

TWO = Processes(1, 2)
HERE = Path(__file__).parent


def two(*arguments: object) -> subprocess.Popen[str]:
    """A program in two processes that speak gloo on the loopback."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"),
        *("--master-addr=127.0.0.1", f"--master-port={free_port()}", *map(str, arguments)),
    ]
    paths = [str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "GLOO_SOCKET_IFNAME": "lo",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shared")
    process = two(HERE / "shared_run.py", folder)
    _, complained = process.communicate(timeout=HANGS_S)
    assert process.returncode == 0, complained
    return folder


def same_run(one: Path, other: Path) -> None:
    """Weights bit for bit; what buffers follow, but for the order in which numbers are added."""
    state, expected = read_tensors(one / "method.pt"), read_tensors(other / "method.pt")
    assert state.keys() == expected.keys()
    weights = dict(build(one.name if one.name in BUILDS else "prototypical").named_parameters())
    for name, value in state.items():
        if name in weights:
            assert torch.equal(value, expected[name]), name
        else:
            torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)
    losses = [json.loads((run / "history.json").read_text())["loss"] for run in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHARED)
def test_two_learn_what_one_does_with_the_batches_of_both(
    name: str, shared: Path, tmp_path: Path
) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        learn(name, tmp_path / name)
    finally:
        torch.set_num_threads(threads)
    same_run(shared / name, tmp_path / name)


@pytest.mark.slow
def test_the_first_alone_writes(shared: Path) -> None:
    found = {path.name for path in (shared / "prototypical").iterdir()}
    assert found == {"run.json", "checkpoint.pt", "history.json", "history.png", "method.pt"}
    history = json.loads((shared / "prototypical" / "history.json").read_text())
    assert history["validation"] == [[STEPS, 0.0]]


@pytest.mark.slow
def test_told_to_stop_both_finish_the_step_and_go_on(shared: Path) -> None:
    """Only the first was told."""
    for rank in range(2):
        said = (shared / f"told-{rank}").read_text()
        assert said.startswith(f"Terminated: stopped after step 3 of {STEPS}")
    same_run(shared / "stopped", shared / "prototypical")


def recipe(path: Path, folder: Path, **settings: object) -> Path:
    """A file that is the recipe of a short run."""
    lines = [
        *("threads = 1", "[config]", 'method = "prototypical"', 'recipe = "conv4"'),
        *(f"data = {json.dumps(str(folder))}", "[settings]", 'precision = "float32"'),
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.slow
def test_the_command_does_in_two_processes_what_it_does_in_one(
    folder: Path, tmp_path: Path
) -> None:
    command = ("-m", "holotype", "train", "--config")
    process = two(*command, recipe(tmp_path / "a.toml", folder, steps=3), "--out", tmp_path / "a")
    said, complained = process.communicate(timeout=HANGS_S)
    assert process.returncode == 0, complained
    assert said == f"The run is in {tmp_path / 'a'}\n"
    alone = [*command, recipe(tmp_path / "b.toml", folder, steps=3, accumulate=2), "--out"]
    subprocess.run(
        [sys.executable, *map(str, alone), str(tmp_path / "b")], check=True, capture_output=True
    )
    runs = [json.loads((tmp_path / name / "run.json").read_text()) for name in "ab"]
    assert runs[0]["settings"] == runs[1]["settings"]
    assert [run["processes"] for run in runs] == [2, 1]
    states = [read_tensors(tmp_path / name / "method.pt") for name in "ab"]
    for name, value in states[0].items():
        torch.testing.assert_close(value, states[1][name], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_the_command_refuses_once_what_two_cannot_share(folder: Path, tmp_path: Path) -> None:
    file = recipe(tmp_path / "a.toml", folder, steps=3, accumulate=1)
    process = two("-m", "holotype", "train", "--config", file, "--out", tmp_path / "run")
    _, complained = process.communicate(timeout=HANGS_S)
    assert process.returncode != 0
    assert complained.count("error: accumulate=1 batches cannot be divided among 2") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_command_told_to_stop_leaves_a_checkpoint(folder: Path, tmp_path: Path) -> None:
    file = recipe(tmp_path / "a.toml", folder, steps=100_000, checkpoint_every=1)
    run = tmp_path / "run"
    process = two("-m", "holotype", "train", "--config", file, "--out", run)
    wait_for(run / "checkpoint.pt", process)
    process.send_signal(signal.SIGTERM)
    _, complained = process.communicate(timeout=HANGS_S)
    assert process.returncode != 0
    assert complained.count("interrupted: stopped after step") == 1, complained
    assert len(read_tensors(run / "checkpoint.pt")["history"]["loss"]) > 0


def test_what_cannot_be_shared_is_refused() -> None:
    settings = TrainingSettings(STEPS, learning_rate=0.01)
    assert divided(settings, {}, ALONE) == 1
    assert divided(settings, {}, TWO) == 2
    assert divided(TrainingSettings(STEPS, 0.01, accumulate=4), {"accumulate": 4}, TWO) == 4
    with pytest.raises(TrainingError, match="accumulate=1 batches cannot be divided among 2"):
        divided(settings, {"accumulate": 1}, TWO)
    assert {name for name in BUILDS if build(name).trainable} - {*SHARED} == {"dagan"}
    undivided(build("prototypical").indivisible, TWO)
    undivided(build("dagan").indivisible, ALONE)
    with pytest.raises(TrainingError, match="2 processes cannot share a step: its two players"):
        undivided(build("dagan").indivisible, TWO)


def test_each_has_as_many_batches_as_the_others() -> None:
    numbers = range(12, 18)
    parts = [list(Processes(rank, 3).part(numbers)) for rank in range(3)]
    assert parts == [[12, 13], [14, 15], [16, 17]]


def test_alone_where_nobody_started_several() -> None:
    with joined() as processes:
        assert processes == ALONE


@pytest.mark.parametrize("name", SHARED)
def test_running_statistics_move_as_processes_take_it(name: str) -> None:
    for module in build(name).modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            assert module.momentum == pytest.approx(0.1)
