"""A face, from the picture file to the answer, beside the packages that do the same.

    python benchmarks/faces_speed.py --peers PEER_PYTHON

`PEER_PYTHON` is the interpreter of an environment that has `face_recognition` and `deepface`. All
run at once and take turns picture by picture, warm, with 1,000 enrolled. The pictures are ORL faces
as they are, and scenes: ORL faces of many sizes pasted into photographs of groceries.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import holotype
from holotype.datasets.catalogue import load_dataset
from holotype.stats.scoring import unit

PEERS = ("face_recognition", "deepface")
SCENES_PX = ((640, 480), (1280, 720), (1920, 1080))
ENROLLED, WARM_UP = 1000, 2
# Of the detector's box, which is about 0.8 of an ORL picture's width.
FACE_PX, FACE_SHARE, FACE_OF_PICTURE = (60, 360), 0.7, 0.8


class Peer:
    """A package in a process of its own."""

    def __init__(self, python: str, name: str, folder: Path) -> None:
        script = Path(__file__).with_name("faces_peer.py")
        environment = {**os.environ, "DEEPFACE_HOME": str(folder), "DEEPFACE_LOG_LEVEL": "50"}
        environment.pop("PYTHONPATH", None)
        self._process = subprocess.Popen(
            [python, str(script), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        self._ask({"enrolled": str(folder / "enrolled.npy")})

    def __call__(self, path: Path) -> dict[str, Any]:
        return self._ask({"picture": str(path)})

    def _ask(self, question: dict[str, str]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def ours(recognizer: holotype.Recognizer, path: Path) -> dict[str, Any]:
    start = time.perf_counter()
    decision = recognizer.identify(path)
    seconds = time.perf_counter() - start
    return {"boxes": [decision.box] if decision.box else [], "seconds": seconds}


def scene(
    face: np.ndarray, grounds: list[Image.Image], size: tuple[int, int], rng: np.random.Generator
) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """A picture of that size, and where in it the face's picture was put."""
    width, height = size
    ground = grounds[rng.integers(len(grounds))].resize(size, Image.Resampling.BICUBIC)
    largest = min(FACE_PX[1], FACE_SHARE * height * face.shape[1] / face.shape[0])
    box_px = np.exp(rng.uniform(np.log(FACE_PX[0]), np.log(largest)))
    wide = round(box_px / FACE_OF_PICTURE)
    high = round(wide * face.shape[0] / face.shape[1])
    left, top = int(rng.integers(width - wide)), int(rng.integers(height - high))
    ground.paste(Image.fromarray(face).resize((wide, high), Image.Resampling.BICUBIC), (left, top))
    return ground, (left, top, left + wide, top + high)


def found(boxes: list[Any], place: tuple[int, int, int, int]) -> bool:
    """Whether the middle of a box lies in the place."""
    left, top, right, bottom = place
    for box in boxes:
        if left <= (box[0] + box[2]) / 2 <= right and top <= (box[1] + box[3]) / 2 <= bottom:
            return True
    return False


def pictures(folder: Path, count: int, seed: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    faces = load_dataset("orl").images
    groceries = load_dataset("grocery")
    chosen = rng.choice(len(groceries.images), 40, replace=False)
    grounds = [as_picture(groceries.images[int(i)]).convert("RGB") for i in chosen]
    made = []
    for kind in (None, *SCENES_PX):
        for number in range(count):
            face = np.asarray(faces[int(rng.integers(len(faces)))])
            face = face if face.ndim == 2 else face[..., 0]
            if kind is None:
                picture, place = Image.fromarray(face), (0, 0, face.shape[1], face.shape[0])
                name = "ORL, 92 x 112"
            else:
                picture, place = scene(face, grounds, kind, rng)
                name = f"scene, {kind[0]:,} x {kind[1]:,}"
            path = folder / f"{len(made):03}.jpg"
            picture.convert("RGB").save(path, quality=92)
            made.append({"kind": name, "path": path, "place": place, "number": number})
    return made


def as_picture(item: Any) -> Image.Image:
    if isinstance(item, bytes):
        return Image.open(BytesIO(item))
    if isinstance(item, str | os.PathLike):
        return Image.open(item)
    return Image.fromarray(np.asarray(item))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", required=True, help="interpreter that has the packages")
    parser.add_argument("--pictures", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/faces_speed.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made_here:
        folder = Path(made_here)
        vectors = np.random.default_rng(1).normal(size=(ENROLLED, 128)).astype(np.float32)
        np.save(folder / "enrolled.npy", 1.4 * unit(vectors))
        recognizer = holotype.open(folder / "door.gallery", "faces")
        for number, vector in enumerate(unit(vectors)):
            recognizer.gallery.add(f"person {number}", vector[None])
        askers: dict[str, Any] = {"holotype": lambda path: ours(recognizer, path)}
        askers |= {name: Peer(options.peers, name, folder) for name in PEERS}
        shown = pictures(folder, options.pictures, options.seed)
        for asker in askers.values():
            for picture in shown[:WARM_UP]:
                asker(picture["path"])
        rows: dict[str, dict[str, Any]] = {}
        for number, picture in enumerate(shown):
            row = rows.setdefault(picture["kind"], {name: [] for name in askers})
            # Whoever begins finds the file cold: each in turn.
            names = list(askers)[number % len(askers) :] + list(askers)[: number % len(askers)]
            for name in names:
                got = askers[name](picture["path"])
                row[name].append((got["seconds"], found(got["boxes"], picture["place"])))
            print(picture["kind"], {n: f"{row[n][-1][0]:.3f} {row[n][-1][1]}" for n in askers})
    report = summary(rows)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def summary(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    names = ("holotype", *PEERS)
    everything = {name: [trial for row in rows.values() for trial in row[name]] for name in names}
    table = []
    for kind, row in [*rows.items(), ("all", everything)]:
        mine = np.array([seconds for seconds, _ in row["holotype"]])
        line: dict[str, Any] = {"kind": kind, "pictures": len(mine)}
        for name, trials in row.items():
            seconds = np.array([seconds for seconds, _ in trials])
            line[name] = {
                "median_ms": round(1000 * float(np.median(seconds)), 1),
                "found": round(float(np.mean([hit for _, hit in trials])), 4),
                "ours_to_its_time": round(float(mine.sum() / seconds.sum()), 3),
                "ours_to_its_time_median": round(float(np.median(mine / seconds)), 3),
            }
        table.append(line)
    return {"enrolled": ENROLLED, "rows": table}


if __name__ == "__main__":
    main()
