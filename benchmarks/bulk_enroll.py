"""A folder of 1,000 labels enrolled, beside the bare embedding of the same pictures.

    python benchmarks/bulk_enroll.py [bulk] [single] [list] [--runs 5] [--on FOLDER]

The two run in turn, each time into a new gallery, so that a slow moment of the machine
meets both. Beside that: one example stored at a time, next to a bare row of the same size in SQLite
under the same settings; and `holotype list` of a large gallery, a process from start to end. The
drawings are those that holotype brings along, as they are and mirrored. Writes
results/bulk_enroll.json; some minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import holotype
from holotype.datasets.catalogue import load_dataset
from holotype.gallery import Addition, SqliteGallery
from holotype.recognizer import enroll_many

SINGLE = 100  # examples stored one by one
PAUSE_S = 0.005  # between two of them, as if a picture were embedded
DIM, BATCH = 64, 1000
RESULT = Path(__file__).parent.parent / "results" / "bulk_enroll.json"


def write_pictures(folder: Path, count: int) -> list[Path]:
    drawings = load_dataset("sample").images[:]
    drawings = np.concatenate([drawings, drawings[:, :, ::-1]])[:count]
    paths = [folder / f"label {number}.png" for number in range(count)]
    for path, drawing in zip(paths, drawings, strict=True):
        Image.fromarray(drawing).save(path)
    return paths


def bulk(paths: list[Path], folder: Path, runs: int) -> dict[str, float]:
    ours, bare, processor = [], [], []
    for run in range(runs + 1):
        with holotype.open(folder / f"{run}.gallery") as recognizer:
            recognizer.embedder.embed(paths[:10])  # the session is there for both
            start, start_used = time.perf_counter(), time.process_time()
            recognizer.embedder.embed(paths)
            middle, middle_used = time.perf_counter(), time.process_time()
            found = enroll_many(recognizer, [(path.stem, path) for path in paths])
            end, end_used = time.perf_counter(), time.process_time()
        assert found.added == len(paths)
        if run:  # the first one warms the caches
            bare.append(middle - start)
            ours.append(end - middle)
            processor.append((end_used - middle_used) / (middle_used - start_used))
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    return {
        "labels": len(paths),
        "enroll_s": statistics.median(ours),
        "embed_s": statistics.median(bare),
        "ratio": statistics.median(ratios),
        "ratio_worst": max(ratios),
        "processor_ratio": statistics.median(processor),
    }


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    rows = rng.standard_normal((count, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def single(folder: Path) -> dict[str, float]:
    rng = np.random.default_rng(0)
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for setting in ("synchronous = EXTRA", "secure_delete = ON", "foreign_keys = ON"):
        bare.execute(f"PRAGMA {setting}")
    bare.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY AUTOINCREMENT, vector BLOB)")
    ours, theirs = [], []
    with SqliteGallery.open(folder / "single.gallery", "m", DIM, model_name="m") as gallery:
        for number, row in enumerate(unit(rng, SINGLE)):
            time.sleep(PAUSE_S)
            start = time.perf_counter()
            bare.execute("BEGIN IMMEDIATE")
            bare.execute("INSERT INTO rows (vector) VALUES (?)", (row.tobytes(),))
            bare.execute("COMMIT")
            middle = time.perf_counter()
            gallery.add(f"label {number}", row[None])
            theirs.append(middle - start)
            ours.append(time.perf_counter() - middle)
    bare.close()
    return {
        "add_ms": 1000 * statistics.median(ours),
        "insert_ms": 1000 * statistics.median(theirs),
        "ratio": statistics.median(ours) / statistics.median(theirs),
    }


def listed(folder: Path, labels: int, runs: int) -> dict[str, float]:
    path = folder / "large.gallery"
    rng = np.random.default_rng(0)
    with SqliteGallery.open(path, "m", DIM, model_name="m") as gallery:
        for start in range(0, labels, BATCH):
            rows = unit(rng, BATCH)
            gallery.add_all(
                [Addition(f"label {start + i}", row[None]) for i, row in enumerate(rows)]
            )
    seconds, before = {}, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    for name, options in (("table_s", []), ("json_s", ["--json"])):
        taken = []
        for _ in range(runs):
            start_s = time.perf_counter()
            command = [sys.executable, "-m", "holotype", "list", str(path), *options]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            taken.append(time.perf_counter() - start_s)
        seconds[name] = statistics.median(taken)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return {"labels": labels, **seconds, "processor_s_each": used / (2 * runs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=["bulk", "single", "list"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--listed", type=int, default=20_000)
    parser.add_argument("--on", type=Path, help="a folder on the disk that is meant")
    arguments = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    with tempfile.TemporaryDirectory(dir=arguments.on) as name:
        folder = Path(name)
        (folder / "pictures").mkdir()
        if "bulk" in arguments.parts:
            paths = write_pictures(folder / "pictures", arguments.labels)
            result["bulk"] = bulk(paths, folder, arguments.runs)
        if "single" in arguments.parts:
            result["single"] = single(folder)
        if "list" in arguments.parts:
            result["list"] = listed(folder, arguments.listed, arguments.runs)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
