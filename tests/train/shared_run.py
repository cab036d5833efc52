"""Runs that several processes share: a few steps of every method, and one that is told to stop."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from toys import BUILDS, build, toy_batch

from holotype.train.processes import ALONE, Processes, joined
from holotype.train.settings import TrainingSettings
from holotype.train.training import Progress, train

STEPS = 4
SHARED = [name for name in BUILDS if build(name).trainable and not build(name).indivisible]


def learn(
    name: str, out: Path, processes: Processes = ALONE, *, stop_at: int | None = None
) -> None:
    """A few steps of two batches each; resumed, where they were begun."""

    def progress(done: Progress) -> None:
        if done.step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)

    train(
        build(name),
        toy_batch,
        TrainingSettings(STEPS, learning_rate=0.01, weight_decay=0.05, accumulate=2),
        out,
        config={"method": name},
        validate=lambda method: float(method.training),
        resume=(out / "run.json").exists(),
        progress=progress,
        processes=processes,
    )


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    with joined() as processes:
        for name in SHARED:
            learn(name, folder / name, processes)
        for _ in range(2):
            try:
                learn("prototypical", folder / "stopped", processes, stop_at=2)
            except KeyboardInterrupt as interrupt:
                kind = type(interrupt).__name__
                (folder / f"told-{processes.rank}").write_text(f"{kind}: {interrupt}")


if __name__ == "__main__":
    main()
