"""Do imagined examples help? Accuracy from one real drawing, and from that and its imagined kin.

    HOLOTYPE_DATA=... python experiments/imagine.py --prototypical RUN [--draw RUN ...]

One real drawing of each class, alone or with 8 more that were made from it: by an affine or an
elastic warp (the cheap way), drawn with other strokes, or by each run of a generative method.
Strengths and the way to join the examples are chosen on classes that take no part in the table:
the validation characters of the Vinyals split, for the pack its cohort. The table is of evaluation
characters that also the Prototypical network never saw. Writes results/imagine.json. About ten
minutes on one core, most of them for the pack.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.splits import ALPHABETS, split
from holotype.domains.strokes.rendering import render
from holotype.domains.strokes.strokes import imagine
from holotype.domains.strokes.tracing import trace
from holotype.domains.strokes.variation import measured, vary
from holotype.embedder import Embedder
from holotype.image import ink
from holotype.image.prepare import prepare_batch
from holotype.pack import load_pack
from holotype.preprocessing import Preprocessing
from holotype.stats.half_width import half_width
from holotype.train.augmentation.warps import warp
from holotype.train.methods.generative.dagan import DAGAN
from holotype.train.methods.generative.imagining import RunImagination
from holotype.train.methods.metric.prototypical import PrototypicalNetworks
from holotype.train.pipeline import run_scorer
from tabling import keep, today

COUNT, QUERIES, EPISODES, EXAMPLES = 8, 5, 2000, 20
WAYS = (5, 20)
AFFINE = {"rotation_degrees": 12.0, "scale": 0.15, "shear": 0.2, "shift": 0.05}
NO_WARP = {**dict.fromkeys(AFFINE, 0.0), "elastic": 0.0}
STRENGTHS = {
    "affine warp": (0.5, 1, 1.5),
    "elastic warp": (0.5, 1, 1.5),
    "strokes": (0.4, 0.7, 1),
}

Pictures = NDArray[np.uint8]  # [M, 105, 105], ink 0 on paper 255
Vectors = NDArray[np.float32]  # [..., D]
Draw = Callable[[Pictures], Pictures]  # [M, S, S] -> [M * COUNT, S, S]
Encode = Callable[[Pictures], Vectors]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prototypical", type=Path, required=True, help="a run, Vinyals split")
    parser.add_argument("--draw", type=Path, nargs="*", default=[], help="generative runs")
    parser.add_argument("--pack", default="characters")
    arguments = parser.parse_args()
    omniglot = load_dataset("omniglot")
    validation = unturned(omniglot, "vinyals-val")
    unseen = unturned(omniglot, "vinyals-test", "evaluation")
    encoders = {
        "pixels": (pixels, validation),
        "Prototypical Networks": (prototypical(arguments.prototypical), validation),
        f"pack {arguments.pack}": (packed(arguments.pack), split(omniglot, "cohort")),
    }
    strengths = {
        name: chosen(name, levels, [encoders["pixels"], encoders["Prototypical Networks"]])
        for name, levels in STRENGTHS.items()
    }
    sources: dict[str, Draw] = {
        name: drawing(name, float(str(strengths[name]["chosen"]))) for name in STRENGTHS
    }
    sources |= from_runs(arguments.draw)
    rows = []
    seconds = seconds_for_20(unseen)
    for encoder, (encode, held_out) in encoders.items():
        trial = Trial(held_out, encode)
        rules = {
            rule: sum(
                trial.accuracy(source, rule, 20)[1].mean() for source in map(sources.get, STRENGTHS)
            )
            for rule in ("mean", "nearest")
        }
        rule = max(rules, key=lambda name: rules[name])
        trial = Trial(unseen, encode)
        for way in WAYS:
            alone = trial.accuracy(None, rule, way)[1]
            found = {name: trial.accuracy(source, rule, way)[1] for name, source in sources.items()}
            warped = max(("affine warp", "elastic warp"), key=lambda name: found[name].mean())
            rows.append(row(encoder, rule, way, "1 real", alone, alone, found[warped]))
            rows += [
                row(encoder, rule, way, f"1 + {COUNT}, {name}", accuracy, alone, found[warped])
                for name, accuracy in found.items()
            ]
            for line in rows[-1 - len(found) :]:
                print(json.dumps(line), flush=True)
        # After each encoder, so that an hour is not lost to the last of them.
        result = {
            "command": "python experiments/imagine.py --prototypical RUN --draw RUN...",
            "date": today(),
            "classes": len(unseen.class_names),
            "episodes": EPISODES,
            "seconds_for_20": seconds,
            "strengths": strengths,
            "rows": rows,
        }
        keep("imagine", result)


class Trial:
    """Classes with one reference each, under one encoder: every source on the same episodes."""

    def __init__(self, dataset: Dataset, encode: Encode) -> None:
        rng = np.random.default_rng(0)
        order = np.argsort(dataset.class_index, kind="stable").reshape(-1, EXAMPLES)
        # The first of each class is its reference, the others are its queries.
        order = rng.permuted(order, axis=1)[:, : 1 + QUERIES]
        self.encode = encode
        self.references = dataset.images[order[:, 0]]
        vectors = encode(dataset.images[order.ravel()]).reshape(*order.shape, -1)
        self.real, self.queries = vectors[:, :1], vectors[:, 1:]
        self.cache: dict[Draw | None, Vectors] = {None: self.real}

    def accuracy(
        self, source: Draw | None, rule: str, way: int
    ) -> tuple[float, NDArray[np.float64]]:
        """Percent over all episodes, and of each class as the right answer [C]."""
        if source not in self.cache:
            made = self.encode(source(self.references))
            made = made.reshape(len(self.references), COUNT, -1)
            self.cache[source] = np.concatenate([self.real, made], axis=1)
        examples = self.cache[source]
        classes = len(examples)
        rng = np.random.default_rng(1)
        right, asked = np.zeros(classes), np.zeros(classes)
        for _ in range(EPISODES):
            drawn = rng.choice(classes, way, replace=False)
            queries = self.queries[drawn].reshape(way * QUERIES, -1)
            scores = similarity(queries, examples[drawn], rule)
            hit = scores.argmax(1) == np.repeat(np.arange(way), QUERIES)
            right[drawn] += hit.reshape(way, QUERIES).sum(1)
            asked[drawn] += QUERIES
        return float(100 * right.sum() / asked.sum()), 100 * right / np.maximum(asked, 1)


def similarity(queries: Vectors, examples: Vectors, rule: str) -> Vectors:
    """Negative squared distance to the mean of a class's examples, or to the nearest: [Q, N]."""
    if rule == "mean":
        examples = examples.mean(1, keepdims=True)
    flat = examples.reshape(-1, examples.shape[-1])
    squared = (
        np.square(queries).sum(1)[:, None] + np.square(flat).sum(1) - 2 * queries @ flat.T
    ).reshape(len(queries), *examples.shape[:2])
    return -squared.min(2)


