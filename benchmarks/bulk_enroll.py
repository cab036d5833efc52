"""A folder of 1,000 labels enrolled, beside the bare embedding of the same pictures.

    python benchmarks/bulk_enroll.py [bulk] [manifest] [single] [list] [--runs 5] [--on FOLDER]

The two run in turn, each time into a new gallery, so that a slow moment of the machine
meets both. Likewise `enroll --manifest` with two pictures a label and one bad row in a hundred,
all of the command but the start of Python. Beside that: one example stored at a time, next to a
bare row of the same size in SQLite under the same settings; and `holotype list` of a large gallery,
a process from start to end. The drawings are those that holotype brings along, as they are and
mirrored. Writes results/bulk_enroll.json; some minutes on one core.
"""

from __future__ import annotations

import argparse
import contextlib
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
from holotype.cli.enroll_manifest import enroll_manifest
from holotype.datasets.catalogue import load_dataset
from holotype.errors import ImageError
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


def manifest(paths: list[Path], folder: Path, runs: int) -> dict[str, float]:
    table = folder / "people.csv"
    rows = [f"person {number // 2},{path}" for number, path in enumerate(paths)]
    bad = len(rows) // 100
    rows[::100] = [f"{row}.gone" for row in rows[::100]]
    table.write_text("\n".join(["label,path", *rows]) + "\n")
    there = [path for number, path in enumerate(paths) if number % 100]
    ours, bare, processor = [], [], []
    for run in range(runs + 1):
        gallery = folder / f"manifest {run}.gallery"
        with holotype.open(gallery) as recognizer:
            recognizer.embedder.embed(paths[:10])
            start, start_used = time.perf_counter(), time.process_time()
            recognizer.embedder.embed(there)
            middle, middle_used = time.perf_counter(), time.process_time()
        with contextlib.suppress(ImageError):  # that rows were left out
            enroll_manifest(
                str(gallery),
                table,
                rejected=None,
                model=None,
                ray=None,
                keep_pictures=None,
                asking=False,
                anyway=False,
                as_json=True,
            )
        end, end_used = time.perf_counter(), time.process_time()
        with holotype.open(gallery) as recognizer:
            assert len(recognizer.gallery.snapshot().vectors) == len(there)
        if run:
            bare.append(middle - start)
            ours.append(end - middle)
            processor.append((end_used - middle_used) / (middle_used - start_used))
    return {
        "rows": len(rows),
        "bad": bad,
        "ratio": statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True)),
        "processor_ratio": statistics.median(processor),
        "speed_of_the_embedder": 1 / statistics.median(processor),
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
    parser.add_argument("parts", nargs="*", default=["bulk", "manifest", "single", "list"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--listed", type=int, default=20_000)
    parser.add_argument("--on", type=Path, help="a folder on the disk that is meant")
    arguments = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    with tempfile.TemporaryDirectory(dir=arguments.on) as name:
        folder = Path(name)
        (folder / "pictures").mkdir()
        paths = write_pictures(folder / "pictures", arguments.labels)
        if "bulk" in arguments.parts:
            result["bulk"] = bulk(paths, folder, arguments.runs)
        if "manifest" in arguments.parts:
            result["manifest"] = manifest(paths, folder, arguments.runs)
        if "single" in arguments.parts:
            result["single"] = single(folder)
        if "list" in arguments.parts:
            result["list"] = listed(folder, arguments.listed, arguments.runs)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
