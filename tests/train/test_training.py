from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from resumable_run import STEPS, run, tell
from torch import nn
from toys import build, toy_batch

from holotype.errors import TrainingError
from holotype.train import training
from holotype.train.batches import EpisodeBatch
from holotype.train.checkpoints import read_tensors
from holotype.train.history import History
from holotype.train.method import Method
from holotype.train.settings import TrainingSettings
from holotype.train.training import Progress, train


def settings(steps: int = 6, **changed: object) -> TrainingSettings:
    return TrainingSettings(**{"steps": steps, "learning_rate": 0.01, **changed})


@contextmanager
def running(out: Path) -> Iterator[tuple[BaseProcess, Connection]]:
    """The run in a process of its own, and the pipe that it reports through."""
    # Forked from a server that has torch loaded: loading it takes longer than the run.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo", "resumable_run"])
    reports, listener = context.Pipe()
    process = context.Process(target=tell, args=(out, listener))
    process.start()
    listener.close()
    try:
        yield process, reports
    finally:
        process.kill()
        process.join()
        process.close()
        reports.close()


def wait_for_step(reports: Connection, step: int) -> None:
    while reports.recv() < step:
        reports.send("go on")


def same_run(a: Path, b: Path) -> None:
    one, other = read_tensors(a / "method.pt"), read_tensors(b / "method.pt")
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    histories = [json.loads((path / "history.json").read_text()) for path in (a, b)]
    for history in histories:
        assert history.pop("seconds") > 0
    assert histories[0] == histories[1]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "unbroken"
    run(out)
    return out


def test_a_run_leaves_what_it_promises(unbroken: Path) -> None:
    assert {path.name for path in unbroken.iterdir()} == {
        "run.json",
        "checkpoint.pt",
        "history.json",
        "history.png",
        "method.pt",
    }
    facts = json.loads((unbroken / "run.json").read_text())
    assert facts["config"] == {"method": "prototypical"}
    assert facts["settings"]["precision"] == "bfloat16"
    assert facts["threads"] == 1
    assert facts["versions"]["torch"] == torch.__version__
    assert (unbroken / "history.png").read_bytes().startswith(b"\x89PNG")
    history = json.loads((unbroken / "history.json").read_text())
    assert len(history["loss"]) == STEPS
    assert [step for step, _ in history["validation"]] == [10, 20, 30, 40, 50, 60]


