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

New characters come early, when little is known of the others. So drawings of the characters that
never come are shown again and again as well, which nobody learns, and say how many strangers are
let in at the time. At the rate that the Recognizer kept then, the similarity that the memory would
have needed is read off afterwards, and what it would have recognized with it.

Writes results/stream.json and docs/stream.png.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

import holotype
from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.lazy import Pictures
from holotype.datasets.splits import split
from holotype.embedder import Embedder
from holotype.image.prepare import prepare_batch
from holotype.pack import load_pack
from holotype.records import Decision
from holotype.stats.bootstrap import share
from holotype.train.methods.memory.lifelong import EMPTY, LifelongMemory, LifelongMemoryNetwork
from holotype.train.pipeline import run_scorer
from tabling import keep

ROOT = Path(__file__).parent.parent
STATED = 0.1
SLOTS = 4096
STAGE = 100  # classes
EVERY = 1000  # items, after which strangers are shown
STRANGER_DRAWINGS = 5  # of each character that never comes


class Contender(Protocol):
    name: str

    vectors: NDArray[np.float32]  # unit [rows of the data set, D]

    def recognize(self, vector: NDArray[np.float32]) -> tuple[int, int, float]:
        """The class it is taken for, -1 for a new one; the nearest class, and how alike it is."""

    def learn(self, vector: NDArray[np.float32], label: int) -> None: ...

    def facts(self) -> dict[str, Any]:
        """What it keeps."""


class Memory:
    """A life-long memory, with one similarity from which a drawing counts as seen before."""

    def __init__(self, name: str, vectors: NDArray[np.float32], level: float) -> None:
        self.name, self.vectors, self.level = name, vectors, level
        self.memory = LifelongMemory(SLOTS, vectors.shape[1])
        self.overwritten = 0

    def recognize(self, vector: NDArray[np.float32]) -> tuple[int, int, float]:
        probe = torch.from_numpy(vector)[None, None]
        value, similarity = (found.item() for found in self.memory.read(probe))
        return (int(value) if similarity >= self.level else -1), int(value), similarity

    def learn(self, vector: NDArray[np.float32], label: int) -> None:
        written = self.memory.write(torch.from_numpy(vector)[None], torch.tensor([label]))
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

    def __init__(self, path: Path, vectors: NDArray[np.float32]) -> None:
        self.path, self.vectors = path, vectors
        self.desk = holotype.open(path)

    def recognize(self, vector: NDArray[np.float32]) -> tuple[int, int, float]:
        decision = self.desk.identify(vectors=vector, fpir=STATED)
        assert isinstance(decision, Decision)
        best = decision.candidates[0] if decision.candidates else None
        nearest = int(best.label) if best else -1
        # What it cannot tell is neither new nor anybody.
        answer = {"match": nearest, "unknown": -1, "cannot_tell": -2}[decision.answer]
        return answer, nearest, best.similarity if best else -1.0

    def learn(self, vector: NDArray[np.float32], label: int) -> None:
        self.desk.enroll(str(label), vectors=vector)

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


@dataclass(frozen=True)
class Stream:
    """What is shown, and when."""

    items: list[tuple[int, int]]  # (row, class) of every drawing of some classes, in random order
    strangers: list[tuple[int, int]]  # the same of some drawings of all other classes

    @classmethod
    def drawn(cls, dataset: Dataset, characters: int, seed: int) -> Stream:
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(dataset.class_names))
        rows = rng.permutation(np.flatnonzero(np.isin(dataset.class_index, order[:characters])))
        others = [
            rng.choice(np.flatnonzero(dataset.class_index == one), STRANGER_DRAWINGS, replace=False)
            for one in order[characters:]
        ]
        items, strangers = (
            [(int(row), int(dataset.class_index[row])) for row in some]
            for some in (rows, np.concatenate(others))
        )
        return cls(items, strangers)


Track = dict[str, NDArray[np.float64]]  # one row for each item of a stream


