"""The vectors of many lie in a file without a name, and what is forgotten does not stay in it."""

from __future__ import annotations

import errno
import gc
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holotype
from holotype.gallery import Addition, SqliteGallery, mapped
from holotype.gallery.matrix import Matrix
from holotype.recognizer import state
from holotype.stats.scoring import unit

DIM, COUNT = 16, 300
VECTORS = unit(np.random.default_rng(0).standard_normal((2 * COUNT, DIM)))

only_linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="no list of open files")


@pytest.fixture(autouse=True)
def some_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "SMALLEST", 200)


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[SqliteGallery]:
    (tmp_path / "place").mkdir()
    place = tmp_path / "place" / "many.gallery"
    with SqliteGallery.open(place, "m", DIM, model_name="m") as found:
        found.add_all([Addition(f"{row}", VECTORS[row : row + 1]) for row in range(COUNT)])
        yield found


def is_mapped(array: Any) -> bool:
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array.obj if isinstance(array, memoryview) else array, mmap.mmap)


def unnamed_files(folder: Path) -> list[int]:
    """Which files of a folder this process has open that have no name there (Linux)."""
    found = []
    for number in map(int, os.listdir("/proc/self/fd")):
        link = f"/proc/self/fd/{number}"
        name = os.readlink(link) if os.path.lexists(link) else ""
        if name.startswith(f"{folder}/") and name.endswith(" (deleted)"):
            found.append(number)
    return found


def refused(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, "may not write here")


def content_of(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)


def test_only_many_lie_in_a_file(gallery: SqliteGallery) -> None:
    snapshot = gallery.snapshot()
    assert is_mapped(snapshot.vectors)
    np.testing.assert_array_equal(snapshot.vectors, VECTORS[:COUNT])
    with pytest.raises(ValueError, match="read-only"):
        snapshot.vectors[0] = 0
    assert not is_mapped(Matrix(DIM, gallery.path.parent).views()[0])
    few, nowhere = Matrix(DIM, gallery.path.parent), Matrix(DIM)
    few.append(VECTORS[:100], np.arange(100), np.arange(100))
    nowhere.append(VECTORS, np.arange(len(VECTORS)), np.arange(len(VECTORS)))
    assert not is_mapped(few.views()[0])
    assert not is_mapped(nowhere.views()[0])


@only_linux
def test_the_file_has_no_name_and_is_for_its_owner_alone(gallery: SqliteGallery) -> None:
    before = sorted(os.listdir(gallery.path.parent))
    snapshot = gallery.snapshot()
    assert sorted(os.listdir(gallery.path.parent)) == before
    (file,) = unnamed_files(gallery.path.parent)
    assert os.fstat(file).st_mode & 0o777 == 0o600
    del snapshot
    gallery.close()
    gc.collect()
    assert not unnamed_files(gallery.path.parent)


def test_it_grows_shrinks_and_grows_as_in_memory(gallery: SqliteGallery) -> None:
    first = gallery.snapshot()
    gallery.add_all([Addition(f"{row}", VECTORS[row : row + 1]) for row in range(COUNT, 2 * COUNT)])
    second = gallery.snapshot()
    gallery.remove("7")
    third = gallery.snapshot()
    gallery.add("again", VECTORS[7:8])
    fourth = gallery.snapshot()
    kept = np.delete(VECTORS, 7, axis=0)
    for found, expected in (
        (first, VECTORS[:COUNT]),
        (second, VECTORS),
        (third, kept),
        (fourth, np.vstack([kept, VECTORS[7:8]])),
    ):
        assert is_mapped(found.vectors)
        np.testing.assert_array_equal(found.vectors, expected)
        assert not found.vectors.flags.writeable


def test_answers_are_those_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "SMALLEST", 200)
    place = tmp_path / "asked.gallery"
    with holotype.open(place, dim=DIM) as recognizer:
        recognizer.gallery.add_all(
            [Addition(f"{row}", VECTORS[row : row + 1]) for row in range(COUNT)]
        )
    probes = unit(VECTORS[::10] + 0.02 * np.random.default_rng(1).standard_normal((60, DIM)))
    found = []
    for in_a_file in (True, False):
        if not in_a_file:
            monkeypatch.setattr(mapped.tempfile, "TemporaryFile", refused)
        with holotype.open(place) as recognizer:
            assert is_mapped(recognizer.state.matcher.prototypes) == in_a_file
            assert recognizer.state.matcher.search is not None
            answers = recognizer.identify(vectors=probes, fpir=0.05)
            found.append([(one.label, one.threshold, one.candidates) for one in answers])
    assert found[0] == found[1]
    assert sum(label is not None for label, *_ in found[0]) > 20


@only_linux
def test_what_is_forgotten_is_overwritten(gallery: SqliteGallery) -> None:
    snapshot = gallery.snapshot()
    (mapped_file,) = unnamed_files(gallery.path.parent)
    file = os.dup(mapped_file)  # as a thief would have it
    assert VECTORS[7].tobytes() in content_of(file)
    gallery.remove("7")
    later = gallery.snapshot()
    assert snapshot.vectors[7].any()  # whoever still asks the earlier state gets its answer
    del snapshot
    gc.collect()
    assert VECTORS[7].tobytes() not in content_of(file)
    assert VECTORS[8].tobytes() in content_of(file)
    os.close(file)
    (now,) = unnamed_files(gallery.path.parent)
    assert VECTORS[7].tobytes() not in content_of(now)
    np.testing.assert_array_equal(later.vectors, np.delete(VECTORS[:COUNT], 7, axis=0))


@pytest.mark.parametrize("named", [False, True])
def test_without_a_place_for_it_memory_serves(
    named: bool, gallery: SqliteGallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where a file that is open keeps a name.
    kept = tempfile.NamedTemporaryFile
    monkeypatch.setattr(mapped.tempfile, "TemporaryFile", kept if named else refused)
    snapshot = gallery.snapshot()
    assert not is_mapped(snapshot.vectors)
    np.testing.assert_array_equal(snapshot.vectors, VECTORS[:COUNT])


def test_a_full_disk_leaves_it_in_memory(
    gallery: SqliteGallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "posix_fallocate", full)
    snapshot = gallery.snapshot()
    assert not is_mapped(snapshot.vectors)
    np.testing.assert_array_equal(snapshot.vectors, VECTORS[:COUNT])
    gallery.remove("7")
    np.testing.assert_array_equal(gallery.snapshot().vectors, np.delete(VECTORS[:COUNT], 7, axis=0))


@only_linux
def test_a_child_does_not_write_into_its_parents_file(gallery: SqliteGallery) -> None:
    gallery.snapshot()
    child = os.fork()
    if child == 0:
        try:
            gallery.add("of the child", VECTORS[-1:])
            here = np.array_equal(gallery.snapshot().vectors[-1], VECTORS[-1])
            os._exit(0 if here else 1)
        finally:
            os._exit(2)
    (file,) = unnamed_files(gallery.path.parent)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert VECTORS[-1].tobytes() not in content_of(file)
    np.testing.assert_array_equal(gallery.snapshot().vectors, [*VECTORS[:COUNT], VECTORS[-1]])
