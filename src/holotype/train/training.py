"""One training loop for every learner.

All randomness is a function of the seed and the step, and a checkpoint is a file that is there
whole or not at all. So a run that is killed and resumed, however often, ends with the same
weights, bit for bit, as one that was left alone (same machine, same number of threads; a GPU adds
in an order of its own, and its runs agree in quality only).
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch.optim import Optimizer

from holotype.errors import Terminated, TrainingError
from holotype.train import runs
from holotype.train.checkpoints import CHECKPOINT, WEIGHTS, read_tensors, write_tensors
from holotype.train.device import computing_on, forward_in, moved
from holotype.train.forecast import Forecast, Remaining
from holotype.train.history import History
from holotype.train.learner import Batch, Learner
from holotype.train.optimizer import optimizer_for, set_rates
from holotype.train.processes import ALONE, Processes
from holotype.train.settings import TrainingSettings, rates, step_seed

# By the clock as well as by steps, of which a slow machine does few.
_FIRST_CHECKPOINT_SECONDS, _CHECKPOINT_SECONDS = 20.0, 60.0
# What may be asked for while it trains; of several processes the last of these that one was asked.
_STOPS: tuple[type[KeyboardInterrupt] | None, ...] = (None, KeyboardInterrupt, Terminated)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands, after a step."""

    step: int  # steps done
    steps: int
    loss: float  # of this step
    seconds_left: float  # estimate
    validation: float | None  # the latest
    learning_rate: float  # of this step
    validated: bool  # whether the validation is of this step

    def scalars(self) -> dict[str, float]:
        """What is new in this step, by name: for whatever draws curves."""
        new = {"loss": self.loss, "learning_rate": self.learning_rate}
        if self.validated and self.validation is not None:
            new["validation"] = self.validation
        return new


def train(
    learner: Learner[Batch],
    batches: Callable[[int], Batch],
    settings: TrainingSettings,
    out: Path,
    *,
    config: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
    validate: Callable[[Any], float] | None = None,
    resume: bool = False,
    forecast: Forecast | None = None,
    progress: Callable[[Progress], None] | None = None,
    processes: Processes = ALONE,
) -> History:
    """Train a learner and leave the run in a folder.

    The folder holds `run.json` (configuration and circumstances), `checkpoint.pt`,
    `history.json`, `history.png` and, at the end, `method.pt` (the state of the learner).

    Args:
        learner: initialized from the seed by the caller; trained in place, on the device where it
            is.
        batches: 0..steps*accumulate-1 -> batch; must depend on nothing but this number.
        settings: see `TrainingSettings`.
        out: the folder of the run; must be new, or hold the run to resume.
        config: what else defines the run, ready for JSON; compared on resume.
        facts: what else `run.json` notes, ready for JSON.
        validate: the learner in evaluation mode -> a figure for the history; must not change it.
        resume: go on with the run in `out`.
        forecast: of the seconds of its steps; None: every step is taken for the same.
        progress: called after each step.
        processes: that train it together, each with the same arguments; the first writes and tells.

    Returns:
        The history of the whole run; without its validations in another process than the first.

    Raises:
        TrainingError: nothing to train; the folder does not fit; a setting differs from the run
            to resume; the loss is no longer finite (the last checkpoint stays as it was).
        KeyboardInterrupt: SIGINT or, as `Terminated`, SIGTERM came; the step was finished and a
            checkpoint written. A second signal does not wait for that.
    """
    check_trainable(learner)
    config = config or {}
    if resume:
        processes.of_first(lambda: runs.check_same(out, settings, config))
    else:
        processes.of_first(lambda: runs.start(out, settings, config, facts or {}))

    learner.processes = processes
    learner.precision = settings.precision
    learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = optimizer_for(learner, settings)
    history = History()
    # Killed before the first checkpoint, a run has none: it then goes on from step 0.
    path = out / CHECKPOINT
    saved = processes.of_first(lambda: read_tensors(path) if resume and path.exists() else None)
    if saved is not None:
        history = _restored(path, saved, learner, optimizer)
    with torch.random.fork_rng(devices=[]), _stop_signals() as stopped:
        _loop(
            learner,
            optimizer,
            batches,
            settings,
            out,
            history,
            validate,
            forecast or Forecast(settings.steps),
            progress,
            stopped,
        )
    if processes.rank == 0:
        write_tensors(out / WEIGHTS, learner.state_dict())
        history.plot(out)
    return history


