"""The trail says who did what and when, and shows when somebody touched it."""

from __future__ import annotations

import itertools
import json
import os
import pwd
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery, audit

LATER = date(2999, 1, 1)


def codes(gallery: SqliteGallery) -> list[tuple[str, int]]:
    return [(problem.code, problem.sequence) for problem in gallery.verify_audit().problems]


@pytest.fixture
def busy(gallery: SqliteGallery, rows) -> SqliteGallery:
    """Twelve lines."""
    for number in range(11):
        gallery.add(f"person {number}", rows(number), actor="ada")
    return gallery


def test_what_it_says(gallery: SqliteGallery, rows, monkeypatch) -> None:
    clock = itertools.count()
    start = datetime(2030, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(audit, "now", lambda: start + timedelta(seconds=next(clock)))
    gallery.add("somebody", rows(0, 2), actor="desk 3", retain_until=LATER)
    name = gallery.snapshot().identities[0]
    batch = gallery.add_strangers(rows(1, 3), np.array([4, 4, 7]), rate=0.01, threshold=0.7)
    gallery.set_keep_pictures(True, actor="ö")
    receipt = gallery.remove("somebody", actor="desk 4")
    created, *lines = gallery.audit()
    assert created.action == "create"
    assert created.facts["model"] == "m1"
    me = pwd.getpwuid(os.getuid()).pw_name
    assert [(line.action, line.actor, line.identity) for line in lines] == [
        ("enroll", "desk 3", name),
        ("calibrate", me, None),
        ("pictures", "ö", None),
        ("forget", "desk 4", name),
    ]
    assert lines[0].facts == {"examples": 2, "model": "m1", "new": True, "pictures": 0}
    assert lines[1].facts == {
        "batch": batch,
        "strangers": 3,
        "classes": 2,
        "model": "m1",
        "rate": 0.01,
        "threshold": 0.7,
    }
    assert lines[3].facts == {"examples": 2}
    assert [line.sequence for line in lines] == [2, 3, 4, 5]
    assert lines[3].at == receipt.at
    assert (receipt.identity, receipt.examples, receipt.pending) == (name, 2, False)
    report = gallery.verify_audit(noted=receipt.audit_hash)
    assert report.intact
    assert report.entries == 5
    assert report.head == receipt.audit_hash == lines[3].hash
    assert report.notes == ()


def test_it_holds_no_label_and_nothing_biometric(path: Path, gallery, rows) -> None:
    gallery.set_keep_pictures(True)
    gallery.add("somebody", rows(0), consent="signed by somebody", pictures=[b"picture"])
    gallery.feedback(
        gallery.snapshot().sign(
            {
                "answer": "match",
                "identity": gallery.snapshot().identities[0],
                "similarity": 0.123456,
                "threshold": 0.5,
                "rate_kind": "fpir",
                "rate": 0.01,
            }
        ),
        correct=False,
    )
    gallery.remove("somebody")
    connection = sqlite3.connect(path)
    trail = str(connection.execute("SELECT entry FROM audit").fetchall())
    connection.close()
    for secret in ("somebody", "0.123456", "similarity", "signed", "vector"):
        assert secret not in trail
    assert '"threshold":0.5' in trail


def test_a_failed_change_leaves_no_line(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0))
    for use in (
        lambda: gallery.add("b", rows(1), decision_id="none"),
        lambda: gallery.add("b", rows(1), actor=""),
        lambda: gallery.add("b", rows(1), actor="a\nb"),
        lambda: gallery.add("b", rows(1), actor="a" * 501),
        lambda: gallery.add("b", rows(1), actor=7),
        lambda: gallery.remove_strangers("none"),
        lambda: gallery.reembed("m2", "m", 4),
    ):
        with pytest.raises(GalleryError):
            use()
    assert len(gallery.audit()) == 2
    assert gallery.labels() == {"a": 1}


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        ("DELETE FROM audit WHERE sequence = 5", [("missing", 5)]),
        ("DELETE FROM audit WHERE sequence IN (5, 6, 7)", [("missing", 5)]),
        ("DELETE FROM audit WHERE sequence = 1", [("missing", 1)]),
        ("DELETE FROM audit WHERE sequence = 12", [("truncated", 12)]),
        ("DELETE FROM audit WHERE sequence > 3", [("truncated", 4)]),
        ("DELETE FROM audit", [("truncated", 1)]),
        (
            "UPDATE audit SET entry = replace(entry, 'ada', 'eve') WHERE sequence = 5",
            [("edited", 5)],
        ),
        ("UPDATE audit SET entry = entry || ' ' WHERE sequence = 12", [("edited", 12)]),
        ("UPDATE audit SET entry = 'nonsense' WHERE sequence = 5", [("edited", 5)]),
        ("UPDATE audit SET entry = x'ff00' WHERE sequence = 5", [("edited", 5)]),
        ("UPDATE audit SET entry = '[]' WHERE sequence = 5", [("edited", 5)]),
        ("UPDATE audit SET hash = upper(hash) WHERE sequence = 5", [("edited", 5), ("edited", 6)]),
        (
            "UPDATE audit SET sequence = CASE sequence WHEN 5 THEN -6 WHEN 6 THEN -5 ELSE sequence"
            " END; UPDATE audit SET sequence = abs(sequence)",
            [("edited", 5), ("edited", 6), ("edited", 7)],
        ),
        ("UPDATE meta SET audit_count = 11", [("edited", 11)]),
        ("UPDATE meta SET audit_head = ''", [("edited", 12)]),
        (
            "INSERT INTO audit SELECT 13, entry, hash FROM audit WHERE sequence = 12",
            [("edited", 13), ("edited", 12)],
        ),
    ],
)
def test_tampering_is_found(path: Path, busy, tamper: str, found) -> None:
    assert codes(busy) == []
    connection = sqlite3.connect(path)
    connection.executescript(tamper)
    connection.commit()
    connection.close()
    assert codes(busy) == found
    assert not busy.check().sound
    assert busy.labels()  # a broken trail does not stop the work
    busy.audit()


