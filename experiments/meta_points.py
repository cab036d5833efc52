"""Sine waves and pen strokes from a few points: errors, the picture, and what stands beside.

python experiments/meta_points.py sinusoid RUN...   # runs of `holotype train ... --data sinusoid`
python experiments/meta_points.py strokes           # trains on the spot, a few minutes

Writes results/sinusoid.json and docs/sinusoid.png, or results/strokes.json.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.stats.half_width import half_width
from holotype.train import runs
from holotype.train.checkpoints import WEIGHTS, read_tensors
from holotype.train.history import History
from holotype.train.methods.meta.networks import Perceptron
from holotype.train.methods.meta.neural_process import ConditionalNeuralProcess
from holotype.train.methods.meta.pen_strokes import MOMENTS, load_strokes, stroke_tasks
from holotype.train.methods.meta.point_recipes import RECIPES
from holotype.train.methods.meta.points import PointTasks
from holotype.train.methods.meta.regression import RegressionMetaSGD
from holotype.train.methods.meta.sinusoid import sinusoids
from holotype.train.settings import TrainingSettings
from holotype.train.training import train
from tabling import ROOT, keep

TASKS = 1000
TEST_SEED = 2 * 10**9  # training takes seeds below 10^6 per run, validation 10^9


def interval(errors: NDArray[Any]) -> dict[str, float]:
    return {"mse": float(errors.mean()), "ci95": float(half_width(errors))}


def sinusoid(paths: list[Path]) -> None:
    rows, pictured = [], None
    for path in paths:
        facts = runs.read(path)
        name, shape = facts["config"]["method"], facts["config"]["recipe"]
        recipe = RECIPES[name][shape]
        learner: Any = recipe.build().eval()
        learner.load_state_dict(read_tensors(path / WEIGHTS))
        tasks = sinusoids(TEST_SEED, TASKS, recipe.k_shot, 100)
        # Rates of one's own for every weight are learned for one step, and diverge in ten.
        for steps in {"maml": (1, 10), "meta-sgd": (1,)}.get(name, (None,)):
            if steps:
                learner.test_steps = steps
            with torch.no_grad():
                errors = learner.squared_error(tasks).numpy()
            rows.append(
                {
                    "method": name,
                    "k_shot": recipe.k_shot,
                    "steps": steps,
                    **interval(errors),
                    "tasks": TASKS,
                    "training_steps": facts["settings"]["steps"],
                    "training_tasks": facts["settings"]["steps"] * recipe.tasks,
                    "minutes": round(History.read(path).seconds / 60, 1),
                    "seed": facts["settings"]["seed"],
                    "commit": facts["commit"],
                }
            )
            print(name, recipe.k_shot, steps, f"{errors.mean():.3f}")
        if name == "maml" and recipe.k_shot == 10:
            pictured = learner
    keep("sinusoid", rows)
    if pictured is not None:
        draw(pictured)


def draw(learner: Any) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    tasks = sinusoids(TEST_SEED + 1, 3, 10, 1)
    x = torch.linspace(-5, 5, 200)[None, :, None].expand(3, -1, -1)
    truth = sinusoids_at(TEST_SEED + 1, 3, x)
    for steps, style in ((0, ":"), (1, "--"), (10, "-")):
        learner.test_steps = steps
        with torch.no_grad():
            mean, _ = learner.predict(PointTasks(tasks.x, tasks.y, x))
        for axis, curve in zip(axes, mean[..., 0], strict=True):
            label = "before" if steps == 0 else f"after {steps} step{'s' * (steps > 1)}"
            axis.plot(x[0, :, 0], curve, style, color="tab:blue", label=label)
    for task, axis in enumerate(axes):
        axis.plot(x[0, :, 0], truth[task], color="0.7", linewidth=3, zorder=0, label="truth")
        axis.plot(tasks.x[task, :, 0], tasks.y[task, :, 0], "o", color="tab:orange", label="points")
    axes[0].legend(fontsize=7)
    figure.savefig(ROOT / "docs" / "sinusoid.png", dpi=110)


def sinusoids_at(seed: int, tasks: int, x: torch.Tensor) -> NDArray[Any]:
    """The waves of `sinusoids` elsewhere: their two numbers follow from any points of them."""
    known = sinusoids(seed, tasks, 10, 1)
    basis = torch.cat([known.x.sin(), -known.x.cos()], 2).numpy()
    asked = torch.cat([x.sin(), -x.cos()], 2).numpy()
    return np.stack(
        [
            a @ np.linalg.lstsq(b, y, rcond=None)[0][:, 0]
            for a, b, y in zip(asked, basis, known.y.numpy(), strict=True)
        ]
    )


def strokes(k_shot: int, steps: int) -> None:
    parts = {split: load_strokes(split) for split in ("training", "selection", "evaluation")}
    rows = []
    for following in (False, True):
        test = stroke_tasks(parts["evaluation"], TEST_SEED, TASKS, k_shot, following=following)
        found = {
            "the last given point": last_point(test),
            "Gaussian process, RBF fitted to the family": radial(parts["training"], test),
            "Gaussian process of the family": empirical(parts["training"], test),
            "cnp": learned(ConditionalNeuralProcess(1, 2), parts, k_shot, following, steps, test),
            "meta-sgd": learned(
                RegressionMetaSGD(Perceptron((1, 64, 64, 2)), steps=2, rate=0.05),
                parts,
                k_shot,
                following,
                steps,
                test,
            ),
        }
        for name, mean in found.items():
            apart = np.square(mean - test.targets().numpy()).sum(2).mean(1)
            print(following, name, f"{apart.mean():.5f}")
            rows.append({"following": following, "method": name, **interval(apart)})
    facts = {"k_shot": k_shot, "tasks": TASKS, "training_steps": steps, "commit": runs.commit()}
    sizes = {split: len(part) for split, part in parts.items()}
    result = {**facts, "strokes": sizes, "rows": rows}
    keep("strokes", result)


def learned(
    learner: Any, parts: dict[str, Any], k_shot: int, following: bool, steps: int, test: PointTasks
) -> NDArray[Any]:
    # Places have a standard deviation of about a fifth of the drawing; nets want about 1.
    size = float(parts["training"].std())

    def scaled(tasks: PointTasks) -> PointTasks:
        return PointTasks(tasks.x, tasks.y / size, tasks.query_x, tasks.targets() / size)

    def batch(step: int) -> PointTasks:
        return scaled(stroke_tasks(parts["training"], step, 100, k_shot, following=following))

    held_back = scaled(
        stroke_tasks(parts["selection"], TEST_SEED, 500, k_shot, following=following)
    )

    def validate(trained: Any) -> float:
        with torch.no_grad():
            return float(trained.squared_error(held_back).mean())

    settings = TrainingSettings(
        steps, 2e-3, validate_every=max(1, steps // 4), checkpoint_every=steps
    )
    with tempfile.TemporaryDirectory() as folder:
        history = train(learner, batch, settings, Path(folder) / "run", validate=validate)
    print(type(learner).__name__, history.validation)
    with torch.no_grad():
        return learner.predict(scaled(test))[0].numpy() * size


def last_point(test: PointTasks) -> NDArray[Any]:
    """Where the pen was at the nearest given moment."""
    nearest = np.abs(test.query_x.numpy() - test.x.numpy()[..., 0][:, None]).argmin(2)
    return np.take_along_axis(test.y.numpy(), nearest[..., None], 1)


def conditioned(test: PointTasks, mean: NDArray[Any], covariance: NDArray[Any]) -> NDArray[Any]:
    """The Gaussian with these moments [32, 2], [2, 32, 32], given the points of each task."""
    result = []
    grid = [
        ((value.numpy()[..., 0] + 1) / 2 * (MOMENTS - 1)).round().astype(int)
        for value in (test.x, test.query_x)
    ]
    for known, asked, y in zip(*grid, test.y.numpy(), strict=True):
        axes = []
        for axis in (0, 1):
            kernel = covariance[axis]
            inner = kernel[np.ix_(known, known)] + 1e-6 * np.eye(len(known))
            weight = np.linalg.solve(inner, y[:, axis] - mean[known, axis])
            axes.append(mean[asked, axis] + kernel[np.ix_(asked, known)] @ weight)
        result.append(np.stack(axes, 1))
    return np.stack(result)


def empirical(training: NDArray[Any], test: PointTasks) -> NDArray[Any]:
    """Mean and covariance of all training strokes: the best that is linear in the points."""
    covariance = np.stack([np.cov(training[..., axis].T) for axis in (0, 1)])
    return conditioned(test, training.mean(0), covariance)


def radial(training: NDArray[Any], test: PointTasks) -> NDArray[Any]:
    """One length scale and size, of the greatest likelihood over 500 training strokes."""
    moments = np.linspace(-1, 1, MOMENTS)
    apart = np.square(moments[:, None] - moments)
    some = training[np.random.default_rng(0).permutation(len(training))[:500]]
    values = np.concatenate([some[..., 0], some[..., 1]]).astype(np.float64)
    best: tuple[float, NDArray[Any]] = (-np.inf, apart)
    for length in (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5):
        for noise in (1e-3, 1e-2, 3e-2):
            shape = np.exp(-apart / (2 * length**2)) + noise**2 * np.eye(MOMENTS)
            scale = np.mean(values * np.linalg.solve(shape, values.T).T)  # the best for the shape
            likelihood = -0.5 * MOMENTS * np.log(scale) - 0.5 * np.linalg.slogdet(shape)[1]
            if likelihood > best[0]:
                best = (float(likelihood), scale * shape)
    return conditioned(test, np.zeros((MOMENTS, 2)), np.stack([best[1]] * 2))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["sinusoid", "strokes"])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--k-shot", type=int, default=6)
    parser.add_argument("--steps", type=int, default=4000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.what == "sinusoid":
        sinusoid(arguments.runs)
    else:
        strokes(arguments.k_shot, arguments.steps)


if __name__ == "__main__":
    main()
