"""A rate of visitors, not of frames: simulated tracks of ORL's people.

    HOLOTYPE_DATA=... python experiments/visitors.py [--vectors FOLDER]

In each of 100 splits 20 people are enrolled with one picture each and 20 are strangers. A track is
made of a person's other 9 pictures: as they are, or as 30 frames, each one of them with a fresh
crop, blur, noise and exposure (simulated; 4 such variants of each picture are drawn once). Frames
without a face are passed over. Beside what `watch` does (`Recognizer.identify_visitor`): one frame
of each track, and a match as soon as any frame passes. Writes results/visitors.json.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from holotype.datasets.catalogue import load_dataset
from holotype.datasets.dataset import Dataset
from holotype.openset import Matcher
from holotype.pack import load_pack
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from holotype.stats.bootstrap import share
from holotype.stats.scoring import Floats
from holotype.watching.tracks import FRAMES
from tabling import keep

SPLITS, ENROLLED, VARIANTS, LENGTH, RATES = 100, 20, 4, 30, (0.1, 0.3)


def filmed(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture with another crop, blur, noise and exposure."""
    height, width = pixels.shape[:2]
    part = rng.uniform(0.9, 1.0)
    tall, wide = round(part * height), round(part * width)
    top, left = rng.integers(height - tall + 1), rng.integers(width - wide + 1)
    picture = Image.fromarray(pixels[top : top + tall, left : left + wide])
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))
    values = np.asarray(picture, np.float64) * rng.uniform(0.7, 1.3)
    values += rng.normal(scale=rng.uniform(0, 8), size=values.shape)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def frames_of(orl: Dataset) -> Dataset:
    rng = np.random.default_rng(0)
    pictures = np.stack([filmed(one, rng) for one in orl.images[:] for _ in range(VARIANTS)])
    return replace(orl, images=pictures, class_index=np.repeat(orl.class_index, VARIANTS))


def embedded(data: Dataset, file: Path) -> Floats:
    if not file.is_file():
        print("embedding", file.stem, flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, seen(data, load_pack("faces"))[0])
    return np.asarray(np.load(file))


def answers(matcher: Matcher, tracks: list[Floats], rate: float) -> dict[str, Any]:
    """By each rule who is taken for whom, -1 for nobody: int64 [T]."""

    def named(vectors: Floats) -> NDArray[np.int64]:
        found = matcher.match(vectors, rate)
        return np.where(found.match, found.best, -1)

    each = [named(track) for track in tracks]
    visits = np.concatenate([track[:FRAMES].mean(axis=0, keepdims=True) for track in tracks])
    return {
        "each visitor, once": named(visits),
        "one frame": np.array([names[0] for names in each]),
        "any frame": np.array([next((n for n in names if n >= 0), -1) for names in each]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kept = Path(tempfile.gettempdir()) / "everywhere"
    parser.add_argument("--vectors", type=Path, default=kept, help="folder of the embeddings")
    folder, orl = parser.parse_args().vectors, load_dataset("orl")
    stills, film = (
        embedded(orl, folder / "stills.npy"),
        embedded(frames_of(orl), folder / "film.npy"),
    )
    model, people = cohort_model(load_pack("faces")), len(orl.class_names)
    found = stills.any(axis=1)
    counts: dict[Any, NDArray[np.float64]] = {}
    for seed in range(SPLITS):
        rng = np.random.default_rng(seed)
        order = rng.permutation(people)
        rows = [rng.permutation(np.flatnonzero((orl.class_index == p) & found)) for p in order]
        matcher = Matcher.of(model, stills[[one[0] for one in rows[:ENROLLED]]])
        right = np.append(np.arange(ENROLLED), np.full(people - ENROLLED, -1))
        tracks: dict[str, list[Floats]] = {"the 9 as they are": [], "30 frames": []}
        for one in rows:
            tracks["the 9 as they are"].append(stills[one[1:]])
            drawn = rng.choice(one[1:], LENGTH) * VARIANTS + rng.integers(VARIANTS, size=LENGTH)
            frames = film[drawn]
            tracks["30 frames"].append(frames[frames.any(axis=1)])
        for kind, of_kind in tracks.items():
            for rate in RATES:
                for rule, names in answers(matcher, of_kind, rate).items():
                    cell = counts.setdefault((kind, rate, rule), np.zeros((4, people)))
                    stranger = right < 0
                    cell[0, order] += stranger & (names >= 0)
                    cell[1, order] += stranger
                    cell[2, order] += ~stranger & (names != right)
                    cell[3, order] += ~stranger
    rows_out = []
    for (kind, rate, rule), cell in counts.items():
        rows_out.append(
            {
                "track": kind,
                "stated": rate,
                "rule": rule,
                "let_in": share(cell[0], cell[1]).to_json(),
                "missed": share(cell[2], cell[3]).to_json(),
            }
        )
        print(rows_out[-1], flush=True)
    about = {"command": "python experiments/visitors.py", "splits": SPLITS, "enrolled": ENROLLED}
    keep("visitors", about | {"rows": rows_out})


if __name__ == "__main__":
    main()
