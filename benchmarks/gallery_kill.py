"""SIGKILL in the middle of the work on a gallery: is anything lost, or half done?

    python benchmarks/gallery_kill.py --rounds 50 --seconds 1

Each round a child enrolls, forgets, adds and removes strangers, reviews decisions and moves the
gallery to another model and back, and says on a pipe what it is about to do and what is done,
until it is killed. It drives a Recognizer with a small model, and in a second run the gallery
itself, which is killed in the middle of more changes. All the while another process reads the
gallery and checks what it sees.

After each kill the gallery must hold exactly what was acknowledged, with the one thing that was
under way done as a whole or not at all; its audit trail must be whole and still have every line
that was there before; and nothing of who was forgotten may be in its files.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gallery_work import (
    EXAMPLES,
    MODELS,
    STRANGERS,
    RecognizerWorker,
    Worker,
    examples,
    make_models,
    open_gallery,
    pictures,
)
from holotype.errors import GalleryError
from holotype.gallery import Snapshot, SqliteGallery

PIPE_BYTES = 1 << 20  # the child never waits for its acknowledgements to be read


def check(snapshot: Snapshot, model: str) -> None:
    """Every label has exactly its examples, of the gallery's model; every batch is whole."""
    count = len(snapshot.labels)
    assert (snapshot.owner == np.repeat(np.arange(count), EXAMPLES)).all(), "torn enrollment"
    if count:
        expected = np.vstack([examples(label, model) for label in snapshot.labels])
        assert (snapshot.vectors == expected).all(), "a vector of another label or model"
    assert len(snapshot.strangers.vectors) % STRANGERS == 0, "torn batch"


# -- the process that reads ---------------------------------------------------------------------


def read(path: Path, report: int) -> None:
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
    reads = changes = models = 0
    while not stopping:
        with open_gallery(path) as gallery:
            seen = None
            models += 1
            while not stopping:
                try:
                    snapshot = gallery.snapshot()
                except GalleryError as error:
                    if "belongs to the model" not in error.problem:
                        raise
                    break
                reads += 1
                if snapshot is not seen:
                    check(snapshot, gallery.model_id)
                    seen, changes = snapshot, changes + 1
                time.sleep(0.001)
    seen_by_reader = {"reads": reads, "states_seen": changes, "models_seen": models}
    os.write(report, json.dumps(seen_by_reader).encode())


# -- the judge ----------------------------------------------------------------------------------


@dataclass
class Truth:
    """What the gallery has to hold, from what was acknowledged."""

    model: str = field(default_factory=lambda: next(iter(MODELS)))
    labels: set[str] = field(default_factory=set)
    batches: set[str] = field(default_factory=set)
    reviews: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)  # forgotten in this round
    done: dict[str, int] = field(default_factory=dict)
    interrupted: dict[str, int] = field(default_factory=dict)  # by a kill, done or not

    def apply(self, kind: str, what: str) -> None:
        self.done[kind] = self.done.get(kind, 0) + 1
        match kind:
            case "enroll":
                self.labels.add(what)
            case "forget" | "hidden":
                self.labels.discard(what)
                self.gone.add(what)
            case "calibrate":
                self.batches.add(what)
            case "uncalibrate":
                self.batches.discard(what)
            case "feedback":
                self.reviews.add(what)
            case "reembed":
                self.model = what
                self.batches.clear()

    def settle(self, kind: str, what: str, gallery: SqliteGallery) -> None:
        """Accept what was under way if it was done; that it is whole is checked with the rest."""
        self.interrupted[kind] = self.interrupted.get(kind, 0) + 1
        new_batches = {batch.id for batch in gallery.stranger_batches()} - self.batches
        new_reviews = {review.decision for review in gallery.feedbacks()} - self.reviews
        there = what in gallery.labels()
        done = {
            "enroll": there,
            "forget": not there,
            "calibrate": len(new_batches) == 1,
            "uncalibrate": what not in {batch.id for batch in gallery.stranger_batches()},
            "feedback": len(new_reviews) == 1,
            "reembed": gallery.model_id == what,
        }[kind]
        if done:
            if kind in ("calibrate", "feedback"):
                (what,) = new_batches or new_reviews
            self.apply(kind, what)