def row(
    encoder: str,
    rule: str,
    way: int,
    source: str,
    accuracy: NDArray[np.float64],
    alone: NDArray[np.float64],
    warped: NDArray[np.float64],
) -> dict[str, object]:
    return {
        "encoder": encoder,
        "rule": rule,
        "n_way": way,
        "source": source,
        "accuracy": round(float(accuracy.mean()), 3),
        "gain": interval(accuracy - alone),
        "over_warp": interval(accuracy - warped),
    }


def interval(differences: NDArray[np.float64]) -> list[float]:
    """Mean and half-width of its 95 % interval, over classes: drawings of one fall together."""
    return [round(float(differences.mean()), 3), round(float(half_width(differences)), 3)]


def chosen(
    name: str, levels: tuple[float, ...], encoders: list[tuple[Encode, Dataset]]
) -> dict[str, object]:
    """The strength with the best 20-way accuracy, summed over encoders, by the better rule."""
    trials = [Trial(dataset, encode) for encode, dataset in encoders]
    tried = {}
    for level in levels:
        source = drawing(name, level)
        tried[str(level)] = [
            round(max(t.accuracy(source, rule, 20)[0] for rule in ("mean", "nearest")), 3)
            for t in trials
        ]
        print(name, level, tried[str(level)], flush=True)
    best = max(levels, key=lambda level: sum(tried[str(level)]))
    return {"chosen": best, "tried": tried}


