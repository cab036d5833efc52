"""CEDAR: is it the signature of the one who it claims to be? Equal error rates, 1:1.

    HOLOTYPE_DATA=... python bench/signatures.py [PACK ...] [--vectors FOLDER]

Of each signer 1, 5 or 12 genuine signatures are enrolled (20 draws); the other genuine ones are
probes, the same for all numbers of references. Skilled forgeries are the 24 by people who
practiced it; random ones are the first signature of everybody else. The score is the similarity
to the prototype, with one threshold for all signers; the intervals resample signers. Nothing here
was trained or chosen on signatures. --vectors keeps the embeddings. Writes
results/signatures.json; about five minutes on one core.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from holotype.embedder import Embedder
from holotype.images import prepare_batch
from holotype.learn.metric.hog import Hog
from holotype.pack import load_pack
from holotype.records import Preprocessing
from holotype.scoring import unit
from holotype.tasks.datasets import load_dataset

RESULTS = Path(__file__).parent.parent / "results"
REFERENCES, DRAWS, RESAMPLES = (1, 5, 12), 20, 200
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
        chunks = [images[start : start + 64] for start in range(0, len(images), 64)]
        return np.concatenate([embedder.embed(list(chunk)) for chunk in chunks])

    return embed


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", nargs="*", default=["characters", "objects"])
    parser.add_argument("--vectors", type=Path, help="folder that keeps the embeddings")
    arguments = parser.parse_args()
    names, folder = arguments.packs, arguments.vectors
    cedar = load_dataset("cedar")
    contenders = {"pixels": pixels, "HOG": hog, **{name: pack(name) for name in names}}
    resamples = np.random.default_rng(0).integers(55, size=(RESAMPLES, 55))
    found: dict[tuple[str, int, str], tuple[float, NDArray[np.float64]]] = {}
    for name, embed in contenders.items():
        file = folder / f"cedar_{Path(name).name}.npy" if folder else None
        kept = file is not None and file.is_file()
        flat = np.load(file) if kept else embed(cedar.images[:])
        if file is not None and not kept:
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
    rows = []
    for (name, references, kind), (value, each) in found.items():
        better = {}
        for baseline in ("pixels", "HOG"):
            other, of_other = found[baseline, references, kind]
            gap = np.quantile(of_other - each, (0.025, 0.975))
            better[baseline] = [round(float(x), 3) for x in (other - value, *gap)]
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
        "command": "python bench/signatures.py",
        "packs": {name: load_pack(name).card.model_id for name in names},
        "signers": 55,
        "draws": DRAWS,
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "signatures.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