def judge(path: Path, truth: Truth, lines: list[str], heads: list[str]) -> None:
    """Compare the gallery with what was said on the pipe."""
    under_way: list[str] = []  # kind and what
    for line in lines:
        sign, *words = line.split()
        if sign == "?":
            under_way = words
        else:
            truth.apply(*words)
            under_way = []
    with open_gallery(path) as gallery:
        if under_way:
            truth.settle(under_way[0], under_way[1], gallery)
        assert gallery.model_id == truth.model, "a move to another model was lost"
        labels = set(gallery.labels())
        assert labels == truth.labels, f"lost {truth.labels - labels}, back {labels - truth.labels}"
        assert {batch.id for batch in gallery.stranger_batches()} == truth.batches, "strangers"
        assert {review.decision for review in gallery.feedbacks()} == truth.reviews, "reviews"
        check(gallery.snapshot(), truth.model)
        found = gallery.check()
        assert found.sound, (found.problems, found.audit.problems)
        for head in heads[-3:]:
            assert gallery.verify_audit(noted=head).intact, "an audit line was lost"
        heads.append(found.audit.head)
        assert gallery._connection is not None
        gallery._finish_erasure(gallery._connection)  # unless the reader was in the way
        waiting = gallery._connection.execute("SELECT removals > erased FROM meta").fetchone()[0]
        content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    if not waiting:
        for label in sorted(truth.labels)[:1]:  # that the search finds what is there
            assert all(trace in content for trace in traces(label, truth.model)), "the search"
        for label in truth.gone:
            found_of_it = [trace in content for model in MODELS for trace in traces(label, model)]
            assert not any(found_of_it), f"bytes of {label}, which was forgotten"
        truth.gone.clear()


def traces(label: str, model: str) -> list[bytes]:
    """What a file that holds this label holds of it, beside its name."""
    # The end of a picture: a long record is spread over several pages of the file.
    return [*(row.tobytes() for row in examples(label, model)), *(p[-40:] for p in pictures(label))]


def fork(work: Callable[..., None], *arguments: object) -> tuple[int, int]:
    """Start `work(*arguments, pipe)` in a child; its process id, and the pipe's reading end."""
    out, into = os.pipe()
    fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
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


def killed_round(
    worker: type[Worker], path: Path, number: int, seconds: float, truth: Truth, heads: list[str]
) -> None:
    """Let a worker change the gallery for so long, kill it, and judge what is left."""
    writer, pipe = fork(lambda *args: worker(*args).run(), path, number)
    said = b""
    while b"\n!" not in said and (part := os.read(pipe, 1 << 16)):
        said += part  # until something was acknowledged, however slow the machine
    time.sleep(seconds)
    os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    assert os.WIFSIGNALED(status), "the writer failed before it was killed"
    # A line is written at once, so none is cut.
    judge(path, truth, (said.decode() + drain(pipe)).splitlines(), heads)


def run(worker: type[Worker], rounds: int, seconds: float, seed: int) -> dict[str, object]:
    choose = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        make_models(Path(folder))
        Path(folder, "gallery").mkdir()
        path = Path(folder, "gallery", "killed.gallery")
        truth, heads = Truth(), []
        open_gallery(path).close()
        reader, report = fork(read, path)
        try:
            for number in range(rounds):
                killed_round(worker, path, number, seconds * choose.uniform(0.5, 1.5), truth, heads)
        finally:
            # It would read for good, and whoever waits for what this process prints with it.
            os.kill(reader, signal.SIGTERM)
        reading = json.loads(drain(report) or "{}")
        _, status = os.waitpid(reader, 0)
        with open_gallery(path) as gallery:
            entries = gallery.verify_audit().entries
    return {
        "driven": "the Recognizer" if worker is RecognizerWorker else "the gallery",
        "kills": rounds,
        "acknowledged": sum(truth.done.values()),
        "done": dict(sorted(truth.done.items())),
        "interrupted": dict(sorted(truth.interrupted.items())),
        "lost": 0,  # `judge` ends the run where something is
        "audit_lines": entries,
        "reader_failed": status != 0,
        **reading,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=1.0, help="of work in a round")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/kill.json"))
    arguments = parser.parse_args()
    results = []
    for worker in (RecognizerWorker, Worker):
        result = run(worker, arguments.rounds, arguments.seconds, arguments.seed)
        results.append(result)
        print(json.dumps(result))
        print(
            f"{result['driven']}: 0 of {result['acknowledged']} acknowledged changes lost and none "
            f"half done in {result['kills']} kills; all {result['audit_lines']} audit lines in one "
            f"chain; the reader {'FAILED' if result['reader_failed'] else 'kept reading'} "
            f"({result.get('reads')} reads, {result.get('states_seen')} new states)",
            flush=True,
        )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"runs": results}, indent=1) + "\n")
    return int(any(result["reader_failed"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