@given(st.integers(1, 12), st.data())
@settings(deadline=None, max_examples=30)
def test_any_edit_of_any_line_is_found(tmp_path_factory, line: int, data) -> None:
    path = tmp_path_factory.mktemp("audit") / "g"
    with SqliteGallery.open(path, "m", 2, model_name="m") as gallery:
        gallery._connection.execute("PRAGMA synchronous = OFF")
        for number in range(11):
            gallery.add(f"{number}", np.eye(2)[:1])
        (entry,) = gallery._connection.execute(
            "SELECT entry FROM audit WHERE sequence = ?", (line,)
        ).fetchone()
        at = data.draw(st.integers(0, len(entry) - 1))
        letter = data.draw(st.characters(codec="utf-8"))
        edited = entry[:at] + letter + entry[at + 1 :]
        gallery._connection.execute("UPDATE audit SET entry = ? WHERE sequence = ?", (edited, line))
        assert codes(gallery) == ([] if edited == entry else [("edited", line)])


def test_only_a_noted_hash_shows_a_trail_that_was_rewritten(path: Path, busy) -> None:
    """Whoever can rewrite the file can forget a line and make a new chain: this is that."""
    noted = busy.verify_audit().head
    connection = sqlite3.connect(path)
    kept = [
        json.loads(entry)
        for (entry,) in connection.execute("SELECT entry FROM audit WHERE sequence != 5")
    ]
    connection.execute("DELETE FROM audit")
    head = ""
    for number, line in enumerate(kept, 1):
        entry = json.dumps({**line, "sequence": number}, sort_keys=True, separators=(",", ":"))
        head = audit._chained(head, entry)
        connection.execute("INSERT INTO audit VALUES (?, ?, ?)", (number, entry, head))
    connection.execute("UPDATE meta SET audit_count = 11, audit_head = ?", (head,))
    connection.commit()
    connection.close()
    assert busy.verify_audit().intact
    report = busy.verify_audit(noted=noted)
    assert [problem.code for problem in report.problems] == ["unnoted"]
    assert not busy.check().sound  # here the content still tells: nobody saw that person come


def test_a_clock_that_runs_backwards(gallery: SqliteGallery, rows, monkeypatch) -> None:
    gallery.add("a", rows(0))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    monkeypatch.setattr(audit, "now", lambda: yesterday)
    gallery.add("b", rows(1))
    gallery.add("c", rows(2))
    assert [line.sequence for line in gallery.audit()] == [1, 2, 3, 4]
    assert gallery.audit()[2].at == yesterday.replace(
        microsecond=yesterday.microsecond // 1000 * 1000
    )
    report = gallery.verify_audit()
    assert report.intact
    assert [(note.code, note.sequence) for note in report.notes] == [("clock", 3)]


def test_a_user_without_a_name(monkeypatch) -> None:
    assert audit._user.__wrapped__(2**31 - 7) == f"uid {2**31 - 7}"
