"""What one-shot learning buys over the classifier that everybody knows, and where it loses.

    HOLOTYPE_DATA=... python experiments/why_one_shot.py

Writes results/why_one_shot.json and the figures of docs/why-one-shot.md. A few minutes on one
core; seconds are CPU seconds of one thread. Every contender sees the very same examples and the
very same queries.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import process_time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.splits import split
from holotype.embedder import Embedder
from holotype.image.prepare import prepare_batch
from holotype.pack import load_pack
from holotype.preprocessing import Preprocessing
from holotype.stats.scoring import prototypes, unit
from holotype.train.backbones import Conv4
from holotype.train.methods.metric.scratch import FromScratch
from tabling import ROOT, keep

PIXELS = Preprocessing("ink", size_px=28, margin_px=2)
SHOTS = {"characters": (1, 2, 5, 10, 15), "digits": (1, 2, 5, 10, 15, 50)}
WAYS = {"characters": 20, "digits": 10}
QUERIES = {"characters": 5, "digits": 30}
DRAWS = 5
POOL = 90  # pictures of each digit that take part
STRENGTHS = (1.0, 10.0, 100.0, 1000.0)  # inverse regularization, chosen on cohort alphabets
TITLES = {
    "pack": "one-shot: the pack `characters`",
    "scratch": "a network trained from scratch",
    "pixels": "logistic regression on pixels",
    "embedding": "logistic regression on the pack's embedding",
}

Answer = Callable[["View"], NDArray[np.int64]]


@dataclass(frozen=True)
class View:
    """Some pictures, in the two forms that contenders see: [B, 1, 28, 28] and [B, D]."""

    pixels: NDArray[np.float32]
    vectors: NDArray[np.float32]

    def __getitem__(self, rows: Any) -> View:
        return View(self.pixels[rows], self.vectors[rows])


@dataclass(frozen=True)
class Draw:
    """One task: classes, and the order in which their pictures are used. Rows into a View."""

    examples: NDArray[np.int64]  # [N, most] support, the first k of each are k-shot
    queries: NDArray[np.int64]  # [N, Q]


def by_prototype(support: View, n_way: int) -> Answer:
    centers = prototypes(support.vectors.reshape(n_way, -1, support.vectors.shape[1]))
    return lambda view: np.asarray((unit(view.vectors) @ centers.T).argmax(1))


def by_scratch(support: View, n_way: int) -> Answer:
    method = FromScratch(lambda size_px: Conv4(width=32, size_px=size_px))
    pictures = torch.from_numpy(support.pixels.reshape(n_way, -1, *support.pixels.shape[1:]))
    network = method.fit(pictures)

    def answer(view: View) -> NDArray[np.int64]:
        with torch.inference_mode():
            return np.asarray(network(torch.from_numpy(view.pixels)).argmax(1).numpy())

    return answer


def by_regression(
    form: Callable[[View], NDArray[np.float32]], strength: float
) -> Callable[[View, int], Answer]:
    def fit(support: View, n_way: int) -> Answer:
        labels = np.repeat(np.arange(n_way), len(support.pixels) // n_way)
        model = LogisticRegression(C=strength, max_iter=2000).fit(form(support), labels)
        return lambda view: np.asarray(model.predict(form(view)))

    return fit


def flat(view: View) -> NDArray[np.float32]:
    return view.pixels.reshape(len(view.pixels), -1)


def vectors(view: View) -> NDArray[np.float32]:
    return view.vectors


def seen(dataset: Dataset, embedder: Embedder) -> View:
    chunks = range(0, len(dataset), 256)
    raw = [dataset.images[start : start + 256] for start in chunks]
    return View(
        np.concatenate([prepare_batch(part, PIXELS) for part in raw]),
        np.concatenate(
            [embedder.embed_prepared(prepare_batch(part, embedder.preprocessing)) for part in raw]
        ),
    )


def first_of_each(dataset: Dataset, count: int) -> Dataset:
    rows = np.concatenate(
        [np.flatnonzero(dataset.class_index == c)[:count] for c in range(len(dataset.class_names))]
    )
    return replace(
        dataset, images=dataset.images[rows], class_index=dataset.class_index[rows], drawer=None
    )


def draws(dataset: Dataset, name: str, count: int, most: int) -> list[Draw]:
    """Characters: disjoint sets of classes. Digits: the same ten classes, other examples."""
    rng = np.random.default_rng(0)
    n_way = WAYS[name]
    order = rng.permutation(len(dataset.class_names))
    found = []
    for number in range(count):
        first = number * n_way if name == "characters" else 0
        rows = np.stack(
            [
                rng.permutation(np.flatnonzero(dataset.class_index == c))[: most + QUERIES[name]]
                for c in order[first : first + n_way]
            ]
        )
        found.append(Draw(rows[:, :most], rows[:, most:]))
    return found


def share(answer: Answer, view: View, n_way: int) -> float:
    truth = np.repeat(np.arange(n_way), len(view.pixels) // n_way)
    return 100 * float((answer(view) == truth).mean())


def mean(values: list[float]) -> dict[str, float]:
    spread = float(np.std(values, ddof=1)) / np.sqrt(len(values))
    # Student's t for five draws, two-sided 95 %.
    return {"value": round(float(np.mean(values)), 2), "ci95": round(float(2.776 * spread), 2)}


def strengths(embedder: Embedder) -> dict[str, float]:
    """The best regularization of each regression, on alphabets that nothing here is tested on."""
    cohort = first_of_each(split(load_dataset("omniglot"), "cohort").subset(np.arange(40)), 10)
    view, best = seen(cohort, embedder), {}
    for name, form in (("pixels", flat), ("embedding", vectors)):
        reached = []
        for strength in STRENGTHS:
            results = []
            for draw in draws(cohort, "characters", 2, most=5):
                support = view[draw.examples[:, :5].ravel()]
                answer = by_regression(form, strength)(support, len(draw.queries))
                results.append(share(answer, view[draw.queries.ravel()], len(draw.queries)))
            reached.append(np.mean(results))
        best[name] = STRENGTHS[int(np.argmax(reached))]
    return best


def curves(
    name: str, view: View, tasks: list[Draw], contenders: dict[str, Callable[..., Answer]]
) -> list[dict[str, Any]]:
    rows = []
    for shots in SHOTS[name]:
        for key, fit in contenders.items():
            query, support, seconds = [], [], []
            for draw in tasks:
                examples = view[draw.examples[:, :shots].ravel()]
                n_way = len(draw.queries)
                began = process_time()
                answer = fit(examples, n_way)
                seconds.append(process_time() - began)
                query.append(share(answer, view[draw.queries.ravel()], n_way))
                support.append(share(answer, examples, n_way))
            rows.append(
                {
                    "data": name, "contender": key, "shots": shots, "accuracy": mean(query),
                    "on_support": round(float(np.mean(support)), 2),
                    "gap": round(float(np.mean(support) - np.mean(query)), 2),
                    "fit_seconds": round(float(np.median(seconds)), 5),
                }
            )  # fmt: skip
            print(rows[-1], flush=True)
    return rows


def one_more_class(
    raw: NDArray[np.uint8],
    embedder: Embedder,
    rows: list[dict[str, Any]],
) -> list[dict[str, Any]]:
    """What a 21st class costs each: pictures of it to come as far as the pack with one; seconds.

    A classifier is fitted anew to all examples; the pack embeds the new ones, and that is all.
    Whoever uses the embedding pays for embedding the new examples as well.
    """
    timed = []
    for picture in raw[:9]:
        began = process_time()
        embedder.embed([picture])
        timed.append(process_time() - began)
    embed = float(np.median(timed))
    reached = {(r["contender"], r["shots"]): r for r in rows if r["data"] == "characters"}
    goal = reached["pack", 1]["accuracy"]["value"]
    found = []
    for key in TITLES:
        enough = [k for k in SHOTS["characters"] if reached[key, k]["accuracy"]["value"] >= goal]
        shots = enough[0] if enough else max(SHOTS["characters"])
        seconds = reached[key, shots]["fit_seconds"] if key != "pack" else 0.0
        if key in ("pack", "embedding"):
            seconds += shots * embed
        found.append(
            {
                "contender": key, "examples": shots if enough else None,
                "seconds": round(seconds, 4),
                "retrained_on": 0 if key == "pack" else shots * (WAYS["characters"] + 1),
            }
        )  # fmt: skip
    return found


def overtakes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first number of examples at which a contender is ahead of the pack, if any."""
    found = []
    for name in SHOTS:
        value = {(r["contender"], r["shots"]): r["accuracy"]["value"] for r in rows
                 if r["data"] == name}  # fmt: skip
        for key in TITLES:
            if key != "pack":
                ahead = [k for k in SHOTS[name] if value[key, k] > value["pack", k]]
                found.append({"data": name, "contender": key, "from": ahead[0] if ahead else None})
    return found


