"""The inbox: the oldest give way, nothing outlasts its time, of whoever is erased nothing stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holotype.errors import ErasurePendingError, ServingError
from holotype.gallery import Gallery, inbox_of
from holotype.gallery.inbox import Entry, Inbox, clear

Rows = Callable[..., Any]
NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)


@pytest.fixture
def place(place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path | str:
    monkeypatch.chdir(tmp_path)  # the inbox of a database lies in the working folder
    return place


@pytest.fixture
def inbox(gallery: Gallery, place: Path | str) -> Iterator[Inbox]:
    found = Inbox(inbox_of(place).absolute())
    yield found
    found.close()


def entry(name: str, identity: str | None = None, hours: float = 1, **facts: Any) -> Entry:
    vector = np.zeros(8, np.float32)
    return Entry(name, name, NOW, NOW + timedelta(hours=hours), "m", identity, facts, vector)


def names(inbox: Inbox) -> list[str]:
    return [one.id for one in inbox.entries()]


def identity(gallery: Gallery, label: str) -> str:
    return next(one.id for one in gallery.records() if one.label == label)


def test_the_oldest_give_way(inbox: Inbox) -> None:
    for number in range(5):
        inbox.put(entry(f"n{number}"), b"p" * 1000, max_bytes=3200)
    assert names(inbox) == ["n4", "n3", "n2"]
    inbox.put(entry("large"), b"p" * 3000, max_bytes=3200)
    assert names(inbox) == ["large"]


def test_nothing_outlasts_its_time(inbox: Inbox) -> None:
    inbox.put(entry("short", hours=1), b"a picture of one who left")
    inbox.put(entry("long", hours=2), b"a picture of another")
    inbox.expire(NOW + timedelta(hours=1))
    assert names(inbox) == ["long"]
    content = inbox.path.read_bytes()
    assert b"who left" not in content
    assert b"of another" in content


def test_hidden_is_without_a_picture_and_still_known(inbox: Inbox) -> None:
    inbox.put(entry("one", decision="t.oken"), b"a picture of one")
    assert inbox.hide("one") == 1
    assert inbox.hide("one") == 0
    (hidden,) = inbox.entries()
    assert (hidden.picture, hidden.facts) == (False, {"decision": "t.oken", "hidden": True})
    assert inbox.picture("one") is None
    assert b"a picture of one" not in inbox.path.read_bytes()


def test_whoever_is_erased_takes_along_what_resembles_them(
    gallery: Gallery, inbox: Inbox, rows: Rows
) -> None:
    for seed, label in enumerate(("Ada", "Bob")):
        gallery.add(label, rows(seed))
    ada, bob = identity(gallery, "Ada"), identity(gallery, "Bob")
    inbox.put(entry("like ada", ada), b"a picture of Ada, perhaps")
    inbox.put(entry("like ada now", bob, nearest=ada), b"another picture of Ada, perhaps")
    inbox.put(entry("like bob", bob, nearest=bob), b"a picture of Bob, perhaps")
    inbox.put(entry("nobody"), b"a picture of nobody")
    gallery.remove("Ada")
    assert names(inbox) == ["nobody", "like bob"]
    content = inbox.path.read_bytes()
    assert b"of Ada" not in content
    assert ada.encode() not in content


def test_an_erasure_that_cannot_reach_the_inbox_is_pending(
    gallery: Gallery, inbox: Inbox, rows: Rows
) -> None:
    gallery.add("Ada", rows(1))
    inbox.put(entry("like ada", identity(gallery, "Ada")), b"a picture")
    writer = sqlite3.connect(inbox.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(ErasurePendingError):
        gallery.remove("Ada")
    writer.execute("ROLLBACK")
    writer.close()
    gallery.erase_events()
    assert names(inbox) == []


def test_cleared_by_a_server_that_keeps_none(inbox: Inbox, tmp_path: Path) -> None:
    inbox.put(entry("one"), b"a picture of one")
    clear(inbox.path)
    assert names(inbox) == []
    assert b"a picture of one" not in inbox.path.read_bytes()
    clear(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_file_that_others_may_read_is_refused(inbox: Inbox) -> None:
    inbox.path.chmod(0o644)
    with pytest.raises(ServingError, match="others may read"):
        Inbox(inbox.path)
