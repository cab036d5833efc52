"""A file of schema 1 (step1.gallery, written by the release that had no other) goes on working."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from holotype.errors import GalleryError
from holotype.gallery import gallery_model, restore
from holotype.gallery.schema import IS_MOVE, SCHEMA_VERSION

STEP1 = Path(__file__).with_name("step1.gallery")
LABELS = {"Ada": 3, "Bob's": 1}


@pytest.fixture
def old(path: Path) -> Path:
    shutil.copy(STEP1, path)
    return path


def version(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[60:64], "big")


def tables(content: bytes) -> bytes:
    """All but what the header says of the log, and of the number of changes."""
    return content[:18] + content[20:24] + content[28:92] + content[100:]


def expected(rows) -> np.ndarray:
    return np.vstack([rows(0, 2), rows(1), rows(2)])


def test_reading_changes_nothing(old: Path, open_gallery, rows) -> None:
    assert version(old) == 1
    assert gallery_model(old) == ("m1", "toy")
    with open_gallery() as gallery:
        assert gallery.labels() == LABELS
        np.testing.assert_array_equal(gallery.snapshot().vectors, expected(rows))
        assert gallery.snapshot().strangers.vectors.shape == (0, 8)
        assert [record.label for record in gallery.records()] == list(LABELS)
        assert {record.consent for record in gallery.records()} == {None}
        assert gallery.expire(date(3000, 1, 1)) == ()
        assert gallery.audit() == ()
        report = gallery.verify_audit()
        assert report.intact
        assert report.notes
        assert gallery.check().sound
        assert not gallery.keep_pictures
        assert gallery.without_pictures() == LABELS
        assert gallery.picture_ids() == gallery.stranger_batches() == gallery.feedbacks() == ()
        assert gallery.feedback_summary() == ()
        assert gallery.staged("m2") == frozenset()
        with pytest.raises(GalleryError, match="no picture"):
            gallery.picture(1)
        signed = {"answer": "match", "identity": None, "similarity": 1.0, "threshold": 0.5}
        assert gallery.snapshot().sign({**signed, "rate_kind": "fpir", "rate": 0.01}) == ""
        gallery.backup(old.with_name("copy"))
        with pytest.raises(GalleryError, match="not the id of a decision"):
            gallery.feedback("", True)
    assert tables(old.read_bytes()) == tables(STEP1.read_bytes())
    assert version(old.with_name("copy")) == 1
    restore(old.with_name("copy"), old.with_name("restored"))
    with open_gallery(place=old.with_name("restored")) as gallery:
        assert [line.action for line in gallery.audit()] == ["migrate", "restore"]
        assert gallery.labels() == LABELS
        assert gallery.check().sound


def test_the_first_change_migrates(old: Path, open_gallery, rows) -> None:
    watching = open_gallery()
    before = watching.snapshot()
    identities = before.identities
    with open_gallery() as gallery:
        gallery.add("Ada", rows(3), actor="tester")
        created, enrolled = gallery.audit()
        assert (created.action, created.actor) == ("migrate", "tester")
        assert created.facts["identities"] == 2
        assert created.facts["examples"] == 4
        assert created.facts["from_schema"] == 1
        assert (enrolled.action, enrolled.identity) == ("enroll", identities[0])
        assert gallery.check().sound
        assert gallery.verify_audit().intact
    # A process that had it open all the time goes on.
    assert watching.snapshot().identities == identities
    np.testing.assert_array_equal(watching.snapshot().vectors, np.vstack([expected(rows), rows(3)]))
    assert watching.remove("Ada").examples == 4
    assert watching.check().sound
    watching.close()
    assert version(old) == SCHEMA_VERSION
    assert b"Ada" not in old.read_bytes()


@pytest.mark.usefixtures("path")
def test_it_is_the_same_file_that_a_new_gallery_gets(old: Path, open_gallery, rows) -> None:
    def tables(place: Path) -> dict[str, set[str]]:
        connection = sqlite3.connect(place)
        names = [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master ORDER BY name")
        ]
        found = {
            name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
            for name in names
        }
        connection.close()
        return found

    with open_gallery() as gallery:
        gallery.remove("Ada")
    new = old.with_name("new")
    open_gallery(place=new).close()
    assert tables(old) == tables(new)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("change", ["remove", "strangers", "pictures", "reembed", "stage"])
def test_any_change_migrates(old: Path, open_gallery, rows, change: str) -> None:
    with open_gallery() as gallery:
        match change:
            case "remove":
                gallery.remove("Bob's")
            case "strangers":
                gallery.add_strangers(rows(5, 2), np.array([0, 1]))
            case "pictures":
                gallery.set_keep_pictures(True)
            case "reembed":
                ids = [row[0] for row in gallery._connection.execute("SELECT id FROM examples")]
                gallery.stage("m2", 3, {id_: rows(id_, dim=3)[0] for id_ in ids})
                gallery.reembed("m2", "new", 3)
            case "stage":
                gallery.stage("m2", 3, {1: rows(1, dim=3)[0]})
        assert gallery.audit()[0].action == "migrate"
        assert gallery.check().sound
    assert version(old) == SCHEMA_VERSION


def test_a_failed_change_leaves_it_at_schema_1(old: Path, open_gallery, rows) -> None:
    with open_gallery() as gallery, pytest.raises(GalleryError, match="no batch"):
        gallery.remove_strangers("none")
    assert version(old) == 1


READER = """
    import os, sys
    import numpy as np
    from holotype.errors import GalleryError
    from holotype.gallery import SqliteGallery

    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    with SqliteGallery.open(sys.argv[1], "m1", 8, model_name="toy") as gallery:
        assert gallery.labels() == {"Ada": 3, "Bob's": 1}
        assert gallery.check().sound
        gallery.snapshot()
        gallery.backup(sys.argv[2])
        try:
            gallery.add("x", np.eye(8)[:1])
        except GalleryError as error:
            assert "is read-only" in str(error), error
        else:
            raise AssertionError("written")
