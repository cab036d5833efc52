"""What is no character at all, given to a model of characters: is it turned away?

python bench/foreign.py

1,000 inputs (photographs of faces, products and steel, noise, blanks, printed text) against 100
enrolled evaluation characters at a stated FPIR of 1 %. An input is accepted when its best
similarity reaches the threshold, it is familiar, and its quality has no flaw. A blank has no ink,
which `images` refuses.
"""

from __future__ import annotations

import argparse
import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from holotype import images
from holotype.calibration import Cohort, Familiarity, StrangerDraws
from holotype.embedder import Embedder
from holotype.errors import ImageError
from holotype.pack import load_pack
from holotype.quality import assess
from holotype.scoring import prototypes
from holotype.tasks.datasets import load_dataset
from holotype.tasks.galleries import draw_galleries
from holotype.tasks.splits import split

COUNTS = {"faces": 200, "products": 200, "steel": 200, "noise": 150, "text": 150, "blank": 100}
STATED, SIZE, GALLERIES, UNFAMILIAR = 0.01, 100, 20, 0.005
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
TEXT = (
    "The examples of one class are enrolled once and nothing is trained again. "
    "Invoice 2041, total amount due: 318.20. Terms of delivery are stated overleaf. "
)


def inputs(kind: str, count: int) -> Iterator[Any]:
    rng = np.random.default_rng(len(kind))
    data = Path(os.environ["HOLOTYPE_DATA"])
    if kind == "faces":
        with np.load(data / "orl_faces_112x92.npz") as archive:
            pictures = next(archive[name] for name in archive.files if archive[name].ndim >= 3)
        yield from pictures[rng.choice(len(pictures), count, replace=False)]
    elif kind in ("products", "steel"):
        name = {"products": "grocery_112.zip", "steel": "neu_det_112.zip"}[kind]
        with zipfile.ZipFile(data / name) as archive:
            photos = [n for n in archive.namelist() if n.endswith((".jpg", ".png"))]
            for index in rng.choice(len(photos), count, replace=False):
                yield archive.read(photos[index])
    elif kind == "noise":
        for i in range(count):
            side = int(rng.integers(40, 300))
            yield noise(rng, side, i % 5)
    elif kind == "text":
        for _ in range(count):
            yield page(rng)
    else:
        for _ in range(count):
            paper = rng.integers(0, 256) + rng.normal(0, rng.uniform(0, 2), (120, 120))
            yield np.clip(paper, 0, 255).astype(np.uint8)


def noise(rng: np.random.Generator, side: int, kind: int) -> NDArray[np.uint8]:
    values = rng.random((side, side))
    if kind == 1:
        values = values > rng.uniform(0.02, 0.98)
    elif kind == 2:
        soft = Image.fromarray((255 * values).astype(np.uint8))
        values = np.asarray(soft.filter(ImageFilter.GaussianBlur(rng.uniform(1, 12)))) / 255
    elif kind == 3:
        down, right = np.indices((side, side)) / side
        values = rng.normal() * down + rng.normal() * right
    elif kind == 4:
        values = np.cumsum(rng.normal(size=(side, side)), axis=int(rng.integers(2)))
    values = np.asarray(values, dtype=np.float64)
    return (255 * (values - values.min()) / (np.ptp(values) or 1)).astype(np.uint8)


def page(rng: np.random.Generator) -> NDArray[np.uint8]:
    size, width, lines = rng.integers(10, 28), rng.integers(200, 900), rng.integers(1, 30)
    picture = Image.new("L", (int(width), int(lines * size * 1.5) + 30), 255)
    font = ImageFont.load_default(int(size))
    per_line = max(4, int(width / size * 1.8))
    for line in range(lines):
        start = int(rng.integers(len(TEXT)))
        words = (TEXT[start:] + TEXT + TEXT)[:per_line]
        ImageDraw.Draw(picture).text((12, 10 + line * size * 1.5), words, fill=0, font=font)
    return np.asarray(picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="characters")
    parser.add_argument("--split", default="evaluation")
    parser.add_argument("--out", type=Path, default=Path("results/foreign.json"))
    options = parser.parse_args()
    pack = load_pack(options.model)
    embedder, cohort = Embedder(pack), Cohort(*pack.cohort())
    familiarity = Familiarity(pack.background(), cohort)
    data = split(load_dataset("omniglot"), options.split)
    drawn = draw_galleries(data.class_index, enrolled=SIZE, galleries=GALLERIES)
    used, where = np.unique(drawn.support, return_inverse=True)
    enrolled = embedder.embed([data.images[int(row) : int(row) + 1][0] for row in used])
    galleries = [prototypes(enrolled[rows]) for rows in where.reshape(drawn.support.shape)]
    levels = [
        StrangerDraws.of(cohort, range(SIZE), gallery).threshold(STATED, "fpir")
        for gallery in galleries
    ]
    report, total, accepted_total = {}, 0, 0.0
    print("          inputs  no ink  quality  unfamiliar  reaches threshold  accepted")
    for kind, count in COUNTS.items():
        vectors, flawed, blank = [], [], 0
        for source in inputs(kind, count):
            try:
                vectors.append(embedder.embed([source])[0])
                flawed.append(
                    bool(
                        assess(np.tensordot(LUMA, images.read(source), 1), pack.card.preprocessing)
                    )
                )
            except ImageError:
                blank += 1
        found = np.array(vectors).reshape(-1, pack.card.embedding_dim)
        low = np.array(flawed, dtype=bool)
        unfamiliar = familiarity.p_value(found) <= UNFAMILIAR
        reaches = np.stack(
            [
                (found @ gallery.T).max(axis=1, initial=-1) >= level
                for gallery, level in zip(galleries, levels, strict=True)
            ]
        )
        accepted = float((reaches & ~low & ~unfamiliar).mean(axis=0).sum())
        total, accepted_total = total + count, accepted_total + accepted
        report[kind] = {
            "inputs": count,
            "no_ink": blank,
            "low_quality": int(low.sum()),
            "unfamiliar": int(unfamiliar.sum()),
            "reaching": round(float(reaches.mean(axis=0).sum()), 2),
            "accepted": round(accepted, 2),
        }
        print(f"{kind:9s}" + "".join(f"{value:>11}" for value in report[kind].values()))
    share = 1 - accepted_total / total
    print(f"turned away: {share:.2%} of {total:,} (bar: 99 %), mean over {GALLERIES} galleries")
    result = {"model_id": pack.card.model_id, "kinds": report, "turned_away": round(share, 5)}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
