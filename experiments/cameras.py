"""Two cameras for two minutes, one of them cut off: events, rate, memory.

    HOLOTYPE_DATA=... python experiments/cameras.py

Twenty characters that the model did not learn from are enrolled, one drawing each. Two RTSP streams
of 25 frames a second (H.264, on loopback) show visitors: drawings by other hands, every other one
of a character that is not enrolled, two seconds each with two and a half of nothing in between.
After a minute the server of one stream is killed while a visitor is in view, and is back three
seconds later with the same one in view. Writes results/cameras.json.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

import holotype
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.splits import split
from holotype.stats.bootstrap import share
from tabling import ROOT, keep, today

sys.path.insert(0, str(ROOT / "tests"))
from films import Scene, Streams, film
from real_server import Server

ENROLLED, RATE = 20, 0.1
SHOWN_S, GAP_S = 2.0, 2.5
HALF_S, CUT_S = 60.0, 3.0
SETTLED_S = 20.0  # after which memory is looked at
SEEN = {"identified": "match", "unknown": "unknown", "cannot_tell": "cannot_tell"}


class Visitors:
    """Drawings, each shown once; every other one of a stranger."""

    def __init__(self, seed: int) -> None:
        data = split(load_dataset("omniglot"), "evaluation")
        rng = np.random.default_rng(seed)
        self._pictures = np.asarray(data.images)
        rows = [np.flatnonzero(data.class_index == c) for c in range(len(data.class_names))]
        order = rng.permutation(len(rows))
        self.enrolled = {f"n{c}": self._pictures[rows[c][0]] for c in order[:ENROLLED]}
        known = [(f"n{c}", row) for c in order[:ENROLLED] for row in rows[c][1:]]
        strangers = [(None, rows[c][0]) for c in order[ENROLLED:]]
        known = [known[i] for i in rng.permutation(len(known))]
        self._coming = [one for pair in zip(known, strangers, strict=False) for one in pair]

    def next(self) -> tuple[str | None, Any]:
        label, row = self._coming.pop(0)
        return label, self._pictures[row]


def scenes(visitors: Visitors, seconds: float) -> tuple[list[Scene], list[str | None]]:
    """Visitors for so long, and who they are."""
    shown: list[Scene] = [(None, 1.0)]
    labels = []
    while sum(one[1] for one in shown) + SHOWN_S + GAP_S <= seconds:
        label, picture = visitors.next()
        labels.append(label)
        shown += [(picture, SHOWN_S), (None, GAP_S)]
    return shown, labels


def memory_mb(server: Server) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else float("nan")


def events_of(server: Server) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{server.url}/v1/events?limit=1000", headers={"x-api-key": server.key}
    )
    with urllib.request.urlopen(request) as answer:
        return list(json.load(answer)["events"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    folder = Path(tempfile.mkdtemp(prefix="cameras-"))
    visitors = Visitors(seed)
    with holotype.open(folder / "desk.gallery", "characters") as recognizer:
        for label, picture in visitors.enrolled.items():
            recognizer.enroll(label, picture)
    before, first = scenes(visitors, HALF_S - 3)
    staying, picture = visitors.next()
    after, second = scenes(visitors, HALF_S - 5)
    gate, third = scenes(visitors, 2 * HALF_S)
    films = {
        "before": film(folder / "before.mkv", [*before, (picture, 60.0)], seed),
        "after": film(folder / "after.mkv", [(picture, 1.5), (None, GAP_S), *after, (None, 60.0)]),
        "gate": film(folder / "gate.mkv", [*gate, (None, 60.0)], seed + 1),
    }
    expected = {"door": [*first, staying, *second], "gate": third}
    print({name: len(labels) for name, labels in expected.items()}, "visitors", flush=True)

    door, other = Streams(door=films["before"]), Streams(gate=films["gate"])
    options = ["--camera", f"door={door.url('door')}", "--camera", f"gate={other.url('gate')}"]
    options += ["--fpir", str(RATE), "--keep-seen", "1"]
    options += [word for answer in SEEN.values() for word in ("--tell", answer)]
    server = Server(folder / "desk.gallery", *options)
    begun, memory = time.monotonic(), []

    def wait(until_s: float) -> None:
        while (now := time.monotonic() - begun) < until_s:
            memory.append((now, memory_mb(server)))
            time.sleep(1)

    wait(HALF_S)
    door.cut()
    wait(HALF_S + CUT_S)
    door = Streams(door.port, door=films["after"])
    wait(2 * HALF_S + 8)
    events = events_of(server)
    server.stop()
    door.cut()
    other.cut()

    told = {
        camera: [e for e in events if e["facts"].get("camera") == camera and e["kind"] in SEEN]
        for camera in expected
    }
    pairs = [
        (right, event)
        for camera, labels in expected.items()
        if len(labels) == len(told[camera])
        for right, event in zip(labels, told[camera], strict=True)
    ]
    strangers = np.array([event["kind"] == "identified" for right, event in pairs if right is None])
    known = np.array([event["label"] != right for right, event in pairs if right is not None])
    settled = [mb for at, mb in memory if at > SETTLED_S]
    early, late = settled[: len(settled) // 4], settled[-(len(settled) // 4) :]
    door_kinds = [e["kind"] for e in events if e["facts"].get("camera") == "door"]
    back = [e for e in events if e["kind"] == "camera_back" and e["facts"]["seconds"] > 0]
    result = {
        "command": "python experiments/cameras.py",
        "date": today(),
        "model": "characters",
        "enrolled": ENROLLED,
        "stated": RATE,
        "visitors": {camera: len(labels) for camera, labels in expected.items()},
        "events": {camera: len(found) for camera, found in told.items()},
        "lost": door_kinds.count("camera_lost"),
        "back_after_s": [e["facts"]["seconds"] for e in back],
        "strangers": len(strangers),
        "let_in": share(strangers.astype(float), np.ones(len(strangers))).to_json(),
        "missed": share(known.astype(float), np.ones(len(known))).to_json(),
        "memory_mb": {"early": round(float(np.median(early)), 1),
                      "late": round(float(np.median(late)), 1)},
    }  # fmt: skip
    keep("cameras", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
