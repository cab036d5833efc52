"""A stream of single drawings: the Recognizer and its gallery beside a life-long memory.

    holotype train lifelong-memory --data omniglot --recipe characters --out RUN
    python experiments/stream.py [RUN]

Omniglot's evaluation characters come one drawing at a time in random order, each class when it
comes. A drawing is first recognized, as one of those seen before or as new, then its label is
told, and the drawing is enrolled or written down. Nothing is retrained. The memory runs over the
embedding of the shipped pack, and over its own where a run is given. Strangers are to be taken
for known at a stated rate: the Recognizer sets its threshold anew for the gallery as it stands;
the memory, which has no such rule of its own, keeps the one similarity that gave the rate in a
stream of the cohort's characters.

Writes results/stream.json and docs/stream.png.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

import holotype
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.splits import split
from holotype.embedder import Embedder
from holotype.image.prepare import prepare_batch
from holotype.pack import load_pack
from holotype.stats.bootstrap import share
from holotype.train.methods.memory.lifelong import EMPTY, LifelongMemory, LifelongMemoryNetwork
from holotype.train.pipeline import run_scorer
from tabling import keep

ROOT = Path(__file__).parent.parent
STATED = 0.1
SLOTS = 4096
STAGE = 100  # classes

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # one drawing [H, W] -> unit [D]


class Contender(Protocol):
    name: str

    def recognize(self, drawing: NDArray[np.uint8]) -> tuple[int, int]:
        """The class it is taken for, -1 for a new one; and the nearest class, whatever."""

    def learn(self, drawing: NDArray[np.uint8], label: int) -> None: ...

    def facts(self) -> dict[str, Any]:
        """What it keeps."""


class Memory:
    """A life-long memory, with one similarity from which a drawing counts as seen before."""

    def __init__(self, name: str, embed: Embed, dim: int, level: float) -> None:
        self.name, self.embed, self.level = name, embed, level
        self.memory = LifelongMemory(SLOTS, dim)
        self.overwritten = 0

    def recognize(self, drawing: NDArray[np.uint8]) -> tuple[int, int]:
        self.vector = torch.from_numpy(self.embed(drawing))[None]
        value, similarity = (found.item() for found in self.memory.read(self.vector[None]))
        return (int(value) if similarity >= self.level else -1), int(value)

    def learn(self, drawing: NDArray[np.uint8], label: int) -> None:
        written = self.memory.write(self.vector, torch.tensor([label]))
        self.overwritten += int(written.lost.item() != EMPTY)

    def facts(self) -> dict[str, Any]:
        used = int((self.memory.values != EMPTY).sum())
        each = 4 * self.memory.keys.shape[2] + 8 + 8  # a key, a value and an age
        return {
            "kept": used,
            "of": SLOTS,
            "overwritten": self.overwritten,
            "kept_bytes": used * each,
            "threshold": round(self.level, 4),
        }


class Recognized:
    """The Recognizer over a gallery file."""

    name = "Recognizer and gallery"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.desk = holotype.open(path)

    def recognize(self, drawing: NDArray[np.uint8]) -> tuple[int, int]:
        decision = self.desk.identify(drawing, STATED)
        nearest = int(decision.candidates[0].label) if decision.candidates else -1
        # What it cannot tell is neither new nor anybody.
        answer = {"match": nearest, "unknown": -1, "cannot_tell": -2}[decision.answer]
        return answer, nearest

    def learn(self, drawing: NDArray[np.uint8], label: int) -> None:
        self.desk.enroll(str(label), drawing)

    def facts(self) -> dict[str, Any]:
        kept = sum(self.desk.list().values())
        self.desk.close()
        return {
            "kept": kept,
            "of": None,
            "overwritten": 0,
            "kept_bytes": self.path.stat().st_size,
            "threshold": None,
        }


def in_order(dataset: Dataset, characters: int, seed: int) -> list[tuple[int, int]]:
    """The stream: (row, class) of every drawing of so many classes, in random order."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(dataset.class_names))[:characters]
    rows = rng.permutation(np.flatnonzero(np.isin(dataset.class_index, chosen)))
    return [(int(row), int(dataset.class_index[row])) for row in rows]


def play(
    contender: Contender, dataset: Dataset, stream: list[tuple[int, int]]
) -> dict[str, NDArray[np.float64]]:
    """Recognize, be told, learn, item by item. One row for each item of the stream."""
    seen: dict[int, int] = {}
    rows = []
    for at, (row, label) in enumerate(stream):
        drawing = dataset.images[row]
        began = time.perf_counter()
        answer, nearest = contender.recognize(drawing)
        recognized = time.perf_counter()
        known = len(seen)
        seen[label] = seen.get(label, 0) + 1
        expected = -1 if seen[label] == 1 else label
        told = time.perf_counter()
        contender.learn(drawing, label)
        learned = time.perf_counter()
        rows.append(
            (
                *(label, seen[label], known),
                *(answer == expected, answer == -1, nearest == label),
                *(recognized - began, learned - told),
            )
        )
        if (at + 1) % 500 == 0:
            print(f"{contender.name}: {at + 1:,} of {len(stream):,}", flush=True)
    names = ("label", "instance", "known", "right", "called_new", "nearest", "ask_s", "learn_s")
    return dict(zip(names, np.array(rows, dtype=np.float64).T, strict=True))


