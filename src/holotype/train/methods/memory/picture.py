"""Pictures of a memory at work, made from a real run."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.errors import TrainingError
from holotype.train.checkpoints import write_bytes
from holotype.train.methods.memory.instances import InstanceMethod, Instances
from holotype.train.methods.memory.mann import MANN, MANNState
from holotype.train.methods.memory.ntm import NeuralTuringMachine
from holotype.train.methods.memory.sequence_runs import is_sequence_run, read_run
from holotype.train.methods.memory.sequences import find_task

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_USED = 0.05  # a slot is shown if a weighting ever reaches this there
_COLORS = "tab20"


def draw(run: Path, out: Path, seed: int = 0) -> None:
    """Draw what a memory did with one sequence.

    For a Neural Turing Machine, on the longest sequence that it was trained on: what went in,
    what came out, and where each head wrote and read (as figure 6 of Graves et al. 2014). For a
    memory-augmented network, on one episode of validation classes: where it wrote and read, how
    much each slot was used, and which labels it said.

    Args:
        run: the folder of a finished run.
        out: the PNG file to write.
        seed: which sequence.

    Raises:
        TrainingError: the run is missing or unfinished, or its method has no memory to look at.
        DataError: the data of the run cannot be read.
    """
    if is_sequence_run(run):
        done = read_run(run)
        if not isinstance(done.learner, NeuralTuringMachine):
            raise _no_memory(run)
        panels = _of_sequence(done.learner, done.task, seed)
    else:
        from holotype.train.pipeline import run_scorer

        method = run_scorer(run).method
        if not isinstance(method, MANN):
            raise _no_memory(run)
        panels = _of_instances(method, _episode(run, method, seed))
    _save(panels, out)


def _no_memory(run: Path) -> TrainingError:
    return TrainingError(
        f"the method of {run} has no memory that works step by step",
        "Name a run of ntm or mann",
    )


Panels = list[tuple[str, NDArray[Any], str | None]]  # title, [rows, steps], color map


def _of_sequence(learner: NeuralTuringMachine, task: str, seed: int) -> Panels:
    source = find_task(task)
    batch = source(np.random.default_rng((seed, 2, 0, 0)), 1, source.trained[1])
    with torch.inference_mode():
        states = list(learner.unroll(batch.inputs))
        said = torch.sigmoid(learner(batch.inputs)) * batch.scored[:, None, None]
    weighting = torch.stack([state.weighting[0] for state in states]).numpy()  # [T, 2H, N]
    reads, writes = np.split(weighting, 2, axis=1)
    shown = _used(weighting.max((0, 1)))
    panels: Panels = [
        ("input", batch.inputs[:, 0].T.numpy(), "gray_r"),
        ("target", batch.targets[:, 0].T.numpy(), "gray_r"),
        ("output", said[:, 0].T.numpy(), "gray_r"),
    ]
    for title, where in (("written to", writes), ("read from", reads)):
        for head in range(learner.heads):
            name = f"slots {title}" + f", head {head + 1}" * (learner.heads > 1)
            panels.append((name, where[:, head, shown].T, "gray"))
    return panels


def _episode(run: Path, method: InstanceMethod, seed: int) -> Instances:
    """One episode of the validation classes, in the shape that the run was trained on."""
    from holotype.datasets.catalogue import load_dataset
    from holotype.train import runs
    from holotype.train.methods.memory.mann import RECIPES
    from holotype.train.picture_recipes import EpisodicBatches, part, prepared

    facts = runs.read(run)
    recipe = RECIPES[facts["config"]["method"]][facts["config"]["recipe"]]
    dataset = load_dataset(facts["config"]["data"])
    # Of a folder the cohort, which is larger than its selection and unseen as well.
    shown = recipe.selection or recipe.training[0] if dataset.divided else "cohort"
    classes = part(dataset, (shown,), facts["settings"]["seed"])
    batch = EpisodicBatches(prepared(classes, recipe.preprocessing), recipe, seed)(0)
    return method.sequences(batch, torch.Generator().manual_seed(seed))


def _of_instances(method: MANN, shown: Instances) -> Panels:
    states: list[MANNState] = []
    with torch.inference_mode():
        state = method.recurrent.start(shown.images.shape[1])
        for seen in method.seen(shown.images, shown.label).unbind(0):
            _, state = method.recurrent.step(seen, state)
            states.append(state)
        right = method.correct(shown)[:, 0].numpy()
    reads, writes = (
        torch.stack([getattr(state, name)[0].sum(0) for state in states]).numpy()
        for name in ("reads", "writes")
    )
    usage = torch.stack([state.usage[0] for state in states]).numpy()
    slots = _used(np.maximum(reads, writes).max(0))
    return [
        ("class", shown.class_index[:, 0].numpy()[None].astype(float), _COLORS),
        ("said right", right[None].astype(float), "gray"),
        ("slots written to", writes[:, slots].T, "gray"),
        ("slots read from", reads[:, slots].T, "gray"),
        ("usage of slots", usage[:, slots].T, "gray"),
    ]


def _used(peak: NDArray[Any]) -> NDArray[np.int64]:
    """The slots that mattered and those between them, and one more on either side, in order.

    The slots are a ring: it is cut in its longest unused stretch.
    """
    count, mattered = len(peak), np.flatnonzero(peak >= _USED)
    if len(mattered) == 0:
        return np.arange(count)
    unused = np.diff(mattered, append=mattered[0] + count) - 1
    longest = int(unused.argmax())
    first = int(mattered[(longest + 1) % len(mattered)])
    shown = min(count, count - int(unused[longest]) + 2)
    return (first - 1 + np.arange(shown)) % count


def _save(panels: Panels, out: Path) -> None:
    # The object interface: pyplot would keep the figure, and want a display on some systems.
    from matplotlib.figure import Figure

    heights = [max(1.0, min(len(values), 24) / 6) for _, values, _ in panels]
    figure = Figure(figsize=(9, 1 + sum(heights)), layout="constrained")
    axes: list[Axes] = figure.subplots(
        len(panels), sharex=True, squeeze=False, height_ratios=heights
    )[:, 0].tolist()
    for axis, (title, values, color) in zip(axes, panels, strict=True):
        high = 19 if color == _COLORS else max(1.0, float(values.max()))
        axis.imshow(values, aspect="auto", interpolation="nearest", cmap=color, vmin=0, vmax=high)
        axis.set_ylabel(title, rotation=0, ha="right", va="center")
        axis.set_yticks([])
    axes[-1].set_xlabel("step")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_bytes(out, buffer.getvalue())