def test_killed_and_resumed_it_ends_with_the_same_bits(unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    chance = random.Random(0)
    reached = 0
    for _ in range(5):
        with running(out) as (process, reports):
            wait_for_step(reports, reached + chance.randint(1, 10))
            reports.send("go on")
            time.sleep(chance.random() * 0.02)
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            assert process.exitcode == -signal.SIGKILL
        if (out / "checkpoint.pt").exists():
            reached = History.from_json(read_tensors(out / "checkpoint.pt")["history"]).step
    assert 0 < reached < STEPS
    assert not (out / "method.pt").exists()
    run(out)
    same_run(unbroken, out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_finishes_the_step_and_says_how_to_go_on(
    unbroken: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "interrupted"
    with running(out) as (process, reports):
        wait_for_step(reports, 5)
        os.kill(process.pid, number)
        reports.send("go on")
        while isinstance(report := reports.recv(), int):
            reports.send("go on")
    kind, report = report
    assert kind == ("Terminated" if number == signal.SIGTERM else "KeyboardInterrupt")
    assert "go on with resume (on the command line --resume)" in report
    done = History.from_json(read_tensors(out / "checkpoint.pt")["history"]).step
    assert f"stopped after step {done} of {STEPS}" in report
    run(out)
    same_run(unbroken, out)


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = train(build("prototypical"), toy_batch, settings(), out)
    before = (out / "method.pt").read_bytes()
    other = build("prototypical", seed=1)
    assert train(other, toy_batch, settings(), out, resume=True).loss == first.loss
    assert (out / "method.pt").read_bytes() == before


def test_progress_counts_down(tmp_path: Path) -> None:
    seen: list[Progress] = []
    train(
        build("prototypical"),
        toy_batch,
        settings(4, validate_every=3),
        tmp_path / "run",
        validate=lambda method: 50.0 + method.training,
        progress=seen.append,
    )
    assert [entry.step for entry in seen] == [1, 2, 3, 4]
    assert [entry.validation for entry in seen] == [None, None, 50.0, 50.0]
    assert seen[-1].seconds_left == 0
    assert all(entry.seconds_left > 0 for entry in seen[:-1])


def test_slow_steps_are_saved_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that takes 15 seconds to a step."""
    now = itertools.count(0, 15)
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: float(next(now))))
    saved: list[int] = []

    def progress(done: Progress) -> None:
        state = tmp_path / "run" / "checkpoint.pt"
        saved.append(
            History.from_json(read_tensors(state)["history"]).step if state.exists() else 0
        )

    train(build("prototypical"), toy_batch, settings(8), tmp_path / "run", progress=progress)
    assert saved == [0, 2, 2, 2, 2, 6, 6, 8]


def test_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    method = build("prototypical")
    with pytest.raises(TrainingError, match="holds no training run"):
        train(method, toy_batch, settings(), out, resume=True)
    assert not out.exists()
    train(method, toy_batch, settings(), out)
    with pytest.raises(TrainingError, match=r"already holds a training run\. Continue it with"):
        train(method, toy_batch, settings(), out)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(TrainingError, match="is not empty"):
        train(method, toy_batch, settings(), tmp_path / "full")


def test_a_start_that_was_killed_may_be_redone(tmp_path: Path) -> None:
    (tmp_path / ".run.json.partial").write_text("{")
    train(build("prototypical"), toy_batch, settings(), tmp_path)
    assert (tmp_path / "method.pt").exists()


def test_a_run_is_not_resumed_as_another(tmp_path: Path) -> None:
    out = tmp_path / "run"
    method = build("prototypical")
    config = {"recipe": {"width": 8}}
    train(method, toy_batch, settings(), out, config=config)
    changed = settings(learning_rate=0.02)
    with pytest.raises(TrainingError, match=r"learning_rate=0\.01; it cannot go on with .*=0\.02"):
        train(method, toy_batch, changed, out, config=config, resume=True)
    with pytest.raises(TrainingError, match=r"recipe\.width=8; it cannot go on with .*=9"):
        train(method, toy_batch, settings(), out, config={"recipe": {"width": 9}}, resume=True)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    train(build("prototypical"), toy_batch, settings(), tmp_path / "run")
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="cannot be read"):
        train(build("prototypical"), toy_batch, settings(), tmp_path / "run", resume=True)
    checkpoint.write_bytes(whole)
    with pytest.raises(TrainingError, match="does not fit this learner"):
        train(build("prototypical-cosine"), toy_batch, settings(), tmp_path / "run", resume=True)


class Diverging(Method):
    """Its loss, or else only the gradient of its loss, is not finite from some step on."""

    def __init__(self, at: int, loss_too: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([0.25]))
        self.at, self.loss_too, self.calls = at, loss_too, 0

    def loss(self, batch: EpisodeBatch) -> torch.Tensor:
        self.calls += 1
        if self.calls < self.at:
            return self.weight.square().sum() * 0 + self.calls
        if self.loss_too:
            return self.weight.sum() * float("nan")
        return torch.sqrt(self.weight - self.weight.detach()).sum()  # 0, with slope infinity


@pytest.mark.parametrize("loss_too", [True, False])
def test_divergence_stops_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, loss_too: bool
) -> None:
    out = tmp_path / "run"
    with pytest.raises(TrainingError) as caught:
        train(Diverging(4, loss_too), toy_batch, settings(4, checkpoint_every=2), out)
    message = str(caught.value)
    if loss_too:
        assert "the loss became nan in step 4 of 4; the last finite loss was 3" in message
    else:
        assert "the weights are no longer finite" in message
    assert "learning_rate below 0.01" in message
    state = read_tensors(out / "checkpoint.pt")
    assert state["history"]["loss"] == [1.0, 2.0]
    assert state["method"]["weight"].isfinite().all()
    assert not (out / "method.pt").exists()


def test_what_cannot_be_trained_says_so(tmp_path: Path) -> None:
    class Pixels(Method):
        trainable = False

    with pytest.raises(TrainingError, match="Pixels has nothing to train"):
        train(Pixels(), toy_batch, settings(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_decay_spares_norms_biases_and_class_weights(tmp_path: Path, optimizer: str) -> None:
    class Still(Method):
        """Never any gradient: what moves is moved by decay alone."""

        undecayed = ("classifier.",)

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)
            self.norm = nn.LayerNorm(2)
            self.classifier = nn.Linear(2, 2)

        def loss(self, batch: EpisodeBatch) -> torch.Tensor:
            return torch.stack([p.sum() for p in self.parameters()]).sum() * 0

    method = Still()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    train(
        method,
        toy_batch,
        settings(3, weight_decay=0.5, optimizer=optimizer),
        tmp_path / "run",
    )
    moved = {name for name, value in method.state_dict().items() if (value != before[name]).any()}
    assert moved == {"layer.weight"}


def test_training_leaves_the_generator_of_the_caller_alone(tmp_path: Path) -> None:
    method = build("prototypical")
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train(method, toy_batch, settings(2), tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)


def first_move(method: Method, out: Path, batches: object, accumulate: int) -> torch.Tensor:
    """How far one step of plain descent moves all weights: its gradient, in one vector."""

    def weights() -> torch.Tensor:
        return torch.cat([weight.detach().flatten() for weight in method.parameters()])

    before = weights()
    plain = settings(1, optimizer="sgd", schedule="constant", accumulate=accumulate)
    train(method, batches, plain, out)
    return weights() - before


@pytest.mark.parametrize("name", ["matching", "maml", "protomaml"])
def test_several_small_batches_make_the_step_of_a_large_one(name: str, tmp_path: Path) -> None:
    """For learners whose pictures meet in no norm but that of their own task."""

    def method() -> Method:
        method = build(name)
        for part in method.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.forward = lambda x: x  # it would see a batch, and not the step
        return method

    batches = [toy_batch(number) for number in range(3)]
    whole = EpisodeBatch(
        *(
            torch.cat([getattr(batch, part) for batch in batches])
            for part in ("support", "query", "query_class", "class_id")
        )
    )
    large = first_move(method(), tmp_path / "large", lambda step: whole, 1)
    small = first_move(method(), tmp_path / "small", lambda number: batches[number], 3)
    assert large.abs().max() > 1e-5
    torch.testing.assert_close(small, large, rtol=1e-3, atol=1e-7)


def test_players_who_take_turns_do_not_accumulate(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"accumulate=2 has no meaning for DAGAN.* at 1\."):
        train(build("dagan"), toy_batch, settings(1, accumulate=2), tmp_path / "run")


def test_a_run_from_before_a_setting_came_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(build("prototypical"), toy_batch, settings(), out)
    facts = json.loads((out / "run.json").read_text())
    del facts["settings"]["accumulate"]
    (out / "run.json").write_text(json.dumps(facts))
    train(build("prototypical"), toy_batch, settings(), out, resume=True)
    with pytest.raises(TrainingError, match="accumulate=1; it cannot go on with accumulate=2"):
        train(build("prototypical"), toy_batch, settings(accumulate=2), out, resume=True)