def drawing(name: str, strength: float) -> Draw:
    if name == "strokes":
        return lambda references: strokes(references, strength)
    if name == "affine warp":
        return lambda references: warped(
            references, **{key: value * strength for key, value in AFFINE.items()}
        )
    return lambda references: warped(references, elastic=0.06 * strength)


def strokes(references: Pictures, strength: float) -> Pictures:
    whole = measured()
    variation = whole.scaled(strength / whole.strength)
    result = []
    for index, picture in enumerate(references):
        drawn = trace(ink.strokes(picture.astype(np.float32) / 255))
        result += [
            render(vary(drawn, variation, np.random.default_rng((index, k))), picture.shape[0])
            for k in range(COUNT)
        ]
    return np.stack(result)


def warped(references: Pictures, **sizes: float) -> Pictures:
    generator = torch.Generator().manual_seed(0)
    inked = torch.from_numpy(1 - references.astype(np.float32) / 255)[:, None]
    made = warp(inked.repeat_interleave(COUNT, 0), generator, **{**NO_WARP, **sizes})
    return np.asarray(np.round(255 * (1 - made[:, 0].clamp(0, 1).numpy())), dtype=np.uint8)


def from_runs(paths: list[Path]) -> dict[str, Draw]:
    """Each run as it draws; what draws with more noise than it learned with, also with that."""
    found = {}
    for path in paths:
        run = RunImagination(path)
        name = str(run_scorer(path).facts["config"]["method"])
        found[name] = from_run(run)
        quiet = RunImagination(path)
        if isinstance(quiet.method, DAGAN):
            quiet.method.noise_scale = 1.0
            found[f"{name}, noise as it learned"] = from_run(quiet)
    return found


def from_run(run: RunImagination) -> Draw:
    return lambda references: np.concatenate(
        [run.imagine(picture, COUNT, index) for index, picture in enumerate(references)]
    )


def pixels(pictures: Pictures) -> Vectors:
    flat = prepare_batch(list(pictures), Preprocessing("frame", 28, 0)).reshape(len(pictures), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def prototypical(path: Path) -> Encode:
    run = run_scorer(path)
    assert isinstance(run.method, PrototypicalNetworks)
    backbone = run.method.backbone

    def encode(pictures: Pictures) -> Vectors:
        prepared = torch.from_numpy(prepare_batch(list(pictures), run.preprocessing))
        with torch.inference_mode():
            return np.concatenate([backbone(chunk).numpy() for chunk in prepared.split(256)])

    return encode


def packed(name: str) -> Encode:
    embedder = Embedder(load_pack(name))
    return lambda pictures: embedder.embed(list(pictures))


def seconds_for_20(dataset: Dataset) -> float:
    """CPU seconds that 20 pictures from one reference take with strokes: mean over 50."""
    pictures = dataset.images[:: len(dataset) // 50]
    began = time.process_time()
    for picture in pictures:
        imagine(picture, 20)
    return round((time.process_time() - began) / len(pictures), 4)


def unturned(omniglot: Dataset, name: str, within: str | None = None) -> Dataset:
    """The characters of a part of the Vinyals split as they were drawn, each once."""
    names = {full.rpartition("/")[0] for full in split(omniglot, name).class_names}
    return omniglot.subset(
        [
            index
            for index, full in enumerate(omniglot.class_names)
            if full in names and (within is None or omniglot.group[index] in ALPHABETS[within])
        ]
    )


if __name__ == "__main__":
    main()
