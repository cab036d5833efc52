"""What `holotype pack adapt` gains over a bare encoder, by the number of classes behind its head.

    HOLOTYPE_DATA=... python experiments/adapting.py [--features FOLDER]

The encoder is the network of the pack `shelf`, EfficientNet-Lite2, without that pack's own head:
the mean of its last map, as anybody exports it, or the five parts of it that `shelf` reads. Some
classes solve the heads, of which the command takes one, or none (`packing.heads`); others are named
among one another from one picture each, the same pictures for every row. Products are those of
`experiments/grocery.py`: heads are solved from `train` photographs of products that the head of
`shelf` was solved from as well, and asked about `test` photographs of the 40 that it never saw,
enrolled from a `train` photograph, or from the catalogue, whose pictures then lie among the
photographs that heads are solved from. How heads are solved and compared was fixed beforehand. That
one is taken if it is better at all, and not by two standard errors, was decided when all rows had
been seen. --features keeps what the network computes. Writes results/adapting.json; five minutes on
one core."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from domains import spoken_words
from embedded import kept
from everywhere_sets import few, things
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.dataset import Dataset
from holotype.image.prepare import prepare_batch
from holotype.model.graph import read_graph
from holotype.model.wiring import with_outputs
from holotype.pack import load_pack
from holotype.packing.heads import Head, fit, try_kinds
from holotype.stats.bootstrap import difference, share
from holotype.stats.scoring import Floats, unit
from tabling import keep

ENCODERS = ("last map", "five parts")
COUNTS, DRAWS, REFERENCES = (10, 20, 40), 3, 5
EACH, MANY = 6, 25  # pictures of a class; of a kind of steel
_CHUNK = 16

Index = NDArray[np.int64]
Counts = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True)
class Seen:
    """Unit vectors [M, D] by encoder, also those of `shelf` itself, and the classes [M]."""

    vectors: dict[str, Floats]
    class_index: Index

    def of(self, classes: Index, encoder: str) -> tuple[Floats, Index]:
        """Those of some classes, which are numbered anew."""
        rows = np.isin(self.class_index, classes)
        index = np.searchsorted(np.sort(classes), self.class_index[rows])
        return self.vectors[encoder][rows], index

    def beside(self, other: Seen) -> Seen:
        """Both together, of the same classes."""
        both = zip(self.vectors.items(), other.vectors.values(), strict=True)
        return Seen(
            {name: np.concatenate([ours, theirs]) for (name, ours), theirs in both},
            np.concatenate([self.class_index, other.class_index]),
        )


def steel() -> Dataset:
    data = load_dataset("neu")
    return data.rows(np.arange(len(data)) % (300 // MANY) == 0)


def products(part: str, only: str = "") -> Dataset:
    """Photographs of all products, or of those that `shelf` did not learn from."""
    data = few(load_dataset(f"grocery-{part}"), EACH)
    unseen = load_pack("shelf").card.cohort["class_names"]
    named = [name in unseen or not only for name in data.class_names]
    return data.rows(np.array(named)[data.class_index])


SETS: dict[str, Callable[[], Dataset]] = {
    "grocery-train": lambda: products("train"),
    "grocery-test": lambda: products("test", only="unseen"),
    "grocery-catalogue": lambda: products("catalogue"),
    "neu": steel,
    "orl": lambda: few(load_dataset("orl"), EACH),
    "caltech": lambda: few(things(), EACH),
    "fsdd": lambda: few(spoken_words(), EACH),
}


def network() -> Callable[[list[Any]], dict[str, Floats]]:
    """`shelf`, with what it computes before its head."""
    pack = load_pack("shelf")
    model = pack.model()
    graph = read_graph(model)
    made = {name: node for node in graph.nodes for name in node.outputs}
    (joined, *_) = made[graph.outputs[0]].inputs  # of the head: the five parts
    last = made[made[joined].inputs[0]].inputs[0]  # the first of them, before it has length 1
    while made[last].operator in ("ReduceMean", "Slice"):
        last = made[last].inputs[0]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(with_outputs(model, (joined, last)), options)

    def run(pictures: list[Any]) -> dict[str, Floats]:
        found: dict[str, list[Floats]] = {"last map": [], "five parts": [], "shelf": []}
        for start in range(0, len(pictures), _CHUNK):
            batch = prepare_batch(pictures[start : start + _CHUNK], pack.card.preprocessing)
            names = [last, joined, graph.outputs[0]]
            whole, parts, own = session.run(names, {graph.inputs[0].name: batch})
            for of, vectors in zip(found.values(), (whole.mean((2, 3)), parts, own), strict=True):
                of.append(unit(vectors))
        return {name: np.concatenate(of) for name, of in found.items()}

    return run


def seen(name: str, run: Callable[[list[Any]], dict[str, Floats]], folder: Path | None) -> Seen:
    file = None if folder is None else folder / f"{name}.npz"

    def make() -> dict[str, NDArray[Any]]:
        data = SETS[name]()
        print("computing", name, len(data), flush=True)
        return {**run(list(data.images[:])), "class_index": data.class_index}

    found = kept(file, make)
    return Seen(found, found.pop("class_index"))


@dataclass(frozen=True)
class Asked:
    """Classes that no head saw: their examples, drawn several times, and their probes."""

    references: Seen
    probes: Seen
    classes: Index

    def right(self, encoder: str, head: Callable[[Floats], Floats]) -> Counts:
        """Hits and trials by class, [C] each, over draws of one example of each class."""
        known, of_known = self.references.of(self.classes, encoder)
        shown, of_shown = self.probes.of(self.classes, encoder)
        known, shown = head(known), head(shown)
        count = len(self.classes)
        rng = np.random.default_rng(0)
        rows = [rng.permutation(np.flatnonzero(of_known == c)) for c in range(count)]
        hits, trials = np.zeros(count), np.zeros(count)
        for draw in range(min(REFERENCES, min(map(len, rows)))):
            example = np.array([of_class[draw] for of_class in rows])
            kept = np.ones(len(shown), bool)
            if self.references is self.probes:
                kept[example] = False
            named = (shown[kept] @ known[example].T).argmax(1)
            hits += np.bincount(of_shown[kept], named == of_shown[kept], minlength=count)
            trials += np.bincount(of_shown[kept], minlength=count)
        return hits, trials


@dataclass(frozen=True)
class Test:
    """From which classes heads are solved, how many at a time, and which are asked about."""

    name: str
    learned: Seen
    draws: Sequence[tuple[Index, Asked]]  # classes to learn from, and who is asked then
    counts: Sequence[int]


def halves(found: Seen, counts: Sequence[int], asked: int) -> list[tuple[Index, Asked]]:
    """Draws of classes: some are asked about, the others may be learned from."""
    classes = int(found.class_index.max()) + 1
    drawn = []
    for seed in range(DRAWS):
        order = np.random.default_rng(seed).permutation(classes)
        drawn.append((order[asked:], Asked(found, found, order[:asked])))
    assert max(counts) <= classes - asked
    return drawn


def tests(sets: Callable[[str], Seen]) -> Iterator[Test]:
    steel, shown = sets("neu"), sets("caltech")
    threes = [np.array(three) for three in itertools.combinations(range(6), 3)]
    yield Test(
        "steel, by other kinds of steel",
        steel,
        [(three, Asked(steel, steel, np.setdiff1d(np.arange(6), three))) for three in threes],
        (3,),
    )
    everything = np.random.default_rng(0).permutation(int(shown.class_index.max()) + 1)
    yield Test(
        "steel, by things in general",
        shown,
        [
            (np.roll(everything, 20 * draw), Asked(steel, steel, np.arange(6)))
            for draw in range(DRAWS)
        ],
        (40,),
    )
    yield Test("things in general", shown, halves(shown, COUNTS, 50), COUNTS)
    faces = sets("orl")
    yield Test("faces", faces, halves(faces, COUNTS[:2], 20), COUNTS[:2])
    said = sets("fsdd")
    by_speaker = [
        np.concatenate([10 * s + np.arange(10) for s in pair])
        for pair in itertools.combinations(range(6), 2)
    ][:: 15 // DRAWS]
    yield Test(
        "spoken words of other speakers",
        said,
        [(draw_of(60, pair), Asked(said, said, pair)) for pair in by_speaker],
        COUNTS,
    )
    card = load_pack("shelf").card
    names = list(load_dataset("grocery-test").class_names)
    known, unseen = (
        np.array([names.index(name) for name in part["class_names"]])
        for part in (card.background, card.cohort)
    )
    photographs, catalogue = sets("grocery-train"), sets("grocery-catalogue")
    probes = sets("grocery-test")  # whose classes are numbered by themselves
    probes = replace(probes, class_index=np.sort(unseen)[probes.class_index])
    for name, learned, references in (
        ("products, from a photograph", photographs, photographs),
        ("products, from the catalogue", photographs.beside(catalogue), catalogue),
    ):
        asked = Asked(references, probes, unseen)
        draws = [(np.random.default_rng(seed).permutation(known), asked) for seed in range(DRAWS)]
        yield Test(name, learned, draws, COUNTS)


def draw_of(classes: int, without: Index) -> Index:
    rest = np.setdiff1d(np.arange(classes), without)
    return np.random.default_rng(0).permutation(rest)


def measured(test: Test, encoder: str, count: int) -> dict[str, Any]:
    """Bare, with the head that the command takes, and with the best one whether it helps or not."""
    classes = int(max(asked.classes.max() for _, asked in test.draws)) + 1
    total = {key: np.zeros(classes) for key in ("trials", "bare", "adapted", "forced")}
    taken = 0
    for seed, (learned, asked) in enumerate(test.draws):
        vectors, index = test.learned.of(learned[:count], encoder)
        chosen, best = heads_of(vectors, index, seed)
        taken += chosen is not None
        at = np.sort(asked.classes)
        total["bare"][at] += (found := asked.right(encoder, lambda v: v))[0]
        total["trials"][at] += found[1]
        forced = asked.right(encoder, best)[0]
        total["forced"][at] += forced
        total["adapted"][at] += found[0] if chosen is None else forced
    trials = total.pop("trials")
    return {
        "count": count,
        "draws": len(test.draws),
        "heads_taken": taken,
        **{key: share(hits, trials).to_json() for key, hits in total.items()},
        "gain": difference(total["adapted"], total["bare"], trials).to_json(),
        "forced_gain": difference(total["forced"], total["bare"], trials).to_json(),
    }


def heads_of(vectors: Floats, index: Index, seed: int) -> tuple[Head | None, Head]:
    """What the command takes, and the best head whatever it does."""
    kind, tried = next(iter(try_kinds(vectors, index, seed).items()))
    head = fit(vectors, index, kind)
    return (head if tried.helps else None), head


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, help="folder that keeps the features")
    arguments = parser.parse_args()
    rows = []
    for test in tests(cache(partial(seen, run=network(), folder=arguments.features))):
        for encoder in ENCODERS if test.name.startswith("products") else ENCODERS[:1]:
            for count in test.counts:
                rows.append(
                    {"test": test.name, "encoder": encoder, **measured(test, encoder, count)}
                )
                print(json.dumps(rows[-1]), flush=True)
        if test.name.startswith("products"):
            hits, trials = test.draws[0][1].right("shelf", lambda vectors: vectors)
            rows.append({"test": test.name, "shipped": share(hits, trials).to_json()})
            print(json.dumps(rows[-1]), flush=True)
    result = {"command": "python experiments/adapting.py", "rows": rows}
    keep("adapting", result)


if __name__ == "__main__":
    main()
