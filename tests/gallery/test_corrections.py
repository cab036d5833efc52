"""A mistake is put right without losing anybody: rename, merge, move, forget one example."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from hanging import HANGS_S
from holotype.errors import GalleryError, LabelError
from holotype.gallery import SqliteGallery
from holotype.gallery.corrections import MAX_METADATA_BYTES


@pytest.fixture
def desk(gallery: SqliteGallery, rows) -> SqliteGallery:
    """Ada with examples 1 and 2, Bob with 3, Cy with 4 and 5."""
    gallery.add("Ada", rows(0, 2))
    gallery.add("Bob", rows(1))
    gallery.add("Cy", rows(2, 2))
    return gallery


def ids(gallery: SqliteGallery, label: str | None = None) -> list[int]:
    return [example.id for example in gallery.examples(label)]


def test_examples_have_ids_that_are_never_used_again(desk: SqliteGallery, rows) -> None:
    assert [(one.id, one.label, one.picture) for one in desk.examples()] == [
        (1, "Ada", False),
        (2, "Ada", False),
        (3, "Bob", False),
        (4, "Cy", False),
        (5, "Cy", False),
    ]
    assert desk.snapshot().examples.tolist() == [1, 2, 3, 4, 5]
    assert desk.remove_example(5).examples == 1
    desk.add("Cy", rows(6))
    assert ids(desk, "Cy") == [4, 6]
    np.testing.assert_array_equal(desk.snapshot().vectors[-1:], rows(6))
    desk.remove("Cy")
    desk.add("Cy", rows(7))
    assert ids(desk, "Cy") == [7]
    with pytest.raises(LabelError, match="'Dee' is not enrolled"):
        desk.examples("Dee")


def test_rename(desk: SqliteGallery) -> None:
    before = desk.snapshot()
    done = desk.rename("Ada", "Bea", actor="tester")
    assert (done.label, done.to, done.examples, done.total) == ("Ada", "Bea", 2, 2)
    after = desk.snapshot()
    assert after.labels == ("Bea", "Bob", "Cy")
    assert after.identities == before.identities
    assert after.version != before.version
    np.testing.assert_array_equal(after.vectors, before.vectors)
    line = desk.audit()[-1]
    assert (line.action, line.actor, line.identity) == ("rename", "tester", before.identities[0])
    assert "Ada" not in str(line) + str(desk.audit())
    assert desk.check().sound


def test_merge(desk: SqliteGallery, rows) -> None:
    done = desk.merge("Cy", "Ada")
    assert (done.examples, done.left, done.total, done.new) == (2, 0, 4, False)
    after = desk.snapshot()
    assert after.labels == ("Ada", "Bob")
    assert after.owner.tolist() == [0, 0, 1, 0, 0]
    np.testing.assert_array_equal(after.vectors[3:], rows(2, 2))
    assert desk.labels() == {"Ada": 4, "Bob": 1}
    assert desk.check().sound
    desk.remove("Ada")
    assert desk.check().sound


def test_what_two_that_are_merged_have_noted(desk: SqliteGallery, rows) -> None:
    desk.add("Ada", rows(3), consent="form 1", retain_until=date(2990, 1, 1), tags=["a", "b"])
    desk.add("Cy", rows(4), consent="form 2", retain_until=date(2980, 1, 1), tags=["b", "c"])
    desk.describe("Cy", metadata={"room": 4}, quiet=True)
    assert desk.merge("Cy", "Ada", dry_run=True).retain_until == date(2980, 1, 1)
    desk.merge("Cy", "Ada")
    ada = desk.records()[0]
    assert (ada.consent, ada.retain_until) == ("form 1", date(2980, 1, 1))
    assert (ada.tags, ada.metadata, ada.quiet) == (("a", "b", "c"), {"room": 4}, False)
    desk.merge("Bob", "Ada")
    assert desk.records()[0].retain_until == date(2980, 1, 1)


def test_move(desk: SqliteGallery) -> None:
    done = desk.move(2, "Bob")
    assert (done.label, done.to, done.left, done.total, done.new) == ("Ada", "Bob", 1, 2, False)
    assert desk.snapshot().owner.tolist() == [0, 1, 1, 2, 2]
    done = desk.move(2, "Dee")
    assert (done.label, done.new, done.total) == ("Bob", True, 1)
    assert desk.snapshot().labels == ("Ada", "Bob", "Cy", "Dee")
    done = desk.move(3, "Cy")  # Bob had no other
    assert (done.left, done.total) == (0, 3)
    assert desk.snapshot().labels == ("Ada", "Cy", "Dee")
    assert desk.check().sound


def test_a_new_one_is_kept_as_long_as_where_its_example_comes_from(gallery, rows) -> None:
    gallery.add("Ada", rows(0, 2), consent="form 7", retain_until=date(2990, 1, 1))
    assert gallery.move(2, "Dee").retain_until == date(2990, 1, 1)
    assert gallery.records()[1].consent == "form 7"


def test_erasing_one_example_and_the_last_one(path: Path, gallery, rows) -> None:
    gallery.set_keep_pictures(True)
    gallery.add("Ada", rows(0, 2), pictures=[b"a picture of Ada", b"another of Ada"])
    gallery.add("Bob", rows(1), pictures=[b"a picture of Bob"])
    receipt = gallery.remove_example(1)
    assert gallery.verify_audit(noted=receipt.audit_hash).intact
    content = path.read_bytes()
    assert b"a picture of Ada" not in content
    assert rows(0, 2)[0].tobytes() not in content
    assert b"another of Ada" in content
    assert gallery.labels() == {"Ada": 1, "Bob": 1}
    assert gallery.check().sound
    gallery.remove_example(2)
    assert gallery.labels() == {"Bob": 1}
    assert b"Ada" not in path.read_bytes()
    assert gallery.check().sound


def test_a_dry_run_changes_nothing(path: Path, desk: SqliteGallery) -> None:
    before, snapshot = path.read_bytes(), desk.snapshot()
    plans = [
        desk.rename("Ada", "Bea", dry_run=True),
        desk.merge("Cy", "Ada", dry_run=True),
        desk.move(2, "Bob", dry_run=True),
    ]
    assert path.read_bytes() == before
    assert desk.snapshot() is snapshot
    assert desk.merge("Cy", "Ada", expected=plans[1]) == plans[1]
    with pytest.raises(GalleryError, match="changed since you looked"):
        desk.move(2, "Bob", expected=plans[1])
    assert desk.labels() == {"Ada": 4, "Bob": 1}


def nested(levels: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_what_is_noted_is_not_overwritten_unseen(desk: SqliteGallery) -> None:
    (seen, *_) = desk.records()
    desk.describe("Ada", metadata={"room": 4}, expected=seen)
    with pytest.raises(GalleryError, match="changed since you looked"):
        desk.describe("Ada", metadata={}, expected=seen)
    assert desk.records()[0].metadata == {"room": 4}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda g: g.rename("Ada", "Bob"), LabelError, r"'Bob' is enrolled.*use merge"),
        (lambda g: g.rename("Ada", "Ada"), LabelError, "called so already"),
        (lambda g: g.rename("Dee", "Eve"), LabelError, "'Dee' is not enrolled"),
        (lambda g: g.rename("Ada", " "), LabelError, "visible character"),
        (lambda g: g.rename("Ada", "a\nb"), LabelError, "control characters"),
        (lambda g: g.rename("Ada", "x" * 201), LabelError, "at most 200"),
        (lambda g: g.merge("Ada", "Ada"), LabelError, "cannot be merged with itself"),
        (lambda g: g.merge("Ada", "Dee"), LabelError, "'Dee' is not enrolled"),
        (lambda g: g.merge("Dee", "Ada"), LabelError, "'Dee' is not enrolled"),
        (lambda g: g.move(99, "Bob"), GalleryError, "no example 99 in"),
        (lambda g: g.move(0, "Bob"), GalleryError, "no example 0 in"),
        (lambda g: g.move(1 << 70, "Bob"), GalleryError, "no example"),
        (lambda g: g.move("1", "Bob"), GalleryError, "no example"),
        (lambda g: g.move(1, "Ada"), LabelError, "is one of 'Ada' already"),
        (lambda g: g.move(1, ""), LabelError, "visible character"),
        (lambda g: g.remove_example(99), GalleryError, "no example 99 in"),
        (lambda g: g.describe("Dee", quiet=True), LabelError, "'Dee' is not enrolled"),
        (lambda g: g.describe("Ada", add=[""]), LabelError, "visible character"),
        (lambda g: g.describe("Ada", add="staff"), LabelError, "tags are several texts"),
        (lambda g: g.describe("Ada", add=["x" * 51]), LabelError, "at most 50 characters"),
        (lambda g: g.describe("Ada", add=map(str, range(51))), LabelError, "at most 50 tags"),
        (lambda g: g.describe("Ada", remove=["x"]), LabelError, r"has no tag 'x'. It has none"),
        (lambda g: g.describe("Ada", metadata={"a": "\ud800"}), GalleryError, "JSON object"),
        (lambda g: g.describe("Ada", metadata=[1]), GalleryError, "JSON object"),
        (lambda g: g.describe("Ada", metadata=nested(51)), GalleryError, "at most 50 levels"),
        (lambda g: g.describe("Ada", metadata=nested(200)), GalleryError, "at most 50 levels"),
        (lambda g: g.describe("Ada", metadata={1: 2}), GalleryError, "JSON object"),
        (lambda g: g.describe("Ada", metadata={"a": {1}}), GalleryError, "JSON object"),
        (lambda g: g.describe("Ada", metadata={"a": float("nan")}), GalleryError, "JSON object"),
        (
            lambda g: g.describe("Ada", metadata={"a": "x" * MAX_METADATA_BYTES}),
            GalleryError,
            "at most 16384 bytes",
        ),
        (lambda g: g.add("Dee", np.eye(8)[:1], tags=["a\0b"]), LabelError, "control characters"),
    ],
)
def test_what_is_refused_changes_nothing(path: Path, desk, change, error, words: str) -> None:
    before = path.read_bytes()
    with pytest.raises(error, match=words):
        change(desk)
    assert path.read_bytes() == before


def test_whose_last_day_has_passed_is_not_corrected(desk, rows, monkeypatch) -> None:
    desk.add("Ada", rows(3), retain_until=date(2990, 1, 31))
    monkeypatch.setattr("holotype.gallery.enrolled_rows.today", lambda: date(2999, 1, 1))
    for change in (
        lambda: desk.merge("Ada", "Bob"),
        lambda: desk.merge("Bob", "Ada"),
        lambda: desk.move(1, "Bob"),
        lambda: desk.move(3, "Ada"),
    ):
        with pytest.raises(GalleryError, match="could be kept until 2990-01-31"):
            change()
    desk.rename("Ada", "Bea")  # so that it can be found, and erased


def test_tags_metadata_and_the_quiet_ones(path: Path, desk: SqliteGallery, rows) -> None:
    desk.add("Dee", rows(3), tags=["staff", "staff", "n\u0061\u0308he"])
    assert desk.records()[3].tags == ("staff", "n\u00e4he")
    desk.add("Dee", rows(4), tags=["night"])  # more of them
    assert desk.records()[3].tags == ("staff", "n\u00e4he", "night")
    desk.describe("Ada", add=["staff"], metadata={"room": [4, None], "name": "Ümit"}, quiet=True)
    ada = desk.records()[0]
    assert (ada.tags, ada.quiet) == (("staff",), True)
    assert ada.metadata == {"room": [4, None], "name": "Ümit"}
    line = desk.audit()[-1]
    assert line.action == "describe"
    assert line.facts == {"tags": 1, "metadata": True, "quiet": True}  # nothing of the content
    snapshot = desk.snapshot()
    ada_id, dee_id = snapshot.identities[0], snapshot.identities[3]
    assert snapshot.tags[ada_id] == {"staff"}
    assert snapshot.quiet == {ada_id}
    assert set(snapshot.tags) == {ada_id, dee_id}
    desk.describe("Ada", remove=["staff"], metadata={}, quiet=False)
    assert desk.snapshot().quiet == frozenset()
    assert set(desk.snapshot().tags) == {dee_id}
    desk.describe("Ada", metadata={"secret": "only of Ada"})
    assert b"only of Ada" in path.read_bytes()
    desk.remove("Ada")
    assert b"only of Ada" not in path.read_bytes()
    assert desk.check().sound


OTHER = """
    import json, sys
    from holotype.gallery import SqliteGallery

    with SqliteGallery.existing(sys.argv[1]) as gallery:
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            if name != "look":
                getattr(gallery, name)(*arguments)
            found = gallery.snapshot()
            seen = [found.labels, found.owner.tolist(), found.examples.tolist()]
            print(json.dumps(seen), flush=True)
