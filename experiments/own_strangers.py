"""Own strangers where the pictures come from another source: the promise before and after.

    python experiments/own_strangers.py

Drawings of the selection alphabets, as they are and as another source would give them: blurred, on
a printed line, in a printed frame, at 8 x 8 pixels. Of one source, some characters are enrolled
from one drawing each, others are given as own strangers, and a third group plays the strangers who
are counted. Chosen here, on alphabets that are no test set, is how own strangers are weighed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.embedder import Embedder
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from tabling import keep
from tallying import Tally

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
    vectors = embedder.embed([change(picture) for picture in pictures])
    if kept:
        np.save(kept, vectors)
    return vectors


def play(
    vectors: NDArray[np.float32],
    class_index: NDArray[np.int64],
    model: CohortModel,
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
    tallies = [Tally(rate, count) for rate in rates]
    familiarity = model.novelty.p_value(vectors)
    for trial in range(trials):
        rng = np.random.default_rng(trial)
        order = rng.permutation(count)
        shuffled = {c: rng.permutation(np.flatnonzero(class_index == c)) for c in order}
        known, given = order[:enrolled], order[enrolled : enrolled + own[0]]
        support = np.stack([shuffled[c][:shots] for c in known])
        rows = np.concatenate([np.empty(0, np.int64), *(shuffled[c][: own[1]] for c in given)])
        site = Cohort(vectors[rows], class_index[rows])
        matcher = Matcher.of_support(model, vectors[support], site=site)
        counted = np.flatnonzero(np.isin(class_index, order[apart:]))
        probes = np.concatenate([counted, *(shuffled[c][shots:] for c in known)])
        compared = matcher.compare(vectors[probes], familiarity=familiarity[probes])
        doubts = None if doubtful is None else doubtful[probes]
        for tally in tallies:
            tally.add(matcher, compared, known, class_index[probes], doubts)
    return [
        {
            "enrolled": enrolled,
            "own_classes": own[0],
            "own_pictures": own[0] * own[1],
            "stated": tally.rate,
            "basis": dict(tally.bases),
            "refused": len(tally.refused) / trials,
            "smallest": round(float(np.median(tally.refused)), 4) if tally.refused else None,
            "fpir": tally.fpir(),
            "fnir": tally.fnir(),
        }
        for tally in tallies
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--galleries", type=int, default=40, help="for each row")
    parser.add_argument("--vectors", type=Path, help="folder that keeps the embeddings")
    options = parser.parse_args()
    pack = load_pack("characters")
    data, model = split(load_dataset("omniglot"), "selection"), cohort_model(pack)
    embedder, rows = Embedder(pack), []
    for source in SOURCES:
        vectors = embedded(source, data.images, embedder, options.vectors)
        for enrolled in ENROLLED:
            for own in OWN:
                played = play(vectors, data.class_index, model, enrolled, own, options.galleries)
                rows.extend({"source": source, **row} for row in played)
                for row in played:
                    fpir, fnir = row["fpir"]["value"], row["fnir"]["value"]
                    print(
                        f"{source:6} N={enrolled} own {own[0]} x {own[1]}: stated "
                        f"{row['stated']:.0%}, {fpir:.2%} accepted, {fnir:.1%} missed",
                        flush=True,
                    )
    report = {"model_id": pack.card.model_id, "galleries": options.galleries, "rows": rows}
    keep("own_strangers", report)


if __name__ == "__main__":
    main()
