"""What a run tells while it learns, in the formats of others.

A tracker is a function that is called after each step with a `Progress`. Whatever takes numbers by
name can be one: `lambda done: mlflow.log_metrics(done.scalars(), step=done.step)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import profiler

from holotype.extras import Extra
from holotype.train.training import Progress

TENSORBOARD = "tensorboard"
TRACE, TABLE = "profile.json", "profile.txt"
# The first steps of a run are not like the others: caches and memory are being filled.
_WAIT_STEPS, _WARM_STEPS, _RECORDED_STEPS = 1, 1, 5
_ROWS = 30


@contextmanager
def tensorboard(run: Path) -> Iterator[Callable[[Progress], None]]:
    """Write the scalars of each step for TensorBoard, into a folder of the run.

    Raises:
        MissingExtraError: tensorboardX is not installed.
    """
    needed = "events for TensorBoard are written by tensorboardX"
    with Extra("tensorboard", ("tensorboardX",), needed).required():
        from tensorboardX import SummaryWriter
    writer = None

    def log(done: Progress) -> None:
        nonlocal writer
        if writer is None:  # before, the run has no folder
            # What a killed sitting wrote beyond its last checkpoint is not shown.
            writer = SummaryWriter(
                str(run / TENSORBOARD),
                purge_step=done.step,
                filename_suffix=f".{done.step}",  # the second that it begins in is not enough
            )
        for name, value in done.scalars().items():
            writer.add_scalar(name, value, done.step)

    try:
        yield log
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def profiled(run: Path) -> Iterator[Callable[[Progress], None]]:
    """Record where the time of some steps goes.

    Leaves `profile.json` in the run, a trace for chrome://tracing or ui.perfetto.dev, and
    `profile.txt`, the operators that take longest. A run of fewer than three steps has
    nothing to show.
    """

    def write(recorded: profiler.profile) -> None:
        recorded.export_chrome_trace(str(run / TRACE))
        averages = recorded.key_averages()
        (run / TABLE).write_text(averages.table("self_cpu_time_total", row_limit=_ROWS))

    schedule = profiler.schedule(
        wait=_WAIT_STEPS, warmup=_WARM_STEPS, active=_RECORDED_STEPS, repeat=1
    )
    activities = [profiler.ProfilerActivity.CPU]
    with profiler.profile(
        activities=activities, schedule=schedule, on_trace_ready=write
    ) as recording:
        yield lambda done: recording.step()