def play(contender: Contender, stream: Stream) -> tuple[Track, Track]:
    """Recognize, be told, learn, item by item; strangers in between. Times are a processor's."""
    seen: dict[int, int] = {}
    rows, others = [], []
    for at, (row, label) in enumerate(stream.items, 1):
        vector = contender.vectors[row]
        began = time.process_time()
        answer, nearest, similarity = contender.recognize(vector)
        recognized = time.process_time()
        known = len(seen)
        seen[label] = seen.get(label, 0) + 1
        expected = -1 if seen[label] == 1 else label
        told = time.process_time()
        contender.learn(vector, label)
        learned = time.process_time()
        rows.append(
            (
                *(label, seen[label], known, (at - 1) // EVERY),
                *(answer == expected, answer == -1, nearest == label, similarity),
                *(recognized - began, learned - told),
            )
        )
        if at % EVERY == 0 or at == len(stream.items):
            for stranger, character in stream.strangers:
                answer, _, similarity = contender.recognize(contender.vectors[stranger])
                others.append((character, (at - 1) // EVERY, answer >= 0, similarity))
            print(f"{contender.name}: {at:,} of {len(stream.items):,}", flush=True)
    names = ("label", "instance", "known", "time", "right", "called_new", "nearest", "similarity")
    return (
        _columns((*names, "ask_s", "learn_s"), rows),
        _columns(("label", "time", "let_in", "similarity"), others),
    )


def _columns(names: tuple[str, ...], rows: Sequence[tuple[float, ...]]) -> Track:
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


def at_the_rate_of(track: Track, others: Track, kept: Track) -> NDArray[np.float64]:
    """Which items would be right with the one similarity, between one showing of strangers and the
    next, that lets in as many of them as ``kept`` did: chosen with the answers in hand."""
    right = np.zeros(len(track["right"]))
    for moment in np.unique(track["time"]):
        reached = np.sort(others["similarity"][others["time"] == moment])
        let_in = int(kept["let_in"][kept["time"] == moment].sum())
        level = reached[-let_in - 1] if let_in < len(reached) else -1.0
        known = track["similarity"] > level
        then = np.where(track["instance"] == 1, ~known, known & (track["nearest"] == 1))
        rows = track["time"] == moment
        right[rows] = then[rows]
    return right


def summary(
    contender: Contender,
    track: Track,
    others: Track,
    kept: Track,
) -> dict[str, Any]:
    first = track["instance"] == 1

    def shares(
        rows: NDArray[np.bool_], hit: NDArray[np.float64], of: Track = track
    ) -> dict[str, Any]:
        label = of["label"][rows].astype(np.int64)
        trials = np.bincount(label)
        return share(np.bincount(label, weights=hit[rows]), trials).to_json()

    last = int(track["instance"].max())
    same_rate = at_the_rate_of(track, others, kept)
    later = ~first
    known = track["known"]
    return {
        "name": contender.name,
        **contender.facts(),
        "right_at_instance": [
            {"instance": k, **shares(track["instance"] == k, track["right"])}
            for k in range(1, last + 1)
        ],
        "right_at_the_same_rate": [
            {"instance": k, **shares(track["instance"] == k, same_rate)} for k in range(1, last + 1)
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
        "strangers_let_in": shares(others["time"] >= 0, others["let_in"], others),
        "strangers_let_in_by_time": [
            {
                "after": min(int(moment + 1) * EVERY, len(known)),
                **shares(others["time"] == moment, others["let_in"], others),
            }
            for moment in np.unique(others["time"])
        ],
        "known_as_new": shares(later, track["called_new"]),
        "later_right": shares(later, track["right"]),
        "median_ms": {
            "recognize": round(1000 * float(np.median(track["ask_s"])), 3),
            "learn": round(1000 * float(np.median(track["learn_s"])), 3),
        },
    }


def draw(results: list[dict[str, Any]], out: Path) -> None:
    """Three panels: right at the k-th instance, strangers let in by time, and what it costs."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    right, strangers, cost = figure.subplots(1, 3, width_ratios=(2, 2, 1.4))
    for at, result in enumerate(results):
        color = f"C{at}"
        for axes, key, x, style in (
            (right, "right_at_instance", "instance", "o-"),
            (strangers, "strangers_let_in_by_time", "after", "o-"),
        ):
            points = result[key]
            where = [p[x] for p in points]
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
    strangers.set(xlabel="drawings shown so far", ylabel="strangers let in, %", ylim=(0, None))
    strangers.axhline(100 * STATED, color="black", linestyle=":", linewidth=1)
    cost.set(xlabel="processor ms a drawing", yticks=[])
    cost.set_xlim(right=2.2 * max(sum(r["median_ms"].values()) for r in results))
    figure.savefig(out, dpi=110)


def _in_batches(
    embed: Callable[[list[Any]], NDArray[np.float32]], drawings: Pictures
) -> NDArray[np.float32]:
    starts = range(0, len(drawings), 256)
    return np.concatenate([embed(list(drawings[start : start + 256])) for start in starts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, nargs="?", help="a run of lifelong-memory, characters")
    parser.add_argument("--characters", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=Path, default=ROOT / "docs" / "stream.png")
    options = parser.parse_args()
    torch.set_grad_enabled(False)
    dataset = split(load_dataset("omniglot"), "evaluation")
    stream = Stream.drawn(dataset, options.characters, options.seed)

    pack = load_pack("characters")
    embedder = Embedder(pack)
    began = time.process_time()
    vectors = _in_batches(embedder.embed, dataset.images)
    embed_ms = 1000 * (time.process_time() - began) / len(dataset)
    cohort_level = level(*pack.cohort(), options.seed)
    contenders: list[Contender] = [Memory("life-long memory", vectors, cohort_level)]
    if options.run:
        scorer = run_scorer(options.run)
        if not isinstance(scorer.method, LifelongMemoryNetwork):
            parser.error(f"{options.run} is no run of lifelong-memory")

        def embed(drawings: list[Any]) -> NDArray[np.float32]:
            prepared = torch.from_numpy(prepare_batch(drawings, scorer.preprocessing))
            return np.asarray(scorer.method.unit(prepared))

        cohort = split(load_dataset("omniglot"), "cohort")
        cohort_vectors = _in_batches(embed, cohort.images)
        own_level = level(cohort_vectors, cohort.class_index, options.seed)
        own = _in_batches(embed, dataset.images)
        contenders.append(Memory("life-long memory, own embedding", own, own_level))
    results: list[dict[str, Any]] = []
    kept: Track = {}
    with tempfile.TemporaryDirectory() as folder:
        for contender in [Recognized(Path(folder) / "stream.gallery", vectors), *contenders]:
            track, others = play(contender, stream)
            kept = kept or others  # the Recognizer's
            results.append(summary(contender, track, others, kept))
            print({k: v for k, v in results[-1].items() if not isinstance(v, list)}, flush=True)
    report = {
        "command": "python experiments/stream.py RUN",
        "model_id": pack.card.model_id,
        "characters": options.characters,
        "drawings": len(stream.items),
        "strangers": len(dataset.class_names) - options.characters,
        "embed_ms": round(embed_ms, 1),
        "stated": STATED,
        "seed": options.seed,
        "contenders": results,
    }
    keep("stream", report)
    draw(results, options.plot)


if __name__ == "__main__":
    main()