"""


def test_another_process_sees_each_correction(path: Path, desk: SqliteGallery) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(OTHER), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:

        def there(*call: object) -> list[object]:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write(json.dumps(call) + "\n")
            other.stdin.flush()
            return json.loads(other.stdout.readline())

        def here() -> list[object]:
            found = desk.snapshot()
            return [list(found.labels), found.owner.tolist(), found.examples.tolist()]

        assert there("look") == here()
        for change in (
            lambda: desk.rename("Ada", "Bea"),
            lambda: desk.move(2, "Bob"),
            lambda: desk.merge("Bea", "Cy"),
            lambda: desk.undo(),
            lambda: desk.move(1, "Dee"),
            lambda: desk.remove_example(4),
        ):
            change()
            assert there("look") == here()
        for call in (("rename", "Cy", "Eve"), ("move", 5, "Bob"), ("undo",), ("undo",)):
            seen = there(*call)
            assert here() == seen
        assert other.stdin is not None
        other.stdin.close()
        assert other.wait(timeout=HANGS_S) == 0
    assert desk.check().sound


RACER = """
    import sys
    from holotype.errors import HolotypeError
    from holotype.gallery import SqliteGallery

    path, own = sys.argv[1:]
    with SqliteGallery.existing(path) as gallery:
        print("ready", flush=True)
        sys.stdin.readline()
        done = 0
        for number in range(30):
            for change in (
                lambda: gallery.move(2, own),
                lambda: gallery.rename("Bob", own + "b") if number % 2 else gallery.undo(),
                lambda: gallery.merge(own, "Cy"),
            ):
                try:
                    change()
                    done += 1
                except HolotypeError as error:
                    assert "damaged" not in str(error) and "locked" not in str(error), error
        print(done)
"""


def test_two_processes_that_correct_at_once(path: Path, desk: SqliteGallery) -> None:
    before = desk.snapshot()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(RACER), str(path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    done = 0
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    for racer in racers:
        said, _ = racer.communicate(timeout=HANGS_S)
        assert racer.returncode == 0
        done += int(said)
    assert done > 30
    assert len(desk.audit()) == 4 + done
    assert desk.check().sound
    # All examples are still there, each once.
    after = desk.snapshot()
    assert set(after.examples.tolist()) <= set(before.examples.tolist())
    by_id = dict(zip(before.examples.tolist(), before.vectors, strict=True))
    for example, vector in zip(after.examples.tolist(), after.vectors, strict=True):
        np.testing.assert_array_equal(vector, by_id[example])


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_the_file_stays_its_owners_alone(path: Path, desk: SqliteGallery) -> None:
    desk.rename("Ada", "Bea")
    desk.merge("Bob", "Bea")
    desk.undo()
    desk.remove_example(1)
    desk.undo()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
