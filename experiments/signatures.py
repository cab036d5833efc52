"""CEDAR: is it the signature of the one who it claims to be? Equal error rates, 1:1.

    HOLOTYPE_DATA=... python experiments/signatures.py [PACK ...] [--vectors FOLDER] [--card]

Of each signer 1, 5 or 12 genuine signatures are enrolled (20 draws); the other genuine ones are
probes, the same for all numbers of references. Skilled forgeries are the 24 by people who
practiced it; random ones are the first signature of everybody else. The score is the similarity
to the prototype, with one threshold for all signers; the intervals resample signers. Nothing was
trained or chosen on these: the pack `signatures` learned from signatures made of Omniglot's
characters, and was measured here once, after `characters` and `shelf` had been. --vectors keeps
the embeddings. What `verify` would say at a stated rate is measured for that pack. Writes
results/signatures.json; about five minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from embedded import seen_once
from holotype.datasets.catalogue import load_dataset
from holotype.embedder import Embedder
from holotype.image.prepare import prepare_batch
from holotype.openset import Matcher
from holotype.pack import Pack, add_scores, load_pack
from holotype.preprocessing import Preprocessing
from holotype.recognizer.opening import cohort_model
from holotype.stats.bootstrap import share
from holotype.stats.scoring import unit
from holotype.train.methods.metric.hog import Hog
from tabling import keep, today

REFERENCES, DRAWS, RESAMPLES = (1, 5, 12), 20, 200
STATED = (0.1, 0.01)  # FMR
MADE_FOR_IT = "signatures"
# Both baselines see the strokes, cropped and centered, as `characters` does, but finer.
INK = Preprocessing("ink", size_px=96, margin_px=2)

Vectors = NDArray[np.float32]


def pixels(images: NDArray[np.uint8]) -> Vectors:
    return unit(prepare_batch(list(images), INK).reshape(len(images), -1))


def hog(images: NDArray[np.uint8]) -> Vectors:
    with torch.inference_mode():
        return unit(Hog(8)(torch.tensor(prepare_batch(list(images), INK))).numpy())


def pack(name: str) -> Callable[[NDArray[np.uint8]], Vectors]:
    embedder = Embedder(load_pack(name), threads=1)

    def embed(images: NDArray[np.uint8]) -> Vectors:
        return embedder.embed(list(images))

    return embed


def as_served(name: str, folder: Path | None) -> tuple[Vectors, NDArray[np.bool_]]:
    """What `verify` sees: [55, 2, 24, D], and of which pictures it has doubts."""
    file = folder / f"cedar_{name}_served.npz" if folder else None
    vectors, doubtful = seen_once(load_dataset("cedar"), load_pack(name), file)
    return vectors.reshape(55, 2, 24, -1), doubtful.reshape(55, 2, 24)


class Scores:
    """Similarities of all probes, kept by signer so that signers can be resampled."""

    def __init__(self, genuine: Vectors, forged: Vectors, references: int) -> None:
        """[S, 24, D] each."""
        signers, each = genuine.shape[:2]
        rng = np.random.default_rng(0)
        kept: dict[str, list[list[Vectors]]] = {
            kind: [[] for _ in range(signers)] for kind in ("genuine", "skilled", "random")
        }
        for _ in range(DRAWS):
            for signer in range(signers):
                order = rng.permutation(each)
                enrolled = genuine[signer, order[:references]]
                prototype = unit(enrolled.mean(0))
                kept["genuine"][signer].append(
                    genuine[signer, order[max(REFERENCES) :]] @ prototype
                )
                kept["skilled"][signer].append(forged[signer] @ prototype)
                others = np.delete(genuine[:, 0], signer, axis=0)
                kept["random"][signer].append(others @ prototype)
        self.by_signer = {
            kind: np.stack([np.concatenate(parts) for parts in rows]) for kind, rows in kept.items()
        }

    def equal_error(self, kind: str, signers: NDArray[np.int64] | slice = slice(None)) -> float:
        """Where as many forgeries pass as genuine signatures are turned away, percent."""
        genuine = np.sort(self.by_signer["genuine"][signers].ravel())
        forged = np.sort(self.by_signer[kind][signers].ravel())
        missed = np.searchsorted(genuine, genuine) / len(genuine)
        passed = 1 - np.searchsorted(forged, genuine) / len(forged)
        at = int(np.argmin(np.abs(missed - passed)))
        return 50 * float(missed[at] + passed[at])


def claims(pack: Pack, vectors: Vectors, doubtful: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Claims verified at a stated rate, as a gallery of all signers would: [55, 2, 24, D]."""
    model, rows = cohort_model(pack), []
    signers, each = vectors.shape[0], vectors.shape[2]
    orders = [
        np.stack([rng.permutation(each) for _ in range(signers)])
        for rng in map(np.random.default_rng, range(DRAWS))
    ]
    for references in REFERENCES[:2]:
        passed = {
            (stated, kind): np.zeros(signers)
            for stated in STATED
            for kind in ("genuine", "random", "skilled")
        }
        for order in orders:
            matcher = Matcher.of_support(
                model, vectors[np.arange(signers)[:, None], 0, order[:, :references]]
            )
            for signer in range(signers):
                shown: dict[str, Any] = {
                    "genuine": (signer, 0, order[signer, max(REFERENCES) :]),
                    "random": (np.delete(np.arange(signers), signer), 0, 0),
                    "skilled": (signer, 1),
                }
                for kind, at in shown.items():
                    compared = matcher.compare(vectors[at], signer)
                    for stated in STATED:
                        answered = matcher.decide(compared, stated, doubtful[at])
                        passed[stated, kind][signer] += answered.match.mean()
        trials = np.full(signers, DRAWS)
        for stated in STATED:
            found = {
                kind: share(hits, trials).to_json()
                for (rate, kind), hits in passed.items()
                if rate == stated
            }
            rows.append({"stated": stated, "references": references, **found})
    rows.sort(key=lambda row: (-row["stated"], row["references"]))
    for row in rows:
        print(row, flush=True)
    return rows


