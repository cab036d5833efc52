"""Own strangers where the pictures come from another source: the promise before and after.

    python bench/own_strangers.py

Drawings of the selection alphabets, as they are and as another source would give them: blurred, on
a printed line, in a printed frame, at 8 x 8 pixels. Of one source, some characters are enrolled
from one drawing each, others are given as own strangers, and a third group plays the strangers who
are counted. Chosen here, on alphabets that are no test set, is how own strangers are weighed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from holotype.embedder import Embedder
from holotype.errors import RateError
from holotype.openset import Cohort, Impostors
from holotype.pack import load_pack
from holotype.scoring import prototypes
from holotype.tasks.bootstrap import share
from holotype.tasks.datasets import load_dataset
from holotype.tasks.splits import split

RATES = (0.1, 0.01)
ENROLLED = (20, 50)
OWN = ((0, 0), (5, 4), (10, 5), (20, 5), (40, 5))  # classes, pictures of each
KEPT_APART = 90  # the first so many classes of an order are enrolled or given; the rest is counted

Picture = NDArray[np.uint8]


def blurred(picture: Picture) -> Picture:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(4)))


def ruled(picture: Picture) -> Picture:
    picture = picture.copy()
    picture[88:92, 8:97] = 0
    return picture


def boxed(picture: Picture) -> Picture:
    picture = picture.copy()
    picture[6:9, 6:99] = picture[96:99, 6:99] = picture[6:99, 6:9] = picture[6:99, 96:99] = 0
    return picture


def tiny(picture: Picture) -> Picture:
    ink = np.argwhere(picture < 128)
    (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0) + 1
    cut = Image.fromarray(picture).crop((left - 6, top - 6, right + 6, bottom + 6))
    side = max(cut.size)
    square = Image.new("L", (side, side), 255)
    square.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    return np.asarray(square.resize((8, 8), Image.Resampling.BOX))


SOURCES: dict[str, Callable[[Picture], Picture]] = {
    "clean": lambda picture: picture,
    "blur": blurred,
    "ruled": ruled,
    "boxed": boxed,
    "tiny": tiny,
}


def embedded(source: str, pictures: Any, embedder: Embedder, folder: Path | None) -> Any:
    kept = folder / f"{source}.npy" if folder else None
    if kept and kept.exists():
        return np.load(kept)
    change = SOURCES[source]
    vectors = np.concatenate(
        [
            embedder.embed([change(picture) for picture in pictures[start : start + 256]])
            for start in range(0, len(pictures), 256)
        ]
    )
    if kept:
        np.save(kept, vectors)
    return vectors


def play(
    vectors: NDArray[np.float32],
    class_index: NDArray[np.int64],
    cohort: Cohort,
    enrolled: int,
    own: tuple[int, int],
    trials: int,
    *,
    shots: int = 1,
    apart: int = KEPT_APART,
    rates: Sequence[float] = RATES,
    doubtful: NDArray[np.bool_] | None = None,
) -> list[dict[str, Any]]:
    """One row for each stated rate; who is doubtful gets no answer."""
    count = int(class_index.max()) + 1
    doubtful = np.zeros(len(vectors), bool) if doubtful is None else doubtful
    accepted, missed = ({rate: np.zeros((2, count)) for rate in rates} for _ in range(2))
    refused: dict[float, list[float]] = {rate: [] for rate in rates}  # what could be promised
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        order = rng.permutation(count)
        shuffled = {c: rng.permutation(np.flatnonzero(class_index == c)) for c in order}
        known, given = order[:enrolled], order[enrolled : enrolled + own[0]]
        gallery = prototypes(np.stack([vectors[shuffled[c][:shots]] for c in known]))
        rows = np.concatenate([np.empty(0, np.int64), *(shuffled[c][: own[1]] for c in given)])
        strangers = Cohort(vectors[rows], class_index[rows])
        draws = Impostors.of(cohort, strangers, range(enrolled), gallery, shots)
        counted = np.isin(class_index, order[apart:])
        best = (vectors[counted] @ gallery.T).max(axis=1)
        probes = np.concatenate([shuffled[c][shots:] for c in known])
        similarity = vectors[probes] @ gallery.T
        right = known[similarity.argmax(axis=1)] == class_index[probes]
        for rate in rates:
            try:
                level = draws.threshold(rate, "fpir")
            except RateError:
                refused[rate].append(draws.smallest_rate())
                continue
            found = right & (similarity.max(axis=1) >= level) & ~doubtful[probes]
            for tally, classes, hits in (
                (accepted, class_index[counted], (best >= level) & ~doubtful[counted]),
                (missed, class_index[probes], ~found),
            ):
                tally[rate][0] += np.bincount(classes[hits], minlength=count)
                tally[rate][1] += np.bincount(classes, minlength=count)
    return [
        {
            "enrolled": enrolled,
            "own_classes": own[0],
            "own_pictures": own[0] * own[1],
            "stated": rate,
            "refused": len(refused[rate]) / trials,
            "smallest": round(float(np.median(refused[rate])), 4) if refused[rate] else None,
            "fpir": share(*accepted[rate]).to_json() if accepted[rate].any() else None,
            "fnir": share(*missed[rate]).to_json() if missed[rate].any() else None,
        }
        for rate in rates
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galleries", type=int, default=40, help="for each row")
    parser.add_argument("--vectors", type=Path, help="folder that keeps the embeddings")
    parser.add_argument("--out", type=Path, default=Path("results/own_strangers.json"))
    options = parser.parse_args()
    pack = load_pack("characters")
    data, cohort = split(load_dataset("omniglot"), "selection"), Cohort(*pack.cohort())
    embedder, rows = Embedder(pack), []
    for source in SOURCES:
        vectors = embedded(source, data.images, embedder, options.vectors)
        for enrolled in ENROLLED:
            for own in OWN:
                played = play(vectors, data.class_index, cohort, enrolled, own, options.galleries)
                rows.extend({"source": source, **row} for row in played)
                for row in played:
                    fpir, fnir = row["fpir"]["value"], row["fnir"]["value"]
                    print(
                        f"{source:6} N={enrolled} own {own[0]} x {own[1]}: stated "
                        f"{row['stated']:.0%}, {fpir:.2%} accepted, {fnir:.1%} missed",
                        flush=True,
                    )
    report = {"model_id": pack.card.model_id, "galleries": options.galleries, "rows": rows}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
