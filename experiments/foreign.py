"""What is no character at all, given to a model of characters: is it turned away?

python experiments/foreign.py

1,000 inputs (photographs of faces, products and steel, noise, blanks, printed text), each shown to
a Recognizer with 100 enrolled evaluation characters at a stated FPIR of 1 %, in several galleries.
A blank has nothing to embed, which `identify` says by an error; it counts as turned away.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import holotype
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.errors import ImageError
from holotype.evaluation.galleries import draw_galleries
from holotype.pack import load_pack
from tabling import keep

COUNTS = {"faces": 200, "products": 200, "steel": 200, "noise": 150, "text": 150, "blank": 100}
STATED, SIZE = 0.01, 100
ANSWERS = ("match", "unknown", "cannot_tell", "nothing_to_see")
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
        values = (values > rng.uniform(0.02, 0.98)).astype(float)
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


def answer(recognizer: holotype.Recognizer, source: Any) -> tuple[str, tuple[str, ...]]:
    """What the Recognizer says to an input, and the codes of why."""
    try:
        decision = recognizer.identify(source, fpir=STATED)
    except ImageError:
        return "nothing_to_see", ()
    return decision.answer, tuple(reason.code for reason in decision.reasons)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="characters")
    parser.add_argument("--galleries", type=int, default=3)
    options = parser.parse_args()
    data = split(load_dataset("omniglot"), "evaluation")
    drawn = draw_galleries(data.class_index, enrolled=SIZE, galleries=options.galleries)
    answers: dict[str, Counter[str]] = {kind: Counter() for kind in COUNTS}
    codes: dict[str, Counter[str]] = {kind: Counter() for kind in COUNTS}
    for rows in drawn.support[:, :, 0].tolist():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "characters.gallery")
            with holotype.open(path, options.model) as recognizer:
                for row in rows:
                    name = data.class_names[data.class_index[row]]
                    recognizer.enroll(name, data.images[row : row + 1][0])
                for kind, count in COUNTS.items():
                    for source in inputs(kind, count):
                        said, why = answer(recognizer, source)
                        answers[kind][said] += 1
                        codes[kind].update(why)
    kinds = [
        {
            "kind": kind,
            "inputs": count,
            **{said: round(answers[kind][said] / options.galleries, 2) for said in ANSWERS},
            "codes": dict(codes[kind].most_common()),
        }
        for kind, count in COUNTS.items()
    ]
    shown = sum(COUNTS.values()) * options.galleries
    turned_away = 1 - sum(each["match"] for each in answers.values()) / shown
    for row in kinds:
        print(row)
    print(f"turned away: {turned_away:.2%} of {shown:,} answers (bar: 99 %)")
    result = {
        "model_id": load_pack(options.model).card.model_id,
        "enrolled": SIZE,
        "stated": STATED,
        "galleries": options.galleries,
        "inputs": sum(COUNTS.values()),
        "turned_away": round(turned_away, 5),
        "kinds": kinds,
    }
    keep("foreign", result)


if __name__ == "__main__":
    main()