def check_trainable(learner: Learner[Any]) -> None:
    """Refuse a learner without parameters.

    Raises:
        TrainingError: nothing to train.
    """
    if not (learner.trainable and any(p.requires_grad for p in learner.parameters())):
        raise TrainingError(
            f"{type(learner).__name__} has nothing to train", "Evaluate it as it is"
        )


def _loop(
    learner: Learner[Batch],
    optimizer: Optimizer,
    batches: Callable[[int], Batch],
    settings: TrainingSettings,
    out: Path,
    history: History,
    validate: Callable[[Any], float] | None,
    forecast: Forecast,
    progress: Callable[[Progress], None] | None,
    stopped: Callable[[], type[KeyboardInterrupt] | None],
) -> None:
    device, processes = learner.device, learner.processes
    first = processes.rank == 0
    forward = forward_in(settings.precision, device)
    began, seconds_before = time.monotonic(), history.seconds
    save_at = began + _FIRST_CHECKPOINT_SECONDS
    remaining = Remaining(forecast, settings, history.step)
    learner.train()
    for step in range(history.step, settings.steps):
        torch.manual_seed(step_seed(settings.seed, step))
        set_rates(optimizer, settings, step)
        numbers = processes.part(settings.batch_numbers(step))
        some = [moved(batches(number), device) for number in numbers]
        with computing_on(device), processes.following(learner, len(numbers)):
            loss = float(learner.training_step(some, optimizer, forward))
        if not math.isfinite(loss):
            raise _diverged(f"the loss became {loss}", settings, out, history)
        history.loss.append(loss)

        done = history.step
        last = done == settings.steps
        if first and validate and (done % settings.validate_every == 0 or last):
            learner.eval()
            with remaining.validating():
                history.validation.append((done, float(validate(learner))))
            learner.train()
        now = time.monotonic()
        history.seconds = seconds_before + now - began
        stop = _STOPS[processes.greatest(_STOPS.index(stopped()))]
        if first and (done % settings.checkpoint_every == 0 or last or stop or now >= save_at):
            _save(out, learner, optimizer, settings, history)
            save_at = now + _CHECKPOINT_SECONDS
        if first and progress:
            at, validation = history.validation[-1] if history.validation else (0, None)
            progress(
                Progress(
                    done,
                    settings.steps,
                    loss,
                    remaining.seconds(done),
                    validation,
                    learning_rate=rates(settings, step)[0],
                    validated=at == done,
                )
            )
        if stop and not last:
            if first:
                history.plot(out)
            raise stop(
                f"stopped after step {done} of {settings.steps}, which is saved in {out}; "
                "go on with resume (on the command line --resume)"
            )
    learner.eval()


def _save(
    out: Path,
    learner: Learner[Any],
    optimizer: Optimizer,
    settings: TrainingSettings,
    history: History,
) -> None:
    # A finite loss may still have had an infinite gradient; such weights must not replace good.
    if not all(bool(torch.isfinite(value).all()) for value in learner.state_dict().values()):
        raise _diverged("the weights are no longer finite", settings, out, history)
    state = {
        "method": learner.state_dict(),
        "optimizer": optimizer.state_dict(),
        "history": history.to_json(),
    }
    write_tensors(out / CHECKPOINT, state)
    history.write(out)


def _restored(
    path: Path, state: dict[str, Any], learner: Learner[Any], optimizer: Optimizer
) -> History:
    try:
        learner.load_state_dict(state["method"])
        optimizer.load_state_dict(state["optimizer"])
        return History.from_json(state["history"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            f"{path} does not fit this learner ({str(error).splitlines()[0]})",
            "Resume with the code that started the run, or start a new one",
        ) from error


def _diverged(
    problem: str, settings: TrainingSettings, out: Path, history: History
) -> TrainingError:
    finite = f"; the last finite loss was {history.loss[-1]:.6g}" if history.loss else ""
    kept = f"; the last good checkpoint stays in {out}" if (out / CHECKPOINT).exists() else ""
    return TrainingError(
        f"{problem} in step {history.step + 1} of {settings.steps}{finite}{kept}",
        f"Start a new run with learning_rate below {settings.learning_rate:g}"
        + (" or precision float32" if settings.precision != "float32" else ""),
    )


@contextmanager
def _stop_signals() -> Iterator[Callable[[], type[KeyboardInterrupt] | None]]:
    """Turn the first SIGINT or SIGTERM into a request; a second one acts as it did before."""
    # Only the main thread may set handlers; elsewhere a signal is not ours to catch.
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    requested: type[KeyboardInterrupt] | None = None
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def give_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:
        nonlocal requested
        requested = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        give_back()

    for number in before:
        signal.signal(number, request)
    try:
        yield lambda: requested
    finally:
        give_back()
