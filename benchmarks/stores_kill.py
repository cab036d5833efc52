"""The client killed, the server killed, the network cut: is anything lost, or half done?

    python benchmarks/stores_kill.py --rounds 100 --seconds 1 [--store milvus]

A gallery in PostgreSQL, of a real server on this machine that is reached through a wire; or one in
a file, with an index in a Milvus server behind such a wire. Each round
a child enrolls, renames and forgets, and says on a pipe what it is about to do and what is done,
until it is killed, or the server is (as by a power cut), or the wire is cut again and again. What
fails says so, and may have been done as a whole or not at all; the child looks which, and goes on.
All the while another process reads the gallery and checks what it sees.

After each round the gallery must hold exactly what was acknowledged, and its audit trail must be
whole and still have every line that was there before; an index must hold everybody who is enrolled,
and nobody else. Writes results/stores_kill.json, or results/stores_kill_milvus.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gallery_kill import drain, fork

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import Snapshot, open_gallery
from holotype.gallery.rows import Gallery
from milvus import MilvusServer
from milvus import Wire as MilvusWire
from postgres import PostgresServer, Wire

RESULTS = Path(__file__).parent.parent / "results"
CUT_AFTER = {"postgres": 12, "milvus": 3000}  # messages, or bytes: at most so many
DIM, EXAMPLES, CROWD = 32, 2, 100
ENDS = ("client killed", "server killed", "network cut")


def examples(name: str) -> np.ndarray:
    """What is enrolled as it: float32 [EXAMPLES, DIM], of unit length."""
    drawn = np.random.default_rng(zlib.crc32(name.encode())).standard_normal((EXAMPLES, DIM))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def opened(url: str) -> Gallery:
    while True:
        try:
            return open_gallery(url, "drawn", DIM, model_name="drawn")
        except GalleryError as error:
            away = ("cannot be reached", "was lost", "cannot be used")
            if not any(words in error.problem for words in away):
                raise
            time.sleep(0.05)


def enrolled(gallery: Gallery) -> list[str]:
    """The labels, as soon as the server answers."""
    while True:
        try:
            return list(gallery.labels())
        except GalleryError:
            time.sleep(0.05)


def check(snapshot: Snapshot) -> None:
    """Every label has exactly the examples that it was enrolled with, whatever it is called now."""
    count = len(snapshot.labels)
    assert (snapshot.owner == np.repeat(np.arange(count), EXAMPLES)).all(), "torn enrollment"
    if count:
        expected = np.vstack([examples(label.split("/")[0]) for label in snapshot.labels])
        assert (snapshot.vectors == expected).all(), "a vector of another label"


def work(url: str, number: int, report: int) -> None:
    """Change the gallery for good."""
    choose = random.Random(number)

    def say(*words: str) -> None:
        os.write(report, f"{' '.join(words)}\n".encode())

    gallery = opened(url)
    labels = enrolled(gallery)
    for count in range(10**9):
        kind = choose.choices(("enroll", "rename", "forget"), (6, 3, 9 * (len(labels) > CROWD)))[0]
        if kind == "enroll" or not labels:
            kind, before, after = "enroll", "-", f"{number}-{count}"
        else:
            before = choose.choice(labels)
            after = f"{before.split('/')[0]}/{number}-{count}" if kind == "rename" else "-"
        say("?", kind, before, after)
        try:
            if kind == "enroll":
                gallery.add(after, examples(after))
            elif kind == "rename":
                gallery.rename(before, after)
            else:
                gallery.remove(before)
        except ErasurePendingError:
            pass  # it is forgotten; its bytes go later
        except GalleryError:
            there = set(labels := enrolled(gallery))
            done = before not in there if kind == "forget" else after in there
            say("!" if done else "x", kind, before, after)
            continue
        say("!", kind, before, after)
        labels = [label for label in labels if label != before] + [after] * (after != "-")


def read(url: str, report: int) -> None:
    """Read it for good, and check each state."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    reads = lost = states = 0
    gallery, seen = opened(url), None
    while not stopping:
        try:
            snapshot = gallery.snapshot()
        except GalleryError:  # the server is away
            lost += 1
            time.sleep(0.05)
            continue
        reads += 1
        if snapshot is not seen:
            check(snapshot)
            seen, states = snapshot, states + 1
        time.sleep(0.002)
    os.write(report, json.dumps({"reads": reads, "states": states, "away": lost}).encode())


