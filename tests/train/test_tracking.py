"""What a run tells to TensorBoard and to the profiler."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from toys import build, toy_batch

from holotype.errors import MissingExtraError
from holotype.train.settings import TrainingSettings, rates
from holotype.train.tracking import profiled, tensorboard
from holotype.train.training import Progress, train

SETTINGS = TrainingSettings(5, learning_rate=0.01, validate_every=3, checkpoint_every=2)


def run(out: Path, progress: Any = None, **options: Any) -> list[float]:
    method = build("prototypical")
    return train(
        method, toy_batch, SETTINGS, out, validate=lambda _: 7.0, progress=progress, **options
    ).loss


def events(run: Path) -> Iterator[tuple[int, str, float]]:
    """All that TensorBoard would read, in the order of writing."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    for file in sorted((run / "tensorboard").iterdir()):
        rest = file.read_bytes()
        while rest:  # length, its checksum, the event, its checksum
            (size,) = struct.unpack("<Q", rest[:8])
            event = event_pb2.Event.FromString(rest[12 : 12 + size])
            rest = rest[16 + size :]
            for value in event.summary.value:
                yield event.step, value.tag, value.simple_value


def test_scalars_are_what_is_new(tmp_path: Path) -> None:
    seen: list[Progress] = []
    losses = run(tmp_path / "run", seen.append)
    assert [done.scalars()["loss"] for done in seen] == losses
    assert [done.scalars()["learning_rate"] for done in seen] == [
        rates(SETTINGS, step)[0] for step in range(5)
    ]
    assert [done.step for done in seen if "validation" in done.scalars()] == [3, 5]
    assert seen[3].validation == 7.0


def test_tensorboard_reads_every_step_once_though_the_run_was_broken(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    out = tmp_path / "run"

    def broken(done: Progress) -> None:
        log(done)
        if done.step == 3:  # the checkpoint is of step 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), tensorboard(out) as log:
        run(out, broken)
    with tensorboard(out) as log:
        losses = run(out, log, resume=True)
    written = list(events(out))
    steps = [step for step, tag, _ in written if tag == "loss"]
    assert steps == [1, 2, 3, 3, 4, 5]  # of what comes twice TensorBoard drops the first: purge
    last = {(step, tag): value for step, tag, value in written}
    assert [last[step, "loss"] for step in range(1, 6)] == pytest.approx(losses)
    assert {step for step, tag in last if tag == "validation"} == {3, 5}


def test_without_tensorboardx_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"tensorboardX, which is not .*tensorboard\]"):
        tensorboard(tmp_path).__enter__()


def test_a_profile_shows_the_steps_and_changes_nothing(tmp_path: Path) -> None:
    plain, out = tmp_path / "plain", tmp_path / "run"
    torch.manual_seed(0)
    with profiled(out) as step:
        profiled_losses = run(out, step)
    assert profiled_losses == run(plain)
    names = {
        event.get("name") for event in json.loads((out / "profile.json").read_text())["traceEvents"]
    }
    assert {"ProfilerStep#2", "ProfilerStep#4"} <= names
    assert any("conv" in str(name) for name in names)
    assert "Self CPU" in (out / "profile.txt").read_text()
