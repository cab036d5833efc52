"""What is done to a gallery while `gallery_kill.py` waits for its moment."""

from __future__ import annotations

import io
import os
import random
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

import holotype
from holotype.embedder import Embedder
from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import SqliteGallery, gallery_model
from holotype.pack import load_pack
from holotype.recognizer import calibrate, feedback, reembed

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from toy_packs import make_toy_pack, toy_drawing

DIMS = (64, 48)  # of the two models
EXAMPLES = 2  # per label, in one call: both are there, or none
STRANGERS = 6  # per batch
CROWD = 200  # identities above which more leave than come
FACTS = {"answer": "match", "identity": None, "similarity": 0.5, "threshold": 0.4}
MODELS: dict[str, Path] = {}  # id -> pack; the first is the one that a gallery begins with


def make_models(folder: Path) -> None:
    MODELS.clear()
    for seed, dim in enumerate(DIMS):
        path = make_toy_pack(folder / f"model-{seed}", dim=dim, seed=seed)
        MODELS[load_pack(path).card.model_id] = path


@cache
def pictures(label: str) -> tuple[bytes, ...]:
    number, count = (int(part) for part in label.split("-"))
    files = []
    for drawer in range(EXAMPLES):
        file = io.BytesIO()
        Image.fromarray(toy_drawing(100_000 * (number + 1) + count, drawer)).save(file, "PNG")
        files.append(file.getvalue())
    return tuple(files)


@cache
def embedder(model: str, process: int) -> Embedder:
    # One for each process: what a session holds does not outlive a fork.
    return Embedder(load_pack(MODELS[model]), threads=1)


@cache
def examples(label: str, model: str) -> np.ndarray:
    return embedder(model, os.getpid()).embed(pictures(label))


def open_gallery(path: Path) -> SqliteGallery:
    """With the model that it has now; the other processes may just be changing it."""
    while True:
        model = gallery_model(path)[0] if path.exists() else next(iter(MODELS))
        card = load_pack(MODELS[model]).card
        try:
            return SqliteGallery.open(
                path,
                model,
                card.embedding_dim,
                model_name=str(MODELS[model]),
                keep_pictures=True,
                busy_timeout_s=30,
            )
        except GalleryError as error:
            if "belongs to the model" not in error.problem:
                raise


class Worker:
    """Drives the gallery itself: many changes in a second."""

    def __init__(self, path: Path, number: int, report: int) -> None:
        self.path, self.number, self.report = path, number, report
        self.choose = random.Random(number)
        self.gallery = self.open()
        self.labels = list(self.gallery.labels())

    def open(self) -> SqliteGallery:
        return open_gallery(self.path)

    def say(self, *words: str) -> None:
        os.write(self.report, f"{' '.join(words)}\n".encode())

    def run(self) -> None:
        for count in range(10**9):
            other = next(model for model in MODELS if model != self.gallery.model_id)
            crowded = len(self.labels) > CROWD
            kinds = ["enroll", "forget", "strangers", "feedback", "reembed"]
            weights = [30, 60 if crowded else 8, 6, 6, 2]
            kind = self.choose.choices(kinds, weights)[0]
            if self.gallery.staged(other):
                kind = "reembed"  # go on where the one before was killed
            if kind == "enroll":
                label = f"{self.number}-{count}"
                self.say("?", "enroll", label)
                self.enroll(label)
                self.labels.append(label)
                self.say("!", "enroll", label)
            elif kind == "forget" and self.labels:
                self.forget(self.labels.pop(self.choose.randrange(len(self.labels))))
            elif kind == "strangers":
                self.strangers()
            elif kind == "feedback" and self.labels:
                self.say("?", "feedback", "-")
                self.say("!", "feedback", self.feedback())
            elif kind == "reembed":
                self.say("?", "reembed", other)
                self.reembed(other)
                self.say("!", "reembed", other)

    def forget(self, label: str) -> None:
        self.say("?", "forget", label)
        try:
            self.remove(label)
        except ErasurePendingError:  # the reader was in the way for long
            self.say("!", "hidden", label)
        else:
            self.say("!", "forget", label)

    def strangers(self) -> None:
        batches = self.gallery.stranger_batches()
        if len(batches) < 5:
            self.say("?", "calibrate", "-")
            self.say("!", "calibrate", self.calibrate())
        else:
            batch = self.choose.choice(batches).id
            self.say("?", "uncalibrate", batch)
            with suppress(ErasurePendingError):
                self.gallery.remove_strangers(batch)
            self.say("!", "uncalibrate", batch)

    # What the two workers do in their own ways.

    def enroll(self, label: str) -> None:
        self.gallery.add(label, examples(label, self.gallery.model_id), pictures=pictures(label))

    def remove(self, label: str) -> None:
        self.gallery.remove(label)

    def calibrate(self) -> str:
        vectors = np.eye(embedder(self.gallery.model_id, os.getpid()).embedding_dim)[:STRANGERS]
        return self.gallery.add_strangers(vectors, np.arange(STRANGERS), rate=0.01)

    def feedback(self) -> str:
        signed = self.gallery.snapshot().sign({**FACTS, "rate_kind": "fpir", "rate": 0.01})
        return self.gallery.feedback(signed, False).decision

    def reembed(self, model: str) -> None:
        while waiting := set(self.gallery.picture_ids()) - self.gallery.staged(model):
            batch = sorted(waiting)[:50]
            vectors = embedder(model, os.getpid()).embed(
                [self.gallery.picture(example) for example in batch]
            )
            self.gallery.stage(model, vectors.shape[1], dict(zip(batch, vectors, strict=True)))
        dim = embedder(model, os.getpid()).embedding_dim
        self.gallery.reembed(model, str(MODELS[model]), dim)
        self.gallery.close()
        self.gallery = self.open()


class RecognizerWorker(Worker):
    """Drives a Recognizer, as an application does: pictures in, decisions out."""

    def open(self) -> SqliteGallery:
        self.recognizer = holotype.open(self.path)
        gallery = self.recognizer.gallery
        assert isinstance(gallery, SqliteGallery)
        return gallery

    def enroll(self, label: str) -> None:
        self.recognizer.enroll(label, *pictures(label))

    def remove(self, label: str) -> None:
        self.recognizer.forget(label)

    def calibrate(self) -> str:
        first = self.choose.randrange(10**6)
        strangers = [toy_drawing(10**9 + first + i) for i in range(STRANGERS)]
        batch = calibrate(self.recognizer, strangers, suspects="keep").batch
        assert batch is not None
        return batch

    def feedback(self) -> str:
        probe = pictures(self.choose.choice(self.labels))[0]
        decision = self.recognizer.identify(probe)
        return feedback(self.recognizer, decision, correct=False).decision

    def reembed(self, model: str) -> None:
        self.recognizer.close()
        reembed(self.path, MODELS[model])
        self.gallery = self.open()
