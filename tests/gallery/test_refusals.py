"""Every refusal names the gallery and a remedy, and leaves the file as it was."""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery, gallery_model
from holotype.gallery.schema import SCHEMA_VERSION


def files(folder: Path) -> dict[str, bytes]:
    """All but the shared memory of the processes, which holds their locks and nothing else."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.endswith("-shm")
    }


@contextmanager
def refused(folder: Path, words: str) -> Iterator[None]:
    """A GalleryError with these words, in two sentences, after which every file is the same."""
    before = files(folder)
    with pytest.raises(GalleryError, match=words) as caught:
        yield
    assert files(folder) == before
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def other_database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE meta (model_id TEXT)")
    connection.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"label,vector\n", "not an SQLite file"),
        (random.Random(0).randbytes(8192), "not an SQLite file"),
        (b"SQLite format 3\x00", "not an SQLite file"),
        (b"SQLite format 3\x00" + bytes(4080), "another kind"),
        (other_database, "another kind"),
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "not a regular file"),
    ],
)
def test_not_a_gallery(path: Path, open_gallery, content, words) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    if path.is_fifo():
        for use in (open_gallery, lambda: gallery_model(path)):
            with pytest.raises(GalleryError, match=words):
                use()
        return
    for use in (open_gallery, lambda: open_gallery(create=False), lambda: gallery_model(path)):
        with refused(path.parent, words):
            use()


def test_missing(path: Path, open_gallery) -> None:
    for use in (lambda: open_gallery(create=False), lambda: gallery_model(path)):
        with refused(path.parent, "there is no gallery at .*enroll creates one"):
            use()


def test_no_folder_to_lie_in(tmp_path: Path, open_gallery) -> None:
    (tmp_path / "file").write_text("")
    for parent in ("nowhere", "file"):
        with refused(tmp_path, "needs a folder.*Create the folder"):
            open_gallery(place=tmp_path / parent / "g")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_impossible_names(tmp_path: Path, open_gallery, name: str) -> None:
    with refused(tmp_path, "cannot be used|not a file name"):
        open_gallery(place=tmp_path / name)


def test_a_link_to_itself(tmp_path: Path, path: Path, open_gallery) -> None:
    link = tmp_path / "g"
    link.symlink_to("g")
    with refused(tmp_path, "is a link that leads to itself"):
        open_gallery(place=link)


def test_another_model(path: Path, open_gallery, rows) -> None:
    open_gallery().add("a", rows(0))
    with refused(path.parent, r"'toy' \(id m1\), not to 'faces' \(id m2\).*new gallery"):
        open_gallery(model_id="m2", model_name="faces")
    with refused(path.parent, "8 dimensions.* makes 9"):
        open_gallery(embedding_dim=9)


@pytest.mark.parametrize("logged", [False, True])
def test_a_newer_schema(path: Path, open_gallery, rows, logged: bool) -> None:
    with open_gallery() as gallery:
        gallery.add("a", rows(0))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    if not logged:  # the new version stands in the file itself, not only in its log
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = path.read_bytes()
    words = rf"version {SCHEMA_VERSION + 1}.*knows up to {SCHEMA_VERSION}.*Upgrade"
    for use in (open_gallery, lambda: gallery_model(path)):
        with pytest.raises(GalleryError, match=words):
            use()
    assert path.read_bytes() == before
    connection.close()


@pytest.mark.parametrize(
    ("vectors", "words"),
    [
        (np.zeros((1, 7)), r"shape \(1, 7\).*\[B, 8\]"),
        (np.zeros(8), r"shape \(8,\)"),
        (np.zeros((0, 8)), r"shape \(0, 8\)"),
        (np.full((1, 8), np.nan), "NaN or infinity"),
        (np.array([[1.0] * 8, [np.inf] * 8]), "NaN or infinity"),
        (np.eye(8)[:2] * [[1], [1.01]], r"vector 1 has length 1\.01.*unit vectors"),
        (np.zeros((1, 8)), "has length 0"),
    ],
)
def test_vectors_that_do_not_fit(path: Path, gallery, vectors, words) -> None:
    with refused(path.parent, words):
        gallery.add("a", vectors)
    assert gallery.labels() == {}


def test_locked(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery(busy_timeout_s=0.05)
    gallery.add("a", rows(0))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with refused(path.parent, "is locked"):
        gallery.add("b", rows(1))
    with refused(path.parent, "is locked"):
        gallery.remove("a")
    assert gallery.snapshot().labels == ("a",)  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    gallery.add("b", rows(1))
    assert gallery.labels() == {"a": 1, "b": 1}


def test_the_disk_is_full(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    gallery.add("a", rows(0))
    (pages,) = gallery._connection.execute("PRAGMA page_count").fetchone()
    gallery._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(GalleryError, match=r"the disk is full.*Free some space"):
        gallery.add("b", rows(1, 1000))
    assert gallery.labels() == {"a": 1}
    assert gallery.snapshot().labels == ("a",)
    gallery._connection.execute("PRAGMA max_page_count = 100000")
    assert gallery.add("b", rows(1, 1000)) == 1000


def test_no_room_to_write(path: Path, open_gallery, rows) -> None:
    """A real refusal by the system, while creating, enrolling and forgetting."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    gallery = open_gallery()
    gallery.add("a", rows(0, 100))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        with pytest.raises(GalleryError, match=r"cannot be (read or )?written"):
            gallery.add("b", rows(1, 1000))
        with pytest.raises(GalleryError, match=r"cannot be (read or )?written"):
            gallery.remove("a")
        with pytest.raises(GalleryError, match=r"cannot be (read or )?written"):
            open_gallery(place=path.with_name("new"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [file for file in path.parent.iterdir() if not file.name.startswith(path.name)]
    for reader in (gallery, open_gallery()):
        assert reader.labels() == {"a": 100}
        np.testing.assert_array_equal(reader.snapshot().vectors, rows(0, 100))
    assert gallery.add("b", rows(1)) == 1


def test_damaged_pages(path: Path, open_gallery, rows) -> None:
    with open_gallery() as gallery:
        for number in range(300):
            gallery.add(f"label {number}", rows(number))
    sound = path.read_bytes()
    refusals = 0
    for page in range(len(sound) // 4096):
        broken = bytearray(sound)
        broken[4096 * page + (100 if page == 0 else 0) : 4096 * (page + 1)] = b"\xff" * (
            3996 if page == 0 else 4096
        )
        path.write_bytes(broken)
        try:
            with open_gallery() as gallery:
                assert len(gallery.snapshot().labels) == 300
                gallery.labels()
                unsound = not gallery.check().sound
                gallery.add("label 7", rows(0))
            refusals += unsound
        except GalleryError as error:
            refusals += 1
            assert "damaged" in str(error)  # noqa: PT017
            assert path.read_bytes() == broken
        for side in ("-wal", "-shm"):
            Path(f"{path}{side}").unlink(missing_ok=True)
    assert refusals >= len(sound) // 4096 - 2


def test_damaged_vectors(path: Path, gallery, rows) -> None:
    gallery.add("a", rows(0))
    other = sqlite3.connect(path, isolation_level=None)
    for blob in (b"short", np.full(8, np.nan, "<f4").tobytes(), "text"):
        other.execute("UPDATE examples SET vector = ?", (blob,))
        for _ in range(2):
            gallery._mirror.forget()
            with pytest.raises(GalleryError, match="damaged: an example"):
                gallery.snapshot()
    other.execute("UPDATE examples SET vector = ?", (rows(1).tobytes(),))
    other.close()
    gallery._mirror.forget()
    np.testing.assert_array_equal(gallery.snapshot().vectors, rows(1))


def test_truncated(path: Path, open_gallery, rows) -> None:
    with open_gallery() as gallery:
        gallery.add("a", rows(0, 500))
    path.write_bytes(path.read_bytes()[:6000])
    with refused(path.parent, "damaged"), open_gallery() as gallery:
        gallery.snapshot()


def test_the_log_of_a_deleted_gallery_does_not_enter_a_new_one(path, open_gallery, rows) -> None:
    open_gallery().close()
    path.unlink()
    Path(f"{path}-wal").write_bytes(b"frames")
    with refused(path.parent, "belongs to a gallery that is no longer there"):
        open_gallery()


READER = """
    import os, sys
    from pathlib import Path
    import numpy as np
    from holotype.errors import GalleryError
    from holotype.gallery import SqliteGallery, gallery_model

    path, place = map(Path, sys.argv[1:])
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    assert gallery_model(path) == ("m1", "toy")
    with SqliteGallery.open(path, "m1", 8, model_name="toy") as gallery:
        assert gallery.snapshot().labels == ("a",), gallery.snapshot()
        assert gallery.labels() == {"a": 1}
        for write in (lambda: gallery.add("b", np.eye(8)[:1]), lambda: gallery.remove("a")):
            try:
                write()
            except GalleryError as error:
                assert "is read-only" in str(error), error
            else:
                raise AssertionError("written")
        gallery.backup(place / "copy")  # whoever can read can copy; the trail has no line of it
        gallery.export(place / "export")
        with SqliteGallery.existing(place / "copy") as copy:
            assert copy.labels() == {"a": 1} and copy.check().sound
        assert SqliteGallery.take_in(place / "export", place / "again").identities == 1
        print("ready", flush=True)
        sys.stdin.readline()  # meanwhile the owner enrolls
        assert gallery.snapshot().labels == ("a", "b"), gallery.snapshot()
        print("done", flush=True)
"""


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """Not under `tmp_path`, which pytest keeps private to whoever runs it."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        Path(folder).chmod(0o755)


@pytest.mark.parametrize("owner_has_it_open", [False, True])
@pytest.mark.parametrize("read_only", ["file", "folder"])
def test_read_only(shared_folder: Path, rows, read_only: str, owner_has_it_open: bool) -> None:
    """Whoever may only read can identify, sees what the owner adds, and writes nothing."""
    shared_folder.chmod(0o755)
    folder, place = shared_folder / "desk", shared_folder / "place"
    for one, mode in ((folder, 0o755), (place, 0o777)):
        one.mkdir()
        one.chmod(mode)
    if os.getuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in folder.parents):
        pytest.skip("the temporary folder lies where only root can go")
    path = folder / "desk.gallery"

    def allow(writing: bool) -> None:
        path.chmod(0o644 if writing or read_only == "folder" else 0o444)
        folder.chmod(0o755 if writing or read_only == "file" else 0o555)

    def arguments() -> SqliteGallery:
        return SqliteGallery.open(path, "m1", 8, model_name="toy")

    owner = arguments()
    owner.add("a", rows(0))
    if not owner_has_it_open:
        owner.close()
    before = files(folder)
    allow(False)
    reader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(READER), str(path), str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        if not owner_has_it_open:
            assert files(folder) == before
        allow(True)
        if not owner_has_it_open:
            owner = arguments()
        owner.add("b", rows(1))
        owner.close()
        reader.stdin.write("\n")
        reader.stdin.close()
        assert reader.stdout.read() == "done\n"
    assert reader.returncode == 0