def main() -> None:
    torch.set_num_threads(1)
    pack = load_pack("characters")
    embedder = Embedder(pack, threads=1)
    chosen = strengths(embedder)
    contenders: dict[str, Callable[..., Answer]] = {
        "pack": by_prototype,
        "scratch": by_scratch,
        "pixels": by_regression(flat, chosen["pixels"]),
        "embedding": by_regression(vectors, chosen["embedding"]),
    }
    evaluation = split(load_dataset("omniglot"), "evaluation")
    picked = np.random.default_rng(0).permutation(len(evaluation.class_names))
    characters = evaluation.subset(picked[: DRAWS * WAYS["characters"]])
    rows: list[dict[str, Any]] = []
    view = seen(characters, embedder)
    rows += curves("characters", view, draws(characters, "characters", DRAWS, most=15), contenders)
    costs = one_more_class(characters.images[:9], embedder, rows)
    from why_one_shot_figures import curves_figure, map_figure, matrix_figure

    docs = ROOT / "docs"
    first = characters.subset(np.arange(8))
    map_figure(docs / "why-embedding-map.svg", first, view[: len(first)].vectors)
    matrix_figure(docs / "why-similarity.svg", first, view[: len(first)].vectors)
    digits = first_of_each(load_dataset("digits"), POOL)
    rows += curves(
        "digits", seen(digits, embedder), draws(digits, "digits", DRAWS, most=50), contenders
    )
    result = {
        "command": "python experiments/why_one_shot.py",
        "model_id": pack.card.model_id,
        "machine": f"{platform.machine()}, one thread",
        "draws": DRAWS,
        "ways": WAYS,
        "queries": QUERIES,
        "regularization": chosen,
        "rows": rows,
        "one_more_class": costs,
        "overtakes": overtakes(rows),
    }
    keep("why_one_shot", result)
    curves_figure(docs / "why-one-shot.svg", rows)


if __name__ == "__main__":
    main()
