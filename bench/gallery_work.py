"""What is done to a gallery while `gallery_kill.py` waits for its moment."""

from __future__ import annotations

import os
import random
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import SqliteGallery, gallery_model

DIMS = {"first": 64, "second": 48}  # the two models
EXAMPLES = 2  # per label, in one call: both are there, or none
STRANGERS = 3  # per batch
CROWD = 200  # identities above which more leave than come
FACTS = {"answer": "match", "identity": None, "similarity": 0.5, "threshold": 0.4}


@cache
def examples(label: str, model: str) -> np.ndarray:
    seed = [*(int(part) for part in label.split("-")), DIMS[model]]
    drawn = np.random.default_rng(seed).standard_normal((EXAMPLES, DIMS[model]))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def open_gallery(path: Path) -> SqliteGallery:
    """With the model that it has now; the other processes may just be changing it."""
    while True:
        model = gallery_model(path)[0] if path.exists() else "first"
        try:
            return SqliteGallery.open(
                path, model, DIMS[model], model_name=model, keep_pictures=True, busy_timeout_s=30
            )
        except GalleryError as error:
            if "belongs to the model" not in error.problem:
                raise


class Worker:
    def __init__(self, path: Path, number: int, report: int) -> None:
        self.path, self.number, self.report = path, number, report
        self.choose = random.Random(number)
        self.gallery = open_gallery(path)
        self.labels = list(self.gallery.labels())

    def say(self, *words: str) -> None:
        os.write(self.report, f"{' '.join(words)}\n".encode())

    def run(self) -> None:
        for count in range(10**9):
            other = next(model for model in DIMS if model != self.gallery.model_id)
            crowded = len(self.labels) > CROWD
            kinds = ["enroll", "forget", "strangers", "feedback", "reembed"]
            weights = [30, 60 if crowded else 8, 6, 6, 2]
            kind = self.choose.choices(kinds, weights)[0]
            if self.gallery.staged(other):
                kind = "reembed"  # go on where the one before was killed
            if kind == "enroll":
                self.enroll(f"{self.number}-{count}")
            elif kind == "forget" and self.labels:
                self.forget(self.labels.pop(self.choose.randrange(len(self.labels))))
            elif kind == "strangers":
                self.strangers()
            elif kind == "feedback":
                self.say("?", "feedback", "-")
                signed = self.gallery.sign({**FACTS, "rate_kind": "fpir", "rate": 0.01})
                self.say("!", "feedback", self.gallery.feedback(signed, False).decision)
            elif kind == "reembed":
                self.reembed(other)

    def enroll(self, label: str) -> None:
        self.say("?", "enroll", label)
        pictures = [f"{label} {i}".encode() for i in range(EXAMPLES)]
        self.gallery.add(label, examples(label, self.gallery.model_id), pictures=pictures)
        self.labels.append(label)
        self.say("!", "enroll", label)

    def forget(self, label: str) -> None:
        self.say("?", "forget", label)
        try:
            self.gallery.remove(label)
        except ErasurePendingError:  # the reader was in the way for long
            self.say("!", "hidden", label)
        else:
            self.say("!", "forget", label)

    def strangers(self) -> None:
        batches = self.gallery.stranger_batches()
        if len(batches) < 5:
            self.say("?", "calibrate", "-")
            vectors = np.eye(DIMS[self.gallery.model_id])[:STRANGERS]
            batch = self.gallery.add_strangers(vectors, np.arange(STRANGERS), rate=0.01)
            self.say("!", "calibrate", batch)
        else:
            batch = self.choose.choice(batches).id
            self.say("?", "uncalibrate", batch)
            with suppress(ErasurePendingError):
                self.gallery.remove_strangers(batch)
            self.say("!", "uncalibrate", batch)

    def reembed(self, model: str) -> None:
        self.say("?", "reembed", model)
        while waiting := set(self.gallery.picture_ids()) - self.gallery.staged(model):
            vectors = {}
            for example in sorted(waiting)[:50]:
                label, which = self.gallery.picture(example).decode().split()
                vectors[example] = examples(label, model)[int(which)]
            self.gallery.stage(model, DIMS[model], vectors)
        self.gallery.reembed(model, model, DIMS[model])
        self.gallery.close()
        self.gallery = open_gallery(self.path)
        self.say("!", "reembed", model)
