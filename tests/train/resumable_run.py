"""A training run of about a second that is started, or resumed, in a process to be killed."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from toys import dead_conv, toy_batch

from holotype.train.history import History
from holotype.train.method import Method
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.objectives import CosineSoftmax
from holotype.train.runs import RUN
from holotype.train.settings import TrainingSettings
from holotype.train.training import Progress, train

STEPS = 60


def validate(method: Method) -> float:
    torch.rand(3)  # draws from the global generator, which must not matter
    with torch.no_grad():
        return float(method.loss(toy_batch(7)))


def run(out: Path, progress: Callable[[Progress], None] | None = None) -> History:
    """Start the run, or resume it where `out` holds one."""
    torch.manual_seed(5)
    method = PrototypicalNetworks(dead_conv(), CosineSoftmax(12, 8))
    settings = TrainingSettings(
        STEPS,
        learning_rate=0.01,
        weight_decay=0.05,
        precision="bfloat16",
        validate_every=10,
        checkpoint_every=3,
    )
    resume = (out / RUN).exists()
    config = {"method": "prototypical"}
    return train(
        method,
        toy_batch,
        settings,
        out,
        config=config,
        validate=validate,
        resume=resume,
        progress=progress,
    )


def tell(out: Path, listener: Connection) -> None:
    """Run, sending the number of each step, and at the end how it ended.

    The next step waits for a word of the listener: he is never late, however busy the machine.
    """
    torch.set_num_threads(1)

    def report(progress: Progress) -> None:
        listener.send(progress.step)
        listener.recv()

    try:
        run(out, report)
        listener.send("finished")
    except KeyboardInterrupt as interrupt:
        listener.send((type(interrupt).__name__, str(interrupt)))
