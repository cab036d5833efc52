"""What happened is told once, in order, and of whoever is erased nothing stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.errors import ErasurePendingError, ServingError
from holotype.gallery import Gallery, SqliteGallery, events_of, restore
from holotype.gallery.event_log import Events

Rows = Callable[..., Any]


@pytest.fixture
def place(place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path | str:
    monkeypatch.chdir(tmp_path)  # the events of a database lie in the working folder
    return place


@pytest.fixture
def events(gallery: Gallery, place: Path | str) -> Iterator[Events]:
    found = Events(events_of(place).absolute())
    found.follow(gallery)
    yield found
    found.close()


def told(events: Events) -> list[tuple[str, str | None]]:
    return [(event.kind, event.facts.get("action")) for event in events.after(0, 1000)]


def identity(gallery: Gallery, label: str) -> str:
    return next(one.id for one in gallery.records() if one.label == label)


def test_a_change_of_any_process_is_an_event(
    gallery: Gallery, open_gallery: Any, events: Events, rows: Rows
) -> None:
    gallery.add("Ada", rows(1))
    open_gallery().rename("Ada", "Ada L.")
    events.follow(gallery)
    events.follow(gallery)
    gallery.remove("Ada L.")
    events.follow(gallery)
    # The events about her went with her; that she was erased stays, as in the trail.
    assert told(events) == [("forgotten", "forget")]
    (event,) = events.after(0, 10)
    assert event.facts["line"] == gallery.audit()[-1].sequence
    assert event.number == events.last() == 3


def test_what_was_before_the_first_look_is_no_event(
    gallery: Gallery, place: Path | str, rows: Rows
) -> None:
    gallery.add("Ada", rows(1))
    events = Events(events_of(place))
    events.follow(gallery)
    assert told(events) == []
    events.close()
    gallery.add("Bob", rows(2))  # while nobody follows
    again = Events(events_of(place))
    again.follow(gallery)
    assert told(again) == [("enrolled", "enroll")]
    again.close()


@given(st.lists(st.sampled_from(["enroll", "here", "there", "again"]), max_size=20))
def test_each_line_is_one_event_in_order_whoever_follows(
    tmp_path_factory: Any, steps: list[str]
) -> None:
    path = tmp_path_factory.mktemp("follow") / "desk.gallery"
    with SqliteGallery.open(path, "m", 2, model_name="m") as gallery:
        here, there = (Events(events_of(path)) for _ in range(2))
        here.follow(gallery)
        begun = len(gallery.audit())
        for count, step in enumerate(steps):
            if step == "enroll":
                angle = 0.1 * count
                vector = np.array([[np.cos(angle), np.sin(angle)]], np.float32)
                gallery.add(f"label {count}", vector)
            elif step == "again":  # as after a crash
                there.close()
                there = Events(events_of(path))
            else:
                (here if step == "here" else there).follow(gallery)
        here.follow(gallery)
        there.follow(gallery)
        lines = [event.facts["line"] for event in here.after(0, 1000)]
        assert lines == [entry.sequence for entry in gallery.audit()[begun:]]
        here.close()
        there.close()


def test_another_gallery_in_its_place_is_one_event(
    gallery: Gallery, events: Events, rows: Rows, tmp_path: Path, path: Path
) -> None:
    gallery.add("Ada", rows(1))
    events.follow(gallery)
    gallery.backup(tmp_path / "copy")
    gallery.add("Bob", rows(2))
    events.follow(gallery)
    restore(tmp_path / "copy", path, replace=True)
    before = events.last()
    events.follow(gallery)
    events.follow(gallery)
    assert [event.kind for event in events.after(before, 10)] == ["replaced"]
    gallery.add("Cy", rows(3))
    events.follow(gallery)
    assert [event.kind for event in events.after(before, 10)] == ["replaced", "enrolled"]


def test_of_whoever_is_erased_no_event_stays_and_no_byte(
    gallery: Gallery, events: Events, rows: Rows
) -> None:
    for seed, label in enumerate(("Ada", "Bob", "Ada too")):
        gallery.add(label, rows(seed))
    ada, bob, too = (identity(gallery, label) for label in ("Ada", "Bob", "Ada too"))
    picture = b"a picture of Ada, who came by"
    events.add("identified", {"camera": "door"}, ada, picture)
    events.add("identified", {}, too)
    events.add("identified", {}, bob, b"a picture of Bob")
    events.add("unknown", {"camera": "door", "similarity": 0.4, "decision": "t.oken"}, ada, None)
    gallery.merge("Ada too", "Ada")
    gallery.remove_example(gallery.examples("Bob")[0].id)  # Bob is gone, and nobody else
    kinds = [(event.kind, event.identity) for event in events.after(0, 10)]
    assert kinds == [("identified", ada), ("identified", too), ("unknown", ada)]
    gallery.remove("Ada")
    (left,) = events.after(0, 10)
    assert (left.kind, left.identity, left.facts) == ("unknown", None, {"camera": "door"})
    content = events.path.read_bytes()
    assert not [secret for secret in (picture, ada.encode(), b"t.oken") if secret in content]


def test_an_erasure_that_cannot_reach_the_events_is_pending_and_made_up_for(
    gallery: Gallery, open_gallery: Any, events: Events, rows: Rows
) -> None:
    gallery.add("Ada", rows(1))
    events.add("identified", {}, identity(gallery, "Ada"))
    writer = sqlite3.connect(events.path, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(ErasurePendingError):
        gallery.remove("Ada")
    writer.execute("ROLLBACK")
    writer.close()
    assert len(events.after(0, 10)) == 1
    open_gallery()
    assert events.after(0, 10) == ()


def test_what_another_machine_has_erased_goes_when_it_is_followed(
    gallery: Gallery,
    open_gallery: Any,
    events: Events,
    rows: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gallery.add("Ada", rows(1))
    events.follow(gallery)
    picture = b"a picture of Ada, who came by"
    events.add("identified", {}, identity(gallery, "Ada"), picture)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with monkeypatch.context() as there:
        there.chdir(elsewhere)  # where a database has no events
        open_gallery().remove("Ada")
    events.follow(gallery)
    assert told(events) == [("forgotten", "forget")]
    assert picture not in events.path.read_bytes()


def test_they_are_kept_for_some_hours(events: Events) -> None:
    events.add("unknown", {}, None, b"a picture of somebody")
    events.add("camera_lost", {"camera": "door"})
    now = datetime.now(UTC)
    later, earlier = now + timedelta(hours=1), now - timedelta(hours=1)
    assert events.expire(earlier, later) == ()
    assert [event.picture for event in events.after(0, 10)] == [False, False]
    assert b"of somebody" not in events.path.read_bytes()
    assert events.expire(later, later) == (1, 2)
    assert (events.after(0, 10), events.last()) == ((), 2)  # no number is used twice


def test_a_new_file_has_other_ids(events: Events, gallery: Gallery) -> None:
    events.add("unknown", {})
    (event,) = events.after(0, 10)
    assert events.number_of(event.id) == event.number
    events.path.unlink()
    again = Events(events.path)
    assert again.number_of(event.id) == 0
    assert again.number_of("nonsense") is None
    again.close()


def test_a_reader_goes_on_where_it_was(events: Events) -> None:
    events.add("unknown", {})
    assert events.reached("hook") == 1  # who is new gets what comes
    events.add("unknown", {})
    events.close()
    again = Events(events.path)
    assert again.reached("hook") == 1
    again.reach("hook", 2)
    assert again.reached("hook") == 2
    again.leave("hook")
    again.close()


def test_others_may_not_read_them(events: Events) -> None:
    assert events.path.stat().st_mode & 0o777 == 0o600
    events.path.chmod(0o644)
    with pytest.raises(ServingError, match="others may read"):
        Events(events.path)
