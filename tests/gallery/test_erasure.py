"""After `remove`, nothing of the label or its vectors is in any file of the gallery."""

from __future__ import annotations

import random
import sqlite3
import string
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import ErasurePendingError
from holotype.gallery import SqliteGallery
from holotype.gallery.erasure import is_due
from slow_readers import read_before_erasing


def all_bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def traces(path: Path, *secrets: bytes) -> list[bytes]:
    """Pieces of the secrets, 12 bytes each and ten from every secret, that are in the files."""
    content = all_bytes(path)
    pieces = [
        secret[start : start + 12]
        for secret in secrets
        for start in range(0, max(1, len(secret) - 11), max(1, len(secret) // 10))
    ]
    return [piece for piece in pieces if piece in content]


@given(st.integers(0, 2**32), st.sampled_from([2, 64, 256]))
@settings(deadline=None, max_examples=6)
def test_nothing_is_left(tmp_path_factory, seed: int, dim: int) -> None:
    """Pages that SQLite balances keep copies of rows in their gaps; long labels provoke it."""
    choose = random.Random(seed)
    vectors = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("erase") / "g"
    secrets: dict[str, list[bytes]] = {}
    with SqliteGallery.open(path, "m", dim, model_name="m", keep_pictures=True) as gallery:

        def enroll() -> None:
            label = "".join(
                choose.choices(string.ascii_letters + "äß漢👩", k=choose.randint(40, 200))
            )
            rows = vectors.standard_normal((choose.randint(1, 3), dim))
            rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype("<f4")
            pictures = [choose.randbytes(choose.randint(20, 300)) for _ in rows]
            consent = choose.randbytes(20).hex()
            gallery.add(label, rows, pictures=pictures, consent=consent)
            secrets[label] = [label.encode(), consent.encode(), *pictures]
            secrets[label] += [row.tobytes() for row in rows]

        gallery._connection.execute("PRAGMA synchronous = OFF")  # several hundred, quickly
        for _ in range(300):
            enroll()
        for _ in range(60):
            label = choose.choice(list(secrets))
            assert traces(path, *secrets[label])
            gallery.remove(label)
            assert traces(path, *secrets.pop(label)) == []
            enroll()
        assert list(gallery.labels()) == list(secrets)
    for label in list(secrets)[:5]:
        assert traces(path, *secrets[label])  # the search does find what is there


@pytest.fixture
def blocked(path: Path, open_gallery, rows) -> Iterator[tuple[SqliteGallery, sqlite3.Connection]]:
    """A gallery that is read just when a removal is to be finished, which therefore waits."""
    gallery = open_gallery(busy_timeout_s=0.05)
    gallery.add("somebody to forget", rows(0))
    gallery.add("a", rows(1))
    name = gallery.snapshot().identities[0]
    reader = read_before_erasing(gallery, path)
    with pytest.raises(
        ErasurePendingError, match=r"is gone from .* bytes are still in the file"
    ) as at:
        gallery.remove("somebody to forget", actor="ada")
    (receipt,) = at.value.receipts
    assert (receipt.identity, receipt.examples, receipt.pending) == (name, 1, True)
    assert gallery.verify_audit(noted=receipt.audit_hash).intact
    assert gallery.labels() == {"a": 1}
    assert gallery.snapshot().labels == ("a",)
    assert is_due(reader)
    yield gallery, reader
    reader.close()


def test_what_waits_is_erased_by_the_next_open(path, blocked, open_gallery, rows) -> None:
    _, reader = blocked
    with open_gallery() as other:  # the reader is still there: opening works, erasing waits
        assert other.labels() == {"a": 1}
        assert is_due(reader)
    reader.close()
    with open_gallery() as other:
        assert not is_due(other._connection)
        assert traces(path, b"somebody to forget", rows(0).tobytes()) == []
        assert other.labels() == {"a": 1}


def test_what_waits_is_erased_by_the_next_forget(path, blocked, rows) -> None:
    gallery, reader = blocked
    reader.close()
    del gallery._erase
    gallery.remove("a")
    assert traces(path, b"somebody to forget", rows(0).tobytes(), rows(1).tobytes()) == []


def test_a_forget_waits_for_a_reader_that_ends_in_time(path, open_gallery, rows) -> None:
    gallery = open_gallery()
    gallery.add("somebody to forget", rows(0))
    reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM identities").fetchone()
    ending = threading.Timer(0.3, reader.execute, ["ROLLBACK"])
    ending.start()
    assert not gallery.remove("somebody to forget").pending
    ending.join()
    reader.close()
    assert traces(path, b"somebody to forget", rows(0).tobytes()) == []


def test_a_kill_between_deleting_and_erasing(path, open_gallery, rows) -> None:
    with open_gallery() as gallery:
        gallery.add("somebody to forget", rows(0))
        gallery._erase = lambda _: None  # as if the process had ended here
        gallery.remove("somebody to forget")
    with open_gallery() as gallery:
        assert traces(path, b"somebody to forget", rows(0).tobytes()) == []
        statements: list[str] = []
        gallery._connection.set_trace_callback(statements.append)
        gallery._finish_erasure(gallery._connection)
        assert "VACUUM" not in statements  # once is enough


def _mistaken_for(gallery: SqliteGallery, label: str, vector: np.ndarray) -> None:
    """A review: a stranger was taken for that one."""
    (who,) = (one.id for one in gallery.records() if one.label == label)
    facts = {"similarity": 0.9, "threshold": 0.5, "rate_kind": "fpir", "rate": 0.1}
    token = gallery.snapshot().sign({"answer": "match", "identity": who, **facts})
    gallery.feedback(token, False, strangers=vector)


@pytest.mark.parametrize("how", ["merge", "move"])
def test_who_was_mistaken_for_one_who_is_another_now_goes_with_that_one(
    gallery: SqliteGallery, rows, how: str
) -> None:
    for number, label in enumerate(("ada", "bob", "cy")):
        gallery.add(label, rows(number))
        _mistaken_for(gallery, label, rows(10 + number))

    def one(label: str, into: str) -> None:
        if how == "merge":
            gallery.merge(label, into)
        else:
            (example,) = (e.id for e in gallery.examples(label))
            gallery.move(example, into)

    one("ada", "bob")
    gallery.undo()
    one("bob", "ada")
    gallery.undo()
    one("ada", "cy")
    gallery.remove("bob")
    turned = gallery.snapshot().strangers
    assert {row.tobytes() for row in turned.vectors} == {rows(n).tobytes() for n in (10, 12)}
    gallery.remove("cy")
    assert not len(gallery.snapshot().strangers.vectors)
    assert gallery.check().sound
