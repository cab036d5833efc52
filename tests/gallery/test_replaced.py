"""People move, copy, delete and restore the file while it is open: right, or a clear error."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from holotype.errors import GalleryError, GalleryReplacedError
from holotype.gallery import SqliteGallery, restore
from holotype.gallery.opened import is_mounted_alone

Change = Callable[[Path], None]


def deleted(path: Path) -> None:
    path.unlink()


def renamed(path: Path) -> None:
    path.rename(path.with_name("hall.gallery"))


def folder_renamed(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def another(path: Path) -> None:
    """Another gallery of the same model is put in its place."""
    with SqliteGallery.open(path.with_name("new"), "m1", 8, model_name="toy"):
        pass
    path.with_name("new").replace(path)


def a_copy(path: Path) -> None:
    """The same content, in another file: what `cp` and a renaming over it make."""
    shutil.copy(path, path.with_name("new"))
    path.with_name("new").replace(path)


def relinked(path: Path) -> None:
    """A link that leads to the gallery leads to a copy of it from now on."""
    link = path.with_name("now")
    shutil.copy(path, path.with_name("tuesday"))
    link.unlink()
    link.symlink_to("tuesday")


USES = {
    "add": lambda gallery, rows: gallery.add("b", rows(2)),
    "remove": lambda gallery, rows: gallery.remove("a"),
    "snapshot": lambda gallery, rows: gallery.snapshot(),
    "labels": lambda gallery, rows: gallery.labels(),
    "backup": lambda gallery, rows: gallery.backup(gallery.path.with_name("backup")),
    "check": lambda gallery, rows: gallery.check(),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    "change",
    [deleted, renamed, folder_renamed, another, a_copy, relinked],
    ids=lambda change: change.__name__,
)
def test_nothing_is_said_or_stored_for_a_file_that_is_not_there(
    path: Path, tmp_path: Path, open_gallery, rows, change: Change, use: str
) -> None:
    path = path.parent / "desk" / "door.gallery"
    path.parent.mkdir()
    given = path
    if change is relinked:
        given = path.with_name("now")
        given.symlink_to(path.name)
    gallery = open_gallery(place=given)
    gallery.add("a", rows(1))
    gallery.snapshot()
    change(path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    for _ in range(2):
        with pytest.raises(GalleryReplacedError, match=r"no longer there|another file lies") as at:
            USES[use](gallery, rows)
        assert at.value.remedy
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_a_gallery_that_was_replaced_is_opened_again(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    gallery.add("thief", rows(1))
    gallery.add("ada", rows(2))
    gallery.snapshot()
    gallery.backup(path.with_name("backup"))
    restore(path.with_name("backup"), path.with_name("new"))
    with SqliteGallery.existing(path.with_name("new")) as new:
        new.remove("thief")
    path.with_name("new").replace(path)
    with pytest.raises(GalleryReplacedError):
        gallery.snapshot()
    gallery.reopen()
    assert gallery.snapshot().labels == ("ada",)
    gallery.add("carol", rows(3))
    with SqliteGallery.existing(path) as other:
        assert list(other.labels()) == ["ada", "carol"]
        assert other.check().sound
    gallery.close()
    with pytest.raises(GalleryError, match="is closed"):
        gallery.reopen()


def made_anew(path: Path) -> None:
    """Deleted and made anew: the system may give the new file the number of the old one."""
    path.unlink()
    with SqliteGallery.open(path, "m1", 8, model_name="toy"):
        pass


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    "change", [deleted, another, made_anew], ids=lambda change: change.__name__
)
def test_what_was_found_damaged_is_not_taken_for_another_file(
    path: Path, open_gallery, rows, change: Change, use: str
) -> None:
    """Nothing that was read is believed any more; which file it was is not forgotten."""
    gallery = open_gallery()
    gallery.add("a", rows(1))
    sound = path.read_bytes()
    path.write_bytes(sound[:4096] + bytes(len(sound) - 4096))
    with pytest.raises(GalleryError, match="is damaged"):
        gallery.labels()
    change(path)
    for _ in range(2):
        with pytest.raises(GalleryReplacedError):
            USES[use](gallery, rows)
    if change is not deleted:
        gallery.reopen()
        assert gallery.labels() == {}


def test_what_was_found_damaged_is_whole_again(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    gallery.add("a", rows(1))
    sound = path.read_bytes()
    path.write_bytes(sound[:4096] + bytes(len(sound) - 4096))
    with pytest.raises(GalleryError, match="is damaged"):
        gallery.labels()
    path.write_bytes(sound)
    assert gallery.add("a", rows(2)) == 2


def test_put_back_under_its_name_it_goes_on(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    gallery.add("a", rows(1))
    path.rename(path.with_name("away"))
    with pytest.raises(GalleryReplacedError, match="no longer there"):
        gallery.add("b", rows(2))
    path.with_name("away").rename(path)
    assert gallery.add("b", rows(2)) == 1
    assert gallery.check().sound


def test_replaced_within_a_change(path: Path, open_gallery, rows) -> None:
    """What went into a file that has lost its name meanwhile is not acknowledged."""
    gallery = open_gallery()
    with pytest.raises(GalleryReplacedError), gallery._changing():
        another(path)
    with SqliteGallery.existing(path) as new:
        assert new.labels() == {}
        assert new.check().sound


def test_another_model_lies_there_now(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    with SqliteGallery.open(path.with_name("new"), "m2", 8, model_name="other"):
        pass
    path.with_name("new").replace(path)
    with pytest.raises(GalleryError, match="belongs to the model 'other'"):
        gallery.reopen()


@pytest.mark.parametrize("kind", ["backup", "raw"])
def test_a_copy_written_over_the_open_file_is_seen(
    path: Path, open_gallery, rows, kind: str
) -> None:
    """`cp copy door.gallery` keeps the file and changes what is in it, past SQLite."""
    gallery, copy = open_gallery(), path.with_name("copy")
    gallery.add("ada", rows(1))
    if kind == "backup":
        gallery.backup(copy)
    else:
        shutil.copyfile(path, copy)
    gallery.add("mallory", rows(2))
    strangers = gallery.add_strangers(rows(3), [0])
    assert gallery.snapshot().labels == ("ada", "mallory")
    shutil.copyfile(copy, path)
    assert gallery.snapshot().labels == ("ada",)
    assert not len(gallery.snapshot().strangers.vectors)
    # The numbers that mallory's rows had are given out again.
    gallery.add("carol", rows(4))
    gallery.add_strangers(rows(5), [0])
    snapshot = gallery.snapshot()
    assert snapshot.labels == ("ada", "carol")
    assert (snapshot.vectors[1] == rows(4)[0]).all()
    assert (snapshot.strangers.vectors == rows(5)).all()
    assert strangers not in {batch.id for batch in gallery.stranger_batches()}
    assert gallery.check().sound


@pytest.mark.parametrize("read", ["snapshot", "check"])
def test_looked_at_while_a_copy_is_being_written_over_it(
    path: Path, open_gallery, rows, read: str
) -> None:
    """Nothing that was read of half a file is believed once it is whole."""
    gallery, copy = open_gallery(), path.with_name("copy")
    for number in range(30):
        gallery.add(f"label {number}", rows(number))
    gallery.backup(copy)
    gallery.add("mallory", rows(999))
    gallery.snapshot()
    content = copy.read_bytes()
    with path.open("wb", buffering=0) as file:
        for begin in range(0, len(content), 1024):
            file.write(content[begin : begin + 1024])
            with contextlib.suppress(GalleryError):
                getattr(gallery, read)()
    assert list(gallery.labels()) == [f"label {number}" for number in range(30)]
    assert (gallery.snapshot().vectors == np.vstack([rows(n) for n in range(30)])).all()
    assert gallery.check().sound


def test_read_between_the_first_and_the_last_of_a_copy(path: Path, open_gallery, rows) -> None:
    """The first page moves the count that SQLite looks at, and what follows does not."""
    gallery = open_gallery()
    gallery.add("old", rows(1))
    copy = path.with_name("copy")
    shutil.copyfile(path, copy)
    with contextlib.closing(sqlite3.connect(copy)) as other, other:
        other.execute("UPDATE identities SET label = 'new'")
    content = copy.read_bytes()
    assert len(content) == path.stat().st_size
    with path.open("r+b", buffering=0) as file:
        file.write(content[:4096])
        assert gallery.labels() == {"old": 1}
        assert gallery.snapshot().labels == ("old",)
        file.write(content[4096:])
    assert gallery.labels() == {"new": 1}
    assert gallery.snapshot().labels == ("new",)


def test_a_copy_of_the_one_file_is_whole_at_any_time(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    for number in range(5):
        gallery.add(f"{number}", rows(number))
        copy = path.with_name(f"copy {number}")
        shutil.copyfile(path, copy)
        with SqliteGallery.existing(copy) as copied:
            assert len(copied.labels()) == number + 1
            assert copied.check().sound
    assert [file.name for file in path.parent.iterdir() if file.name.startswith(path.name)] == [
        path.name
    ]


# -- logs that were left behind -------------------------------------------------------------------

DIES = """
    import os, signal, sqlite3, sys
    import numpy as np
    from holotype.gallery import SqliteGallery
    gallery = SqliteGallery.existing(sys.argv[1])
    gallery.add("acknowledged", np.eye(8)[:1])
    print("acknowledged", flush=True)
    connection = gallery._connection
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("PRAGMA user_version = 2")
    connection.execute("PRAGMA cache_size = 1")  # so that it is written before it is committed
    connection.execute("PRAGMA cache_spill = 1")
    for number in range(60):
        connection.execute("INSERT INTO audit VALUES (?, ?, 'x')", (10**6 + number, "x" * 3000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_in_a_change(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(DIES), str(path)], capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert Path(f"{path}-journal").stat().st_size > 0


def test_the_log_of_a_kill_is_applied_to_its_own_file(path: Path, open_gallery, rows) -> None:
    with open_gallery() as gallery:
        gallery.add("a", rows(1))
    killed_in_a_change(path)
    with open_gallery() as gallery:
        assert list(gallery.labels()) == ["a", "acknowledged"]
        assert gallery.check().sound
    assert not Path(f"{path}-journal").exists()


@pytest.mark.parametrize("how", ["backup over it", "backup moved", "older copy over it", "another"])
def test_the_log_of_a_kill_is_never_applied_to_another_file(
    path: Path, open_gallery, rows, how: str
) -> None:
    copy = path.with_name("monday")
    with open_gallery() as gallery:
        for number in range(4):
            gallery.add(f"{number}", rows(number))
        match how:
            case "older copy over it":
                shutil.copyfile(path, copy)
                gallery.add("later", rows(9))
            case "another":
                with open_gallery(place=copy) as other:
                    other.add("other", rows(8))
            case _:
                gallery.backup(copy)
    killed_in_a_change(path)
    content = copy.read_bytes()
    if how == "backup moved":
        copy.replace(path)
    else:
        shutil.copyfile(copy, path)
    with pytest.raises(GalleryError, match=r"journal' was left behind by another file"):
        open_gallery(busy_timeout_s=0.05)
    assert path.read_bytes() == content
    Path(f"{path}-journal").unlink()  # as the message says
    with open_gallery() as gallery:
        assert gallery.check().sound
        assert "acknowledged" not in gallery.labels()
        gallery.add("new", rows(7))


def test_a_log_that_is_just_being_begun_is_not_applied_to_another_file(
    path: Path, open_gallery, rows
) -> None:
    """SQLite writes the mark of a log last; until then zeros stand there."""
    with open_gallery() as gallery:
        gallery.add("a", rows(1))
    killed_in_a_change(path)
    another(path)
    with Path(f"{path}-journal").open("r+b") as log:
        log.write(bytes(12))
    with pytest.raises(GalleryError, match=r"journal' was left behind by another file"):
        open_gallery(busy_timeout_s=0.05)


@pytest.mark.parametrize("use", ["add", "snapshot", "labels", "check"])
def test_who_waits_for_its_turn_applies_no_log_of_another_file(
    path: Path, open_gallery, rows, use: str
) -> None:
    """The file is replaced while somebody waits, and the new one's writer was killed."""
    gallery, new = open_gallery(busy_timeout_s=20), path.with_name("new")
    gallery.add("a", rows(1))
    with SqliteGallery.open(new, "m1", 8, model_name="toy") as other:
        other.add("other", rows(2))
    killed_in_a_change(new)
    log, content = Path(f"{path}-journal"), Path(f"{new}-journal").read_bytes()
    turn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    turn.execute("BEGIN EXCLUSIVE")

    def replaced() -> None:
        new.replace(path)
        Path(f"{new}-journal").replace(log)
        # Between a look at the file and the lock is a moment that SQLite leaves open: whoever is in
        # it now looks again before their turn comes.
        time.sleep(0.5)
        turn.execute("ROLLBACK")

    soon = threading.Timer(0.3, replaced)
    soon.start()
    with pytest.raises(GalleryReplacedError):
        USES[use](gallery, rows)
    soon.join()
    turn.close()
    assert log.read_bytes() == content
    gallery.reopen()
    assert list(gallery.labels()) == ["other", "acknowledged"]
    assert gallery.check().sound


def test_a_log_of_an_older_version_is_never_applied_to_another_file(
    path: Path, open_gallery, rows
) -> None:
    """Older versions kept a write-ahead log, and a kill left it beside the gallery."""
    with open_gallery() as gallery:
        gallery.add("a", rows(1))
        gallery.backup(path.with_name("monday"))
    old = sqlite3.connect(path, isolation_level=None)
    old.execute("PRAGMA journal_mode = WAL")
    old.execute("UPDATE identities SET label = 'mallory'")
    log = Path(f"{path}-wal").read_bytes()
    old.close()
    shutil.copyfile(path.with_name("monday"), path)
    Path(f"{path}-wal").write_bytes(log)
    with pytest.raises(GalleryError, match=r"wal' was left behind"):
        open_gallery(busy_timeout_s=0.05)
    Path(f"{path}-wal").unlink()
    assert open_gallery().labels() == {"a": 1}


def test_an_older_version_left_its_last_changes_in_its_own_log(
    path: Path, open_gallery, rows
) -> None:
    with open_gallery() as gallery:
        gallery.add("a", rows(1))
    old = sqlite3.connect(path, isolation_level=None)
    old.execute("PRAGMA journal_mode = WAL")
    old.execute("UPDATE identities SET label = 'ada'")
    crashed = path.with_name("crashed")
    for side in ("", "-wal"):
        shutil.copyfile(f"{path}{side}", f"{crashed}{side}")
    old.close()
    assert open_gallery(place=crashed).labels() == {"ada": 1}
    assert not Path(f"{crashed}-wal").exists()  # all of it is in the one file now
    assert crashed.read_bytes()[18:20] == b"\x01\x01"


def test_a_log_that_goes_is_waited_for(path: Path, open_gallery, rows) -> None:
    """Who had opened the file that lay here before may just be ending a change of that."""
    with open_gallery() as gallery:
        gallery.add("a", rows(1))
    killed_in_a_change(path)
    another(path)
    log = Path(f"{path}-journal")
    ending = threading.Timer(0.3, log.unlink)
    ending.start()
    assert open_gallery(busy_timeout_s=20).labels() == {}
    ending.join()


# -- writing a backup over a gallery that is in use -----------------------------------------------


def test_restore_into_a_gallery_in_use(path: Path, open_gallery, rows) -> None:
    gallery, other, copy = open_gallery(), open_gallery(), path.with_name("copy")
    gallery.add("ada", rows(1))
    gallery.backup(copy)
    gallery.add("mallory", rows(2))
    head = gallery.verify_audit().head
    assert other.snapshot().labels == gallery.snapshot().labels == ("ada", "mallory")
    with pytest.raises(GalleryError, match="never overwrites"):
        restore(copy, path)
    restore(copy, path, replace=True, actor="ada")
    assert gallery.snapshot().labels == other.snapshot().labels == ("ada",)
    for opened in (gallery, other):
        opened.add(f"new {id(opened)}", rows(3))
        assert opened.check().sound
    line = next(line for line in gallery.audit() if line.action == "restore")
    assert (line.actor, line.facts["replaced_head"], line.facts["replaced_lines"]) == (
        "ada",
        head,
        4,
    )
    assert rows(2).tobytes() not in path.read_bytes()
    with pytest.raises(GalleryError, match="is the gallery itself"):
        restore(path, path, replace=True)
    with pytest.raises(GalleryError, match="there is no gallery"):
        restore(copy, path.with_name("none"), replace=True)


def test_restore_waits_for_a_reader_only_so_long(
    path: Path, open_gallery, rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holotype.gallery.backup._PATIENCE_S", 0.1)
    gallery, copy = open_gallery(), path.with_name("copy")
    gallery.add("ada", rows(1))
    gallery.backup(copy)
    gallery.add("bob", rows(2))
    with gallery._reading() as connection:
        connection.execute("SELECT 1 FROM meta").fetchone()
        with pytest.raises(GalleryError, match="is locked"):
            restore(copy, path, replace=True)
    assert list(gallery.labels()) == ["ada", "bob"]
    assert gallery.check().sound


# -- a file without its folder --------------------------------------------------------------------


def test_a_mount_of_the_file_alone_is_known() -> None:
    mounts = Path("/proc/self/mountinfo")
    if not mounts.exists():
        pytest.skip("this system does not list its mounts")
    names = [line.split()[4] for line in mounts.read_text().splitlines()]
    assert all(is_mounted_alone(Path(name)) for name in names if "\\" not in name)
    assert not is_mounted_alone(mounts)


def test_a_gallery_that_is_mounted_alone_is_only_read(
    path: Path, open_gallery, rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = open_gallery()
    gallery.add("a", rows(1))
    monkeypatch.setattr("holotype.gallery.opened.is_mounted_alone", lambda where: where == path)
    gallery.reopen()
    assert gallery.labels() == {"a": 1}
    for change in (lambda: gallery.add("b", rows(2)), lambda: gallery.remove("a")):
        with pytest.raises(GalleryError, match="mounted without the folder"):
            change()


def test_opening_a_second_time_keeps_the_locks_of_the_first(path: Path, open_gallery, rows) -> None:
    """Closing any descriptor of a file would take the process's locks on it away (POSIX)."""
    gallery = open_gallery()
    with gallery._changing() as connection:
        connection.execute("UPDATE meta SET keep_pictures = 1")
        SqliteGallery.existing(path).close()
        other = subprocess.run(
            [
                sys.executable,
                "-c",
                "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0.1,"
                " isolation_level=None).execute('BEGIN IMMEDIATE')",
                path,
            ],
            capture_output=True,
            text=True,
        )
    assert "database is locked" in other.stderr
