"""SIGKILL while enrolling: how many acknowledged enrollments are lost?

    python bench/gallery_kill.py --rounds 20 --seconds 2

Each round a child enrolls in a loop and acknowledges every label on a pipe, until it is killed.
All the while another process reads the gallery and checks what it sees.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import sqlite3
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from holotype.gallery import Snapshot, SqliteGallery

DIM = 64
EXAMPLES = 2  # per label, in one call: both are there, or none


def examples(label: str) -> np.ndarray:
    seed = [int(part) for part in label.split("-")]
    return np.random.default_rng(seed).standard_normal((EXAMPLES, DIM)).astype(np.float32)


def open_gallery(path: Path) -> SqliteGallery:
    return SqliteGallery.open(path, "bench", DIM, model_name="bench")


def check(snapshot: Snapshot, start: int = 0) -> None:
    """Every label has exactly the examples that it was enrolled with."""
    count = len(snapshot.labels)
    assert (snapshot.owner == np.repeat(np.arange(count), EXAMPLES)).all(), "torn enrollment"
    for index in range(start, count):
        stored = snapshot.vectors[EXAMPLES * index : EXAMPLES * (index + 1)]
        assert (stored == examples(snapshot.labels[index])).all(), snapshot.labels[index]


def write(path: Path, number: int, acknowledge: int) -> None:
    with open_gallery(path) as gallery:
        for count in range(10**9):
            gallery.add(label := f"{number}-{count}", examples(label))
            os.write(acknowledge, f"{label}\n".encode())


def read(path: Path, report: int) -> None:
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    reads = changes = 0
    with open_gallery(path) as gallery:
        seen = gallery.snapshot()
        while not stopping:
            snapshot = gallery.snapshot()
            reads += 1
            if snapshot is not seen:
                assert snapshot.labels[: len(seen.labels)] == seen.labels, "a label vanished"
                check(snapshot, start=len(seen.labels))
                seen, changes = snapshot, changes + 1
            time.sleep(0.001)
    os.write(report, json.dumps({"reads": reads, "states_seen": changes}).encode())


def fork(work: Callable[..., None], *arguments: object) -> tuple[int, int]:
    """Start `work(*arguments, pipe)` in a child; its process id, and the pipe's reading end."""
    out, into = os.pipe()
    child = os.fork()
    if child:
        os.close(into)
        return child, out
    try:
        work(*arguments, into)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def drain(pipe: int) -> str:
    with os.fdopen(pipe, "rb") as stream:
        return stream.read().decode()


def run(rounds: int, seconds: float) -> dict[str, object]:
    choose = random.Random(0)
    acknowledged: list[str] = []
    lost = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "killed.gallery")
        open_gallery(path).close()
        reader, report = fork(read, path)
        for number in range(rounds):
            writer, pipe = fork(write, path, number)
            select.select([pipe], [], [], 60)  # until it has begun
            time.sleep(seconds * choose.uniform(0.5, 1.5))
            os.kill(writer, signal.SIGKILL)
            _, status = os.waitpid(writer, 0)
            assert os.WIFSIGNALED(status), "the writer failed before it was killed"
            # A line is written at once, so none is cut.
            acknowledged += drain(pipe).split()
            with open_gallery(path) as gallery:
                lost = len(set(acknowledged) - gallery.labels().keys())
                check(gallery.snapshot())
        os.kill(reader, signal.SIGTERM)
        reading = json.loads(drain(report) or "{}")
        _, status = os.waitpid(reader, 0)
        connection = sqlite3.connect(path)
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
        connection.close()
    return {
        "kills": rounds,
        "acknowledged": len(acknowledged),
        "lost": lost,
        "integrity": integrity,
        "reader_failed": status != 0,
        **reading,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=2.0, help="of enrolling in a round")
    arguments = parser.parse_args()
    result = run(arguments.rounds, arguments.seconds)
    print(json.dumps(result))
    print(
        f"{result['lost']} of {result['acknowledged']} acknowledged enrollments lost "
        f"in {result['kills']} kills; integrity {result['integrity']}; "
        f"the reader {'FAILED' if result['reader_failed'] else 'kept reading'} "
        f"({result.get('reads')} reads, {result.get('states_seen')} new states)"
    )
    return int(bool(result["lost"] or result["reader_failed"] or result["integrity"] != "ok"))


if __name__ == "__main__":
    sys.exit(main())
