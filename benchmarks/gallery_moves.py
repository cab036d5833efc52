"""The file of a gallery is moved about while processes work on it: is anything lost, or damaged?

    python benchmarks/gallery_moves.py --rounds 200

Each round a writer enrolls and forgets, and says on a pipe what is done, until at a random moment
something happens to it or to the file: it is killed, it forks, or the file is renamed, deleted,
replaced by a backup, written over by one, restored into, or copied. Two readers look at the gallery
all the time, open it again when it was replaced, and check what they see. After each round the
gallery must be sound and hold what was acknowledged for the file that lies there; the readers must
get to see that very content; and no use of a gallery may take more than five seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from gallery_kill import drain, fork
from holotype.errors import (
    ErasurePendingError,
    GalleryError,
    GalleryReplacedError,
    LabelError,
)
from holotype.gallery import SqliteGallery, restore

DIM = 64
MOST_S = 5.0
PATIENCE_S = 2.0  # of a gallery, for other processes
KINDS = ("kill", "fork", "rename", "delete", "replace", "write over", "restore", "copy")
# What a reader is told while a file is being moved, or written over: it asks again.
PASSING = ("no gallery", "no longer", "left behind", "locked", "again and again", "empty file",
           "cannot be opened", "cannot be read", "not an SQLite file", "damaged")  # fmt: skip


def vector(label: str) -> np.ndarray:
    """The one example of a label."""
    row = np.random.default_rng(list(label.encode())).standard_normal((1, DIM))
    return (row / np.linalg.norm(row)).astype(np.float32)


def opened(path: Path) -> SqliteGallery:
    return SqliteGallery.open(
        path, "model", DIM, model_name="model", create=False, busy_timeout_s=PATIENCE_S
    )


def seen(gallery: SqliteGallery) -> set[str]:
    """The labels of a snapshot, each of which has its own vector."""
    snapshot = gallery.snapshot()
    assert snapshot.owner.tolist() == list(range(len(snapshot.labels))), "torn"
    for label, row in zip(snapshot.labels, snapshot.vectors, strict=True):
        assert (row == vector(label)[0]).all(), f"{label} has the vector of another"
    return set(snapshot.labels)


class Worker:
    """Enrolls and forgets until its file is gone, or it is told to end."""

    def __init__(self, path: Path, number: int, report: int) -> None:
        self.choose, self.number, self.report = random.Random(number), number, report
        self.ended = self.forking = False
        signal.signal(signal.SIGTERM, self.end)
        signal.signal(signal.SIGUSR1, self.fork)
        self.gallery = opened(path)

    def end(self, *_: object) -> None:
        self.ended = True

    def fork(self, *_: object) -> None:
        self.forking = True

    def say(self, *words: str) -> None:
        os.write(self.report, f"{' '.join(words)}\n".encode())

    def run(self) -> None:
        count = 0
        while not self.ended:
            count += 1
            began = time.monotonic()
            try:
                self.change(count)
            except GalleryReplacedError:
                self.say("gone")
                return
            except ErasurePendingError:  # forgotten, its bytes not gone yet
                self.say("!")
            except (GalleryError, LabelError) as error:  # restored meanwhile, or written over
                self.say("refused", type(error).__name__)
            took = time.monotonic() - began
            if took > MOST_S:
                self.say("slow", f"{took:.1f}")

    def change(self, count: int) -> None:
        if self.forking:
            self.forking = False
            self.child(f"{self.number}-{count}-child")
            return
        labels = list(self.gallery.labels())
        if len(labels) > 2 and self.choose.random() < 0.3:
            self.say("?", "forget", labels[0])
            self.gallery.remove(labels[0])
        else:
            label = f"{self.number}-{count}"
            self.say("?", "enroll", label)
            self.gallery.add(label, vector(label))
        self.say("!")

    def child(self, label: str) -> None:
        """A child uses the gallery too, and comes to its end."""
        self.say("?", "enroll", label)
        child = os.fork()
        if not child:
            self.gallery.add(label, vector(label))
            os._exit(0)
        until = time.monotonic() + MOST_S
        while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
            if time.monotonic() > until:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                self.say("slow", "child")
                return
            time.sleep(0.005)
        self.say("!" if done[1] == 0 else "failed")


def read(path: Path, report: int) -> None:
    """Look all the time; when asked for it (SIGUSR1), say what is there."""
    stopping: list[int] = []
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
    totals: Counter[str] = Counter()
    longest_s = 0.0
    gallery: SqliteGallery | None = None
    while not stopping:
        began = time.monotonic()
        answering = bool(asked)
        try:
            gallery = gallery or opened(path)
            labels = seen(gallery)
            totals["reads"] += 1
            if answering:
                asked.clear()
                os.write(report, (json.dumps(sorted(labels)) + "\n").encode())
        except GalleryReplacedError:
            totals["opened_again"] += 1
            assert gallery is not None
            gallery.close()
            gallery = None
        except GalleryError as error:
            if not any(word in str(error) for word in PASSING):
                raise
            totals["refused"] += 1
        longest_s = max(longest_s, time.monotonic() - began)
        time.sleep(0.001)
    os.write(report, json.dumps({**totals, "longest_s": longest_s}).encode())


class Reader:
    """A reading process, and what it says."""

    def __init__(self, path: Path) -> None:
        self.process, pipe = fork(read, path)
        self.stream = os.fdopen(pipe)

    def labels(self) -> set[str] | None:
        os.kill(self.process, signal.SIGUSR1)
        line = self.stream.readline()
        return set(json.loads(line)) if line else None

    def kill(self) -> None:
        """Leave none behind where the run fails; one that has ended is not there any more."""
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)

    def end(self) -> tuple[dict[str, float], bool]:
        """Its counts, and whether it failed."""
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGTERM)
        with self.stream:
            counts = json.loads(self.stream.read() or "{}")
        return counts, os.waitpid(self.process, 0)[1] != 0


def happen(kind: str, path: Path, writer: int) -> None:
    """What befalls the file, or the writer."""
    backup, aside = path.with_name("backup"), path.with_name("aside")
    match kind:
        case "kill":
            os.kill(writer, signal.SIGKILL)
        case "fork":
            os.kill(writer, signal.SIGUSR1)
        case "rename":
            path.rename(aside)
        case "delete":
            path.unlink()
        case "replace":
            shutil.copyfile(backup, aside)
            aside.replace(path)
        case "write over":  # not while a change is made or taken back, which nobody could see
            os.kill(writer, signal.SIGKILL)
            os.waitid(os.P_PID, writer, os.WEXITED | os.WNOWAIT)
            with opened(path) as gallery:
                gallery.labels()
            shutil.copyfile(backup, path)
        case "restore":
            restore(backup, path, replace=True)
        case "copy":
            shutil.copyfile(path, aside)


def play(kind: str, path: Path, number: int, choose: random.Random) -> tuple[set[str], list[str]]:
    """One round; the labels of the backup, and what the writer said."""
    backup = path.with_name("backup")
    with opened(path) as gallery:
        gallery.backup(backup)
    with opened(backup) as gallery:
        before = seen(gallery)
    writer, pipe = fork(lambda *args: Worker(*args).run(), path, number)
    said = b""
    while b"\n!" not in said and (part := os.read(pipe, 1 << 16)):
        said += part  # until something was acknowledged, however slow the machine
    time.sleep(choose.uniform(0, 0.3))
    happen(kind, path, writer)
    if kind not in ("kill", "write over"):
        time.sleep(choose.uniform(0.05, 0.3))
        os.kill(writer, signal.SIGTERM)
    os.waitpid(writer, 0)
    return before, (said.decode() + drain(pipe)).splitlines()


def put_right(kind: str, path: Path, totals: Counter[str]) -> None:
    """What the owner does after the accident, as the messages say."""
    journal, aside = Path(f"{path}-journal"), path.with_name("aside")
    if kind == "rename":
        aside.rename(path)
    if kind == "delete":
        assert not path.exists(), "a deleted gallery came back"
        journal.unlink(missing_ok=True)
        restore(path.with_name("backup"), path)
    try:
        opened(path).close()
    except GalleryError as error:
        if "left behind" not in str(error) or kind not in ("write over", "replace"):
            raise
        journal.unlink()
        totals["logs refused"] += 1


def expected(
    before: set[str], lines: list[str], kind: str, totals: Counter[str]
) -> tuple[set[str], set[str]]:
    """What must be there, and what may be there or not: done, but never acknowledged."""
    truth, open_end = set(before), set[str]()
    what = label = ""
    for sign, *words in (line.split() for line in lines):
        totals["slow"] += sign == "slow"
        totals["acknowledged"] += sign == "!"
        assert sign != "failed", "a child made by fork failed"
        if sign == "?":
            what, label = words
        # Where a backup is put in the place, what was acknowledged before goes with the file.
        if sign == "!" and kind not in ("delete", "replace", "write over", "restore"):
            (truth.add if what == "enroll" else truth.discard)(label)
        open_end = {label} if sign != "!" else set()
    return truth, open_end


def judge(
    kind: str, path: Path, before: set[str], lines: list[str],
    readers: list[Reader], totals: Counter[str],
) -> None:  # fmt: skip
    truth, open_end = expected(before, lines, kind, totals)
    with opened(path) as gallery:
        there = seen(gallery)
        found = gallery.check()
    assert found.sound, (kind, found.problems, found.audit.problems)
    if kind == "restore":  # the writer goes on with what was restored
        changed = {line.split()[2] for line in lines if line.startswith("?")}
        assert there ^ before <= changed, (kind, there ^ before)
    else:
        more, less = there - truth - open_end, truth - there - open_end
        assert not more | less, (kind, "too many", more, "too few", less, lines)
    for reader in readers:
        assert reader.labels() == there, "a reader sees another content"
    if kind == "copy":
        try:
            with opened(path.with_name("aside")) as copied:
                totals["copies sound"] += copied.check().sound
        except GalleryError:
            totals["copies refused"] += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/gallery_moves.json"))
    arguments = parser.parse_args()
    choose, totals = random.Random(arguments.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as ending:
        path = Path(folder, "door.gallery")
        SqliteGallery.open(path, "model", DIM, model_name="model").close()
        readers = [Reader(path) for _ in range(2)]
        for reader in readers:
            ending.callback(reader.kill)
        for number in range(arguments.rounds):
            kind = KINDS[number % len(KINDS)]
            before, lines = play(kind, path, number, choose)
            put_right(kind, path, totals)
            judge(kind, path, before, lines, readers, totals)
            for name in ("backup", "aside"):
                path.with_name(name).unlink(missing_ok=True)
                Path(f"{path.with_name(name)}-journal").unlink(missing_ok=True)
            totals[kind] += 1
        counts, failed = zip(*(reader.end() for reader in readers), strict=True)
    result = {
        "rounds": arguments.rounds,
        "happened": {kind: totals[kind] for kind in KINDS},
        "acknowledged": totals["acknowledged"],
        "lost_or_matched_after_forgetting": 0,  # a round ends the run where it finds one
        "damaged": 0,
        "logs_refused": totals["logs refused"],
        "copies_sound": totals["copies sound"],
        "copies_refused": totals["copies refused"],
        "waited_over_5_s": totals["slow"] + sum(one["longest_s"] > MOST_S for one in counts),
        "readers_failed": sum(failed),
        "reads": sum(one["reads"] for one in counts),
        "opened_again": sum(one.get("opened_again", 0) for one in counts),
    }
    print(json.dumps(result))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=1) + "\n")
    return int(bool(result["readers_failed"] or result["waited_over_5_s"]))


if __name__ == "__main__":
    sys.exit(main())
