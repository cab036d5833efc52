"""Every algorithm of the meta-learning family on one small budget: curves, ablation, embeddings.

python experiments/meta_curves.py train runs/meta-curves                 # all, one after the other
python experiments/meta_curves.py train runs/meta-curves anil protomaml  # some; a core each
python experiments/meta_curves.py report runs/meta-curves

Training goes on where it was stopped, and leaves what is finished alone. The budget is the same
number of steps for all, 20-way 1-shot episodes of the Vinyals training classes; the one cycle of
the learning rate is stretched to it. Curves and ablation are of the Vinyals validation classes.
What the embedding keeps that `holotype export` makes a pack of is measured on the test classes.
Writes results/meta_curves.json and docs/meta-curves.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.evaluation.accuracy import evaluate
from holotype.evaluation.episodes import episodes as gather
from holotype.evaluation.episodes import sample
from holotype.evaluation.protocols import plan
from holotype.image.prepare import prepare_batch
from holotype.records import Episode, Report
from holotype.stats.half_width import half_width
from holotype.train import pipeline, runs
from holotype.train.checkpoints import WEIGHTS, read_tensors
from holotype.train.embedding import cosine_to_prototypes
from holotype.train.history import History
from holotype.train.method import Method
from holotype.train.methods.meta.maml import MAML
from holotype.train.methods.meta.networks import TaskConv4
from holotype.train.picture_recipes import PictureRecipe, part, prepared
from holotype.train.training import Progress, train
from meta_stabilizers import MultiStepLoss
from tabling import ROOT, keep

STEPS, CURVE_EVERY, CURVE_EPISODES = 600, 50, 50
FINAL_EPISODES = 400  # of the validation classes, other ones than the curve's
TEST_EPISODES = {5: 1000, 20: 300}
N_QUERY, BASE = 5, "maml"
LEARNING_RATE = 2e-3  # one for all


@dataclass(frozen=True)
class Entry:
    """What is trained: the recipe `conv4` of a method, or that with another learner."""

    method: str
    build: Callable[[TaskConv4, int], MAML] | None = None  # (body, steps of the training)


def _maml(kind: type[MAML], body: TaskConv4, **options: Any) -> MAML:
    return kind(body, steps=2, rate=0.4, precision="bfloat16", **options)


ALGORITHMS = {BASE: Entry("maml", lambda body, steps: _maml(MAML, body, rates="per step"))} | {
    name: Entry(name) for name in ("anil", "protomaml", "fomaml", "meta-sgd", "reptile")
}
# The shares of MAML++ (Antoniou et al. 2019): without the learned rates, and with more.
ABLATION = {
    "maml-one-rate": Entry("maml", lambda body, steps: _maml(MAML, body)),
    "maml-all-steps": Entry(
        "maml", lambda body, steps: _maml(MultiStepLoss, body, annealing=max(1, steps // 6))
    ),
    "maml-step-norms": Entry(
        "maml", lambda body, steps: _maml(MAML, body, rates="per step", step_norms=True)
    ),
}
ENTRIES = ALGORITHMS | ABLATION
EXPORTED = ("anil", "protomaml")


def recipe_of(name: str, steps: int) -> PictureRecipe:
    entry = ENTRIES[name]
    recipe = cast(PictureRecipe, pipeline.find_recipe(entry.method, "conv4")[1])
    changed, build = entry.build, recipe.build
    if changed is not None:

        def build(n_classes: int, size_px: int) -> Method:
            return changed(TaskConv4(size_px=size_px), steps)

    settings = replace(
        recipe.settings, steps=steps, learning_rate=LEARNING_RATE, validate_every=CURVE_EVERY
    )
    return replace(recipe, build=build, settings=settings, selection=None)


def train_entry(name: str, folder: Path, steps: int, seed: int) -> None:
    out = folder / f"{name}-{seed}"
    recipe = recipe_of(name, steps)
    ready = recipe.prepare("omniglot", seed)
    train(
        ready.learner,
        ready.batches,
        replace(recipe.settings, seed=seed),
        out,
        config={"entry": name, "method": ENTRIES[name].method},
        validate=partial(validated, pictures=validation_classes(recipe)),
        resume=(out / runs.RUN).exists(),
        progress=partial(_say, name),
    )


def _say(name: str, progress: Progress) -> None:
    if progress.step % CURVE_EVERY == 0:
        print(f"{name}: {progress.step} of {progress.steps}, {progress.validation} %", flush=True)


def validation_classes(recipe: PictureRecipe) -> Dataset:
    return prepared(part(load_dataset("omniglot"), ("vinyals-val",), 0), recipe.preprocessing)


def measured(method: Method, pictures: Dataset, episodes: int, seed: int) -> Report:
    drawn = sample(pictures, n_way=20, k_shot=1, n_query=N_QUERY, episodes=episodes, seed=seed)
    return evaluate(
        method.episode_scores, gather(pictures.images, drawn), protocol="selection", n_query=N_QUERY
    )


def validated(method: Method, pictures: Dataset) -> float:
    return measured(method, pictures, CURVE_EPISODES, seed=0).accuracy


def finished(folder: Path) -> list[tuple[str, Path, Method, PictureRecipe]]:
    """The runs that are there, in the order of the entries: name, folder, method, recipe."""
    found = []
    for name in ENTRIES:
        for run in sorted(folder.glob(f"{name}-[0-9]*")):
            if (run / WEIGHTS).exists():
                recipe = recipe_of(name, runs.read(run)["settings"]["steps"])
                method = recipe.build(0, recipe.preprocessing.size_px)
                method.load_state_dict(read_tensors(run / WEIGHTS))
                found.append((name, run, method.eval(), recipe))
    return found


def curve(name: str, run: Path, report: Report, base: Report | None) -> dict[str, Any]:
    facts, history = runs.read(run), History.read(run)
    row: dict[str, Any] = {
        "name": name,
        "seed": facts["settings"]["seed"],
        "steps": history.step,
        "minutes": round(history.seconds / 60, 1),
        "threads": facts["threads"],
        "commit": facts["commit"],
        "validation": history.validation,
        "accuracy": report.accuracy,
        "ci95": report.ci95,
    }
    if base is not None:
        row["difference"] = _difference(report, base)
    return row


def _difference(one: Report, other: Report) -> dict[str, float]:
    """On the same episodes: the mean in points, and its interval."""
    apart = one.per_episode - other.per_episode
    return {"points": float(apart.mean()), "ci95": float(half_width(apart))}


def exported(name: str, run: Path, method: Method, recipe: PictureRecipe) -> dict[str, Any]:
    """Adapted by gradient, and the embedding alone, ranked as a pack ranks."""
    embedder = method.embedder()
    assert embedder is not None
    embedder.eval()

    def embed(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return np.asarray(embedder(torch.from_numpy(pictures)).numpy())

    def by_cosine(episode: Episode) -> NDArray[np.float32]:
        support, query = (
            torch.from_numpy(np.ascontiguousarray(of))[None]
            for of in (episode.support, episode.query)
        )
        return np.asarray(cosine_to_prototypes(support, query)[0].numpy())

    prepare = partial(prepare_batch, preprocessing=recipe.preprocessing)
    row: dict[str, Any] = {"name": name, "seed": runs.read(run)["settings"]["seed"], "tasks": {}}
    for n_way, episodes in TEST_EPISODES.items():
        drawn = plan("vinyals", "omniglot", n_way=n_way, k_shot=1, n_query=5, episodes=episodes)
        adapted, alone = (
            evaluate(scores, drawn.episodes(prepare, encode), protocol="vinyals", n_query=5)
            for scores, encode in ((method.episode_scores, None), (by_cosine, embed))
        )
        row["tasks"][str(n_way)] = {
            "adapted": adapted.to_json(),
            "embedding": alone.to_json(),
            "difference": _difference(alone, adapted),
        }
        print(f"{name}, {n_way}-way: {adapted.accuracy:.2f}, embedding {alone.accuracy:.2f}")
    return row


def report(folder: Path) -> None:
    found = finished(folder)
    pictures = validation_classes(found[0][3])
    final = {run: measured(method, pictures, FINAL_EPISODES, seed=1) for _, run, method, _ in found}
    rows = []
    for name, run, _, _ in found:
        base = folder / f"{BASE}-{run.name.removeprefix(f'{name}-')}"
        rows.append(curve(name, run, final[run], final.get(base) if name in ABLATION else None))
        print(f"{name}: {rows[-1]['accuracy']:.2f} ± {rows[-1]['ci95']:.2f}", flush=True)
    tasks_a_step = found[0][3].tasks
    result = {
        "n_way": 20,
        "tasks_a_step": tasks_a_step,
        "curve_episodes": CURVE_EPISODES,
        "final_episodes": FINAL_EPISODES,
        "commit": runs.commit(),
        "versions": runs.versions(),
        "rows": rows,
        "exported": [exported(*each) for each in found if each[0] in EXPORTED],
    }
    keep("meta_curves", result)
    draw([row for row in rows if row["name"] in ALGORITHMS], tasks_a_step)


def draw(rows: list[dict[str, Any]], tasks_a_step: int) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axis = figure.subplots()
    for number, name in enumerate({row["name"]: None for row in rows}):
        for row in (row for row in rows if row["name"] == name):
            steps, accuracy = zip(*row["validation"], strict=True)
            tasks = [step * tasks_a_step for step in steps]
            label = name if row["seed"] == 0 else None
            axis.plot(tasks, accuracy, "o-", markersize=3, color=f"C{number}", label=label)
    axis.set_xlabel("20-way tasks seen")
    axis.set_ylabel("20-way 1-shot validation, %")
    axis.legend(fontsize=8)
    figure.savefig(ROOT / "docs" / "meta-curves.png", dpi=110)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("action", choices=("train", "report"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("entries", nargs="*", help="; ".join(ENTRIES))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if told.action == "report":
        return report(told.folder)
    for name in told.entries or ENTRIES:
        if not (told.folder / f"{name}-{told.seed}" / WEIGHTS).exists():
            train_entry(name, told.folder, told.steps, told.seed)
    return None


if __name__ == "__main__":
    main()
