"""Copies of a gallery in use, and galleries from copies."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery, file, restore
from slow_readers import read_before_erasing


@pytest.fixture
def copy(path: Path) -> Path:
    return path.with_name("copy.gallery")


def test_there_and_back(path: Path, copy: Path, open_gallery, rows) -> None:
    gallery = open_gallery(keep_pictures=True)
    gallery.add("a", rows(0, 2), pictures=[b"1", b"2"], consent="yes")
    gallery.add("b", rows(1))
    gallery.add_strangers(rows(2, 3), [0, 1, 1])
    token = gallery.snapshot().sign(
        {
            "answer": "unknown",
            "identity": None,
            "similarity": None,
            "threshold": None,
            "rate_kind": "fpir",
            "rate": 0.1,
        }
    )
    path.chmod(0o600)
    gallery.backup(copy, actor="cron")
    assert (gallery.audit()[-1].action, gallery.audit()[-1].actor) == ("backup", "cron")
    assert sorted(file.name for file in path.parent.iterdir() if file.suffix == ".gallery") == [
        copy.name,
        path.name,
    ]
    assert not [file for file in path.parent.iterdir() if file.suffix == ".new"]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.read_bytes()[18:20] == b"\x01\x01"  # no log but that of a change
    gallery.remove("a")
    backed_up = copy.read_bytes()
    target = path.with_name("restored.gallery")
    restore(copy, target, actor="ada")
    assert copy.read_bytes() == backed_up
    assert not list(path.parent.glob("copy.gallery-*"))
    with open_gallery(place=target) as restored:
        assert restored.labels() == {"a": 2, "b": 1}
        np.testing.assert_array_equal(restored.snapshot().vectors, np.vstack([rows(0, 2), rows(1)]))
        assert len(restored.snapshot().strangers.vectors) == 3
        assert restored.picture(1) == b"1"
        assert restored.records()[0].consent == "yes"
        assert [(line.action, line.actor) for line in restored.audit()][-2:] == [
            ("backup", "cron"),
            ("restore", "ada"),
        ]
        assert restored.check().sound
        assert restored.feedback(token, True).correct
        # New rows do not take the numbers of old ones.
        restored.remove("b")
        restored.add("c", rows(5))
        assert restored.snapshot().labels == ("a", "c")
        assert restored.check().sound


def test_nothing_is_overwritten(path: Path, copy: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    gallery.add("a", rows(0))
    copy.write_bytes(b"precious")
    for use in (lambda: gallery.backup(copy), lambda: gallery.backup(path)):
        with pytest.raises(GalleryError, match="never overwrites a file"):
            use()
    assert copy.read_bytes() == b"precious"
    assert gallery.audit()[-1].action == "enroll"  # refused before the line was written
    copy.unlink()
    gallery.backup(copy)
    with pytest.raises(GalleryError, match="never overwrites a file"):
        restore(copy, path)
    with pytest.raises(GalleryError, match="needs a folder"):
        gallery.backup(path.parent / "nowhere" / "copy")
    with pytest.raises(GalleryError, match="there is no gallery"):
        restore(path.with_name("none"), path.with_name("new"))
    copy.with_name("text").write_text("label,vector")
    with pytest.raises(GalleryError, match="not an SQLite file"):
        restore(copy.with_name("text"), path.with_name("new"))
    assert not path.with_name("new").exists()


def test_a_damaged_backup_is_refused(path: Path, copy: Path, open_gallery, rows) -> None:
    with open_gallery() as gallery:
        gallery.add("a", rows(0, 50))
        gallery.backup(copy)
    sound = copy.read_bytes()
    at = sound.index(rows(0, 50)[7].tobytes())
    copy.write_bytes(sound[: at + 3] + bytes([sound[at + 3] ^ 1]) + sound[at + 4 :])
    with pytest.raises(GalleryError, match=r"is damaged: example 8 is not as it was stored"):
        restore(copy, path.with_name("new"))
    copy.write_bytes(sound[:5000])
    with pytest.raises(GalleryError, match="is damaged"):
        restore(copy, path.with_name("new"))
    assert not path.with_name("new").exists()
    assert not list(path.parent.glob(".holotype-*"))


def test_a_copy_has_nothing_of_what_waits_to_be_erased(path, copy, open_gallery, rows) -> None:
    gallery = open_gallery(busy_timeout_s=0.05)
    gallery.add("somebody to forget", rows(0))
    gallery.add("a", rows(1))
    reader = read_before_erasing(gallery, path)
    with pytest.raises(GalleryError, match="still in the file"):
        gallery.remove("somebody to forget")
    reader.execute("ROLLBACK")
    gallery.backup(copy)
    reader.close()
    content = copy.read_bytes()
    assert b"somebody to forget" not in content
    assert rows(0).tobytes() not in content
    assert rows(1).tobytes() in content


def test_while_others_enroll(path: Path, open_gallery, rows) -> None:
    """Each copy is one moment: pairs that are enrolled in one call are never torn."""
    gallery, other = open_gallery(), open_gallery()
    stop = threading.Event()
    failures: list[BaseException] = []

    def enroll() -> None:
        try:
            for number in range(10**6):
                if stop.is_set():
                    return
                other.add(f"{number}", rows(number, 2))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=enroll)
    thread.start()
    try:
        for number in range(5):
            target = path.with_name(f"copy {number}")
            gallery.backup(target)
            with SqliteGallery.open(target, "m1", 8, model_name="toy") as copied:
                assert copied.check().sound
                assert set(copied.labels().values()) <= {2}
    finally:
        stop.set()
        thread.join()
    assert not failures


def test_a_draft_that_is_swept_away_before_it_is_locked_is_begun_again(
    path: Path, open_gallery, rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens a gallery of the same folder deletes what looks as if its maker was killed."""
    locked, swept = file._locked, []

    def late(room: Path, *, wait: bool = False) -> int | None:
        if wait and not swept:
            swept.append(room)
            handle = os.open(room, os.O_RDONLY)
            room.rmdir()
            fcntl.flock(handle, fcntl.LOCK_EX)
            return handle
        return locked(room, wait=wait)

    fcntl = pytest.importorskip("fcntl", reason="needs flock")
    monkeypatch.setattr(file, "_locked", late)
    assert open_gallery().add("a", rows(0)) == 1
    assert swept
    assert [one.name for one in path.parent.iterdir()] == [path.name]