def level(vectors: NDArray[np.float32], class_index: NDArray[np.int64], seed: int) -> float:
    """The similarity that new characters reach at the stated rate, in a stream of the cohort."""
    memory = LifelongMemory(SLOTS, vectors.shape[1])
    reached, seen = [], set()
    for row in np.random.default_rng(seed).permutation(len(vectors)):
        vector, label = torch.tensor(vectors[row : row + 1]), int(class_index[row])
        if seen and label not in seen:
            reached.append(memory.read(vector[None])[1].item())
        seen.add(label)
        memory.write(vector, torch.tensor([label]))
    return float(np.quantile(reached, 1 - STATED))


def summary(contender: Contender, track: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    first = track["instance"] == 1

    def shares(rows: NDArray[np.bool_], hit: NDArray[np.float64]) -> dict[str, Any]:
        label = track["label"][rows].astype(np.int64)
        trials = np.bincount(label)
        return share(np.bincount(label, weights=hit[rows]), trials).to_json()

    last = int(track["instance"].max())
    later = ~first
    known = track["known"]
    return {
        "name": contender.name,
        **contender.facts(),
        "right_at_instance": [
            {"instance": k, **shares(track["instance"] == k, track["right"])}
            for k in range(1, last + 1)
        ],
        "nearest_at_instance": [
            {"instance": k, **shares(track["instance"] == k, track["nearest"])}
            for k in range(2, last + 1)
        ],
        "new_as_new": shares(first & (known > 0), track["called_new"]),
        "new_as_new_by_known": [
            {"from": start, **shares(rows, track["called_new"])}
            for start in range(0, int(known.max()) + 1, STAGE)
            if (rows := first & (known > 0) & (known // STAGE == start // STAGE)).any()
        ],
        "known_as_new": shares(later, track["called_new"]),
        "later_right": shares(later, track["right"]),
        "median_ms": {
            "recognize": round(1000 * float(np.median(track["ask_s"])), 3),
            "learn": round(1000 * float(np.median(track["learn_s"])), 3),
        },
    }


def draw(results: list[dict[str, Any]], out: Path) -> None:
    """Three panels: right at the k-th instance, new recognized as new, time per item."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    right, new, cost = figure.subplots(1, 3, width_ratios=(2, 2, 1.4))
    for at, result in enumerate(results):
        color = f"C{at}"
        for axes, key, x, style in (
            (right, "right_at_instance", "instance", "o-"),
            (new, "new_as_new_by_known", "from", "o-"),
        ):
            points = result[key]
            where = [p[x] + STAGE / 2 * (x == "from") for p in points]
            axes.plot(
                where, [100 * p["value"] for p in points], style, color=color, markersize=3,
                label=result["name"],
            )  # fmt: skip
            low, high = zip(*(p["ci95"] for p in points), strict=True)
            axes.fill_between(
                where, 100 * np.array(low), 100 * np.array(high), color=color, alpha=0.15,
                linewidth=0,
            )  # fmt: skip
        both = sum(result["median_ms"].values())
        cost.barh(len(results) - at, both, color=color)
        cost.text(both, len(results) - at, f" {both:.1f} ms, {result['kept_bytes'] / 1e6:.1f} MB")
    right.set(xlabel="instance (1st: recognized as new)", ylabel="right, %")
    right.legend(loc="lower right", fontsize=8, frameon=False)
    new.set(xlabel="characters known so far", ylabel="new recognized as new, %")
    new.axhline(100 * (1 - STATED), color="black", linestyle=":", linewidth=1)
    cost.set(xlabel="ms per drawing, and what is kept", yticks=[])
    cost.set_xlim(right=2.2 * max(sum(r["median_ms"].values()) for r in results))
    figure.savefig(out, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", help="a run of lifelong-memory, characters")
    parser.add_argument("--characters", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "stream.png")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    dataset = split(load_dataset("omniglot"), "evaluation")
    stream = in_order(dataset, options.characters, options.seed)

    pack = load_pack("characters")
    embedder = Embedder(pack)

    def by_pack(drawing: NDArray[np.uint8]) -> NDArray[np.float32]:
        return embedder.embed([drawing])[0]

    dim, cohort_level = embedder.embedding_dim, level(*pack.cohort(), options.seed)
    contenders: list[Contender] = [Memory("life-long memory", by_pack, dim, cohort_level)]
    if options.run:
        scorer = run_scorer(options.run)
        if not isinstance(scorer.method, LifelongMemoryNetwork):
            parser.error(f"{options.run} is no run of lifelong-memory")

        def embed(drawings: NDArray[np.uint8]) -> NDArray[np.float32]:
            prepared = torch.from_numpy(prepare_batch(list(drawings), scorer.preprocessing))
            return np.asarray(scorer.method.unit(prepared))

        cohort = split(load_dataset("omniglot"), "cohort")
        vectors = np.concatenate(
            [embed(cohort.images[start : start + 256]) for start in range(0, len(cohort), 256)]
        )
        contenders.append(
            Memory(
                "life-long memory, own embedding",
                lambda drawing: embed(drawing[None])[0],
                vectors.shape[1],
                level(vectors, cohort.class_index, options.seed),
            )
        )
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for contender in [Recognized(Path(folder) / "stream.gallery"), *contenders]:
            results.append(summary(contender, play(contender, dataset, stream)))
            print({k: v for k, v in results[-1].items() if not isinstance(v, list)}, flush=True)
    report = {
        "command": "python experiments/stream.py RUN",
        "model_id": pack.card.model_id,
        "characters": options.characters,
        "drawings": len(stream),
        "stated": STATED,
        "seed": options.seed,
        "contenders": results,
    }
    keep("stream", report)
    draw(results, options.plot)


if __name__ == "__main__":
    main()
