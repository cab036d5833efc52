"""Somebody who changes a gallery at random, and what has to be as before when all is undone."""

from __future__ import annotations

import random
from datetime import date

import numpy as np

from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery

DIM = 8
FACTS = {"similarity": 0.75, "threshold": 0.5, "rate_kind": "fpir", "rate": 0.01}


def unit_rows(draw: random.Random, count: int) -> np.ndarray:
    drawn = np.random.default_rng(draw.getrandbits(32)).standard_normal((count, DIM))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


class Hands:
    """Changes a gallery at random, and knows what it gave to whom."""

    def __init__(self, gallery: SqliteGallery, seed: int) -> None:
        self.gallery, self.draw = gallery, random.Random(seed)
        self.count = 0
        self.names: dict[str, set[str]] = {}  # all labels that an identity or one of it has had
        self.before: dict[int, dict[str, set[str]]] = {}  # by the line of a change

    def do(self, name: str) -> None:
        """One change, and who is called what by it."""
        line = len(self.gallery.audit()) + 1
        self.before[line] = {who: set(names) for who, names in self.names.items()}
        getattr(self, name)()
        for entry in self.gallery.audit()[line - 1 :]:
            if entry.action == "merge":
                gone = self.names.get(str(entry.facts["source"]), set())
                self.names.setdefault(str(entry.identity), set()).update(gone)
            if entry.action == "undo" and "undone" in entry.facts:
                self.names = self.before[entry.facts["undone"]]
        for one in self.gallery.records():
            self.names.setdefault(one.id, set()).add(one.label)

    def try_to(self, name: str) -> None:
        """One change, of somebody at least; an erasure leaves nothing to undo."""
        if not self.gallery.labels():
            self.enroll()
        try:
            getattr(self, name)()
        except GalleryError:
            assert name == "undo"

    def traces(self, label: str) -> list[bytes]:
        """All that is to be gone when that one is forgotten."""
        (who,) = (one.id for one in self.gallery.records() if one.label == label)
        mine = [one.id for one in self.gallery.examples(label)]
        found = self.gallery.snapshot()
        vectors = found.vectors[np.isin(found.examples, mine)]
        mistaken = self.gallery._connection.execute(
            "SELECT vector FROM strangers JOIN feedback USING (decision) WHERE identity = ?", (who,)
        )
        return [
            *(name.encode() for name in self.names[who] | {label}),
            *map(self.gallery.picture, self.gallery.picture_ids(label)),
            *(row.tobytes() for row in vectors),
            *(vector for (vector,) in mistaken),
        ]

    def some(self) -> str:
        return self.draw.choice(list(self.gallery.labels()))

    def fresh(self) -> str:
        self.count += 1
        return f"label {self.count} {self.draw.getrandbits(64):x}"

    def example(self) -> int:
        return self.draw.choice(self.gallery.examples()).id

    def enroll(self, label: str | None = None) -> None:
        count = self.draw.randint(1, 3)
        self.gallery.add(
            label or self.fresh(),
            unit_rows(self.draw, count),
            pictures=[self.draw.randbytes(40) for _ in range(count)],
            consent=self.draw.choice([None, self.fresh()]),
            retain_until=self.draw.choice([None, date(2990, 1, self.draw.randint(1, 31))]),
            tags=self.draw.choice([(), ("staff",), (self.fresh()[:40],)]),
        )

    def more(self) -> None:
        self.enroll(self.some())

    def rename(self) -> None:
        self.gallery.rename(self.some(), self.fresh())

    def merge(self) -> None:
        first, second = self.some(), self.some()
        if first != second:
            self.gallery.merge(first, second)

    def move(self) -> None:
        example, label = self.example(), self.draw.choice([self.some(), self.fresh()])
        if example not in [one.id for one in self.gallery.examples() if one.label == label]:
            self.gallery.move(example, label)

    def describe(self) -> None:
        self.gallery.describe(
            self.some(),
            add=self.draw.choice([(), ("staff",), (self.fresh()[:40],)]),
            metadata=self.draw.choice([None, {}, {"room": self.fresh()}]),
            quiet=self.draw.choice([None, True, False]),
        )

    def note(self) -> None:
        """Never what was noted before."""
        self.gallery.describe(self.some(), metadata={"room": self.fresh()})

    def calibrate(self) -> None:
        count = self.draw.randint(1, 4)
        self.gallery.add_strangers(unit_rows(self.draw, count), np.arange(count) // 2)

    def feedback(self) -> None:
        who = self.draw.choice(self.gallery.snapshot().identities)
        self.gallery.feedback(
            self.gallery.snapshot().sign({**FACTS, "answer": "match", "identity": who}),
            self.draw.choice([True, False]),
        )

    def lesson(self) -> None:
        """A review whose picture teaches: an example, or a stranger."""
        first, second = (self.draw.choice(self.gallery.snapshot().identities) for _ in range(2))
        token = self.gallery.snapshot().sign({**FACTS, "answer": "match", "identity": first})
        if self.draw.random() < 0.5:
            self.gallery.feedback(token, False, strangers=unit_rows(self.draw, 1))
        else:
            picture = [self.draw.randbytes(40)]
            rows = unit_rows(self.draw, 1)
            self.gallery.feedback(token, False, identity=second, examples=rows, pictures=picture)

    def pictures(self) -> None:
        self.gallery.set_keep_pictures(True)

    # -- erasures ---------------------------------------------------------------------------

    def forget(self) -> None:
        self.gallery.remove(self.some())

    def forget_example(self) -> None:
        self.gallery.remove_example(self.example())

    def uncalibrate(self) -> None:
        if batches := self.gallery.stranger_batches():
            self.gallery.remove_strangers(self.draw.choice(batches).id)

    def take_back(self) -> None:
        if given_ := self.gallery.feedbacks():
            self.gallery.undo_feedback(self.draw.choice(given_).decision)

    def undo(self) -> None:
        self.gallery.undo()


def state(gallery: SqliteGallery) -> str:
    """All that decisions and lists come from, to the bit."""
    found = gallery.snapshot()
    return repr(
        (
            found.labels,
            found.identities,
            found.vectors.tobytes(),
            found.owner.tolist(),
            found.examples.tolist(),
            sorted((who, sorted(tags)) for who, tags in found.tags.items()),
            sorted(found.quiet),
            found.strangers.vectors.tobytes(),
            found.strangers.class_index.tolist(),
            found.strangers.turned.tolist(),
            gallery.records(),
            gallery.examples(),
            [gallery.picture(example) for example in gallery.picture_ids()],
            gallery.feedbacks(),
            gallery.stranger_batches(),
            gallery.keep_pictures,
        )
    )