def judge(url: str, lines: list[str], held: set[str], heads: list[str]) -> Counter[str]:
    """Compare the gallery with what was said; what was done and what was not."""
    found: Counter[str] = Counter()
    pending: tuple[str, str] | None = None

    def apply(before: str, after: str) -> None:
        held.discard(before)
        held.update({after} - {"-"})

    for line in lines:
        sign, _, before, after = line.split()
        pending = (before, after) if sign == "?" else None
        if sign == "!":
            apply(before, after)
        found[{"?": "begun", "!": "acknowledged", "x": "failed"}[sign]] += 1
    gallery = opened(url)
    labels = set(gallery.labels())
    if pending is not None:
        before, after = pending
        if after in labels if after != "-" else before not in labels:
            apply(before, after)
        found["cut off"] += 1
    assert labels == held, f"lost {held - labels}, back {labels - held}"
    check(gallery.snapshot())
    whole = gallery.check()
    assert whole.sound, (whole.problems, whole.audit.problems)
    for head in heads[-3:]:
        assert gallery.verify_audit(noted=head).intact, "an audit line was lost"
    heads.append(whole.audit.head)
    gallery.close()
    return found


def disturbed(end: str, server: Any, wire: Wire, writer: int, seconds: float, most: int) -> None:
    """Let the child work for so long, and then some more beside what happens."""
    time.sleep(seconds)
    if end == "server killed":
        server.kill()
        time.sleep(0.2)
        server.start()
        time.sleep(seconds / 2)
    elif end == "network cut":
        for _ in range(5):
            wire.cut_after = random.randrange(most)  # in the middle of a change, or between two
            time.sleep(seconds / 5)
    os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    assert os.WIFSIGNALED(status), "the writer failed before it was killed"


def run(
    store: str, rounds: int, seconds: float, seed: int, told: Callable[[str], None]
) -> dict[str, object]:
    choose = random.Random(seed)
    server: Any = MilvusServer() if store == "milvus" else PostgresServer()
    reader = None
    try:
        if store == "milvus":
            wire: Wire = MilvusWire(server.port)
            direct = server.url("desk", server.folder / "desk.gallery")
        else:
            server.execute("CREATE DATABASE desk")
            wire = Wire(server.port)
            direct = server.url("desk")
        through = direct.replace(f":{server.port}/", f":{wire.port}/")
        opened(direct).close()
        reader, report = fork(read, direct)
        held: set[str] = set()
        heads: list[str] = []
        found: dict[str, Counter[str]] = {end: Counter() for end in ENDS}
        for number in range(rounds):
            end = ENDS[number % len(ENDS)]
            wire.cut_after = None
            writer, pipe = fork(work, through, number)
            said = b""
            while b"\n!" not in said and (part := os.read(pipe, 1 << 16)):
                said += part  # until something was acknowledged, however slow the machine
            seconds_here = seconds * choose.uniform(0.5, 1.5)
            disturbed(end, server, wire, writer, seconds_here, CUT_AFTER[store])
            found[end] += judge(direct, (said.decode() + drain(pipe)).splitlines(), held, heads)
            found[end]["rounds"] += 1
            told(f"round {number + 1} of {rounds}: {end}, {len(held)} enrolled")
        os.kill(reader, signal.SIGTERM)
        reading = json.loads(drain(report) or "{}")
        _, status = os.waitpid(reader, 0)
        reader = None
        wire.close()
    finally:
        if reader is not None:
            os.kill(reader, signal.SIGKILL)
        server.stop()
    return {
        "rounds": rounds,
        "ends": {end: dict(counts) for end, counts in found.items()},
        "lost": 0,  # `judge` ends the run where something is
        "reader": reading,
        "reader_failed": status != 0,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", choices=tuple(CUT_AFTER), default="postgres")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=1.0, help="of work in a round")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    result = run(
        arguments.store,
        arguments.rounds,
        arguments.seconds,
        arguments.seed,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    name = "stores_kill_milvus" if arguments.store == "milvus" else "stores_kill"
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))
    return int(bool(result["reader_failed"]))


if __name__ == "__main__":
    sys.exit(main())