"""


def test_whoever_may_only_read(rows) -> None:
    with tempfile.TemporaryDirectory() as folder:  # not pytest's own, which is private
        here, there = Path(folder, "here"), Path(folder, "there")
        here.mkdir()
        there.mkdir()
        there.chmod(0o777)
        Path(folder).chmod(0o755)
        shutil.copy(STEP1, here / "g")
        (here / "g").chmod(0o444)
        here.chmod(0o555)
        script = [sys.executable, "-c", textwrap.dedent(READER)]
        ended = subprocess.run(
            [*script, str(here / "g"), str(there / "copy")], capture_output=True, text=True
        )
        here.chmod(0o755)
        assert ended.returncode == 0, ended.stderr
        assert [file.name for file in here.iterdir()] == ["g"]
        assert (here / "g").read_bytes() == STEP1.read_bytes()
        restore(there / "copy", there / "restored")
        assert gallery_model(there / "restored") == ("m1", "toy")


STEP2 = Path(__file__).with_name("step2.gallery")


@pytest.fixture
def step2(path: Path) -> Path:
    """Written by the release before corrections: with a review, strangers, pictures and terms."""
    shutil.copy(STEP2, path)
    return path


def test_a_file_of_schema_2_is_read_as_it_is(step2: Path, open_gallery, rows) -> None:
    with open_gallery() as gallery:
        assert gallery.labels() == {"Ada": 3, "Bob's": 1}
        snapshot = gallery.snapshot()
        np.testing.assert_array_equal(snapshot.vectors, expected(rows))
        assert snapshot.examples.tolist() == [1, 2, 3, 5]
        assert (dict(snapshot.tags), snapshot.quiet) == ({}, frozenset())
        assert snapshot.strangers.vectors.shape == (3, 8)
        assert not snapshot.strangers.turned.any()
        ada, bob = gallery.records()
        assert (ada.consent, ada.tags, ada.metadata, ada.quiet) == ("form 7", (), {}, False)
        assert bob.retain_until == date(2999, 12, 31)
        assert [one.picture for one in gallery.examples()] == [True, True, False, False]
        with pytest.raises(GalleryError, match="was an erasure"):
            gallery.last_change()
        assert gallery.check().sound
    assert tables(step2.read_bytes()) == tables(STEP2.read_bytes())


def test_the_first_change_of_schema_2_migrates(step2: Path, open_gallery, rows) -> None:
    signed = {"answer": "match", "identity": None, "similarity": 1.0, "threshold": 0.5}
    watching = open_gallery()
    before = watching.snapshot()
    token = watching.snapshot().sign({**signed, "rate_kind": "fpir", "rate": 0.01})
    with open_gallery() as gallery:
        gallery.rename("Ada", "Bea")
        assert [line.action for line in gallery.audit()][-2:] == ["migrate", "rename"]
        assert gallery.check().sound
        gallery.undo()
        with pytest.raises(GalleryError, match="nothing can be undone"):  # older than the table
            gallery.undo()
        gallery.merge("Bob's", "Ada")
        assert gallery.check().sound
        assert watching.snapshot().labels == ("Ada",)
        gallery.undo()
        assert gallery.feedback(token, True).correct  # signed before, with the same secret
    after = watching.snapshot()
    assert (after.labels, after.identities) == (before.labels, before.identities)
    np.testing.assert_array_equal(after.vectors, before.vectors)
    watching.remove("Ada")
    assert watching.check().sound
    watching.close()
    assert version(step2) == SCHEMA_VERSION


STEP4 = Path(__file__).with_name("step4.gallery")


@pytest.fixture
def step4(path: Path) -> Path:
    """Written by the release before the indexes: Bobby was merged into Bob, Cleo renamed."""
    shutil.copy(STEP4, path)
    return path


def test_a_file_of_schema_4_is_read_as_it_is(step4: Path, open_gallery) -> None:
    with open_gallery() as gallery:
        assert gallery.labels() == {"Ada": 3, "Bob": 2, "Clio": 1}
        assert gallery.last_change().renamed == (("Clio", "Cleo"),)
        assert gallery.check().sound
        gallery.export(step4.with_name("parcel"), "Bob")  # asks who was merged into Bob
    with open_gallery() as gallery:
        assert version(step4) == SCHEMA_VERSION  # the export is a line of the trail
        assert gallery.check().sound


def test_what_was_done_at_schema_4_is_undone_and_sealed(step4: Path, open_gallery) -> None:
    watching = open_gallery()
    assert watching.snapshot().labels == ("Ada", "Bob", "Clio")
    with open_gallery() as gallery:
        gallery.undo()
        assert watching.snapshot().labels == ("Ada", "Bob", "Cleo")
        gallery.remove("Bob")  # with Bobby, and what made them one
        assert gallery.last_change().erased == (("Ada", 1),)
        gallery.undo()
        assert gallery.last_change().strangers == 3
        gallery.undo()
        assert gallery.last_change().gone == ("Cleo",)
        assert gallery.check().sound
    assert watching.snapshot().labels == ("Ada", "Cleo")
    watching.close()
    assert b"Bobby" not in step4.read_bytes()
    connection = sqlite3.connect(step4)
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN SELECT entry FROM audit WHERE {IS_MOVE} ORDER BY sequence"
    ).fetchall()
    connection.close()
    assert "audit_moves" in plan[0][-1]  # else each erasure reads the whole trail