def for_the_card(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the result as a score: of claims half genuine and half forged, the share decided."""
    return {
        "protocol": f"1:1 at the equal error, {row['forgeries']} forgeries",
        "data": "cedar",
        "n_way": 2,
        "k_shot": row["references"],
        "episodes": DRAWS,
        "accuracy": round(100 - row["equal_error"], 4),
        "ci95": round((row["ci95"][1] - row["ci95"][0]) / 2, 4),
        "error_percent": round(row["equal_error"], 4),
        "date": today(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", nargs="*", default=["characters", "shelf", "signatures"])
    parser.add_argument("--vectors", type=Path, help="folder that keeps the embeddings")
    parser.add_argument("--card", action="store_true", help=f"note it in the card of {MADE_FOR_IT}")
    arguments = parser.parse_args()
    names, folder = arguments.packs, arguments.vectors
    cedar = load_dataset("cedar")
    contenders = {"pixels": pixels, "HOG": hog, **{name: pack(name) for name in names}}
    resamples = np.random.default_rng(0).integers(55, size=(RESAMPLES, 55))
    claimed: list[dict[str, Any]] = []
    found: dict[tuple[str, int, str], tuple[float, NDArray[np.float64]]] = {}
    for name, embed in contenders.items():
        file = folder / f"cedar_{Path(name).name}.npy" if folder else None
        kept = np.load(file) if file is not None and file.is_file() else None
        flat = embed(cedar.images[:]) if kept is None else kept
        if file is not None and kept is None:
            np.save(file, flat)
        vectors = flat.reshape(55, 2, 24, -1)  # in the order of the classes
        for references in REFERENCES:
            scores = Scores(vectors[:, 0], vectors[:, 1], references)
            for kind in ("skilled", "random"):
                each = np.array([scores.equal_error(kind, chosen) for chosen in resamples])
                found[name, references, kind] = scores.equal_error(kind), each
                print(
                    name, references, kind, f"{found[name, references, kind][0]:.2f} %", flush=True
                )
        if name == MADE_FOR_IT:
            claimed = claims(load_pack(name), *as_served(name, folder))
    rows = []
    for (name, references, kind), (value, each) in found.items():
        better = {}
        for beside in (other for other in contenders if other != name):
            other, of_other = found[beside, references, kind]
            gap = np.quantile(of_other - each, (0.025, 0.975))
            better[beside] = [round(float(x), 3) for x in (other - value, *gap)]
        rows.append(
            {
                "contender": name,
                "references": references,
                "forgeries": kind,
                "equal_error": round(value, 3),
                "ci95": [round(float(x), 3) for x in np.quantile(each, (0.025, 0.975))],
                "better_than": better,
            }
        )
    result = {
        "command": "python experiments/signatures.py",
        "packs": {name: load_pack(name).card.model_id for name in names},
        "signers": 55,
        "draws": DRAWS,
        "rows": rows,
        "claims": claimed,
    }
    if arguments.card:
        noted = [row for row in rows if (row["contender"], row["references"]) == (MADE_FOR_IT, 1)]
        add_scores(load_pack(MADE_FOR_IT).path, [for_the_card(row) for row in noted])
    keep("signatures", result)


if __name__ == "__main__":
    main()
