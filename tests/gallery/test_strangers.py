"""The owner's own strangers, in the snapshot and out of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from holotype.errors import ErasurePendingError, GalleryError
from holotype.gallery import SqliteGallery
from slow_readers import read_before_erasing


def test_in_the_snapshot(open_gallery, rows) -> None:
    gallery, other = open_gallery(), open_gallery()
    gallery.add("a", rows(0))
    empty = other.snapshot()
    assert empty.strangers.vectors.shape == (0, 8)
    first = gallery.add_strangers(rows(1, 3), np.array([5, 2, 5]))
    one = other.snapshot()
    assert one.version != empty.version
    assert one.vectors is not None
    np.testing.assert_array_equal(one.strangers.vectors, rows(1, 3))
    assert one.strangers.class_index.tolist() == [0, 1, 0]
    assert one.strangers.class_index.dtype == np.int64
    second = other.add_strangers(rows(2, 2), [5, 5])
    two = gallery.snapshot()
    np.testing.assert_array_equal(two.strangers.vectors, np.vstack([rows(1, 3), rows(2, 2)]))
    assert two.strangers.class_index.tolist() == [0, 1, 0, 2, 2]  # batches share no class
    assert [(b.id, b.vectors, b.classes) for b in gallery.stranger_batches()] == [
        (first, 3, 2),
        (second, 2, 1),
    ]
    gallery.add("b", rows(3))
    assert gallery.snapshot().strangers is two.strangers  # an enrollment leaves them alone
    assert gallery.remove_strangers(first) == 3
    three = other.snapshot()
    np.testing.assert_array_equal(three.strangers.vectors, rows(2, 2))
    assert three.strangers.class_index.tolist() == [0, 0]
    assert len({s.strangers.version for s in (empty, one, three)}) == 3
    gallery.remove_strangers(second)
    assert other.snapshot().strangers.vectors.shape == (0, 8)
    assert gallery.labels() == {"a": 1, "b": 1}
    assert gallery.check().sound
    with pytest.raises(ValueError, match="read-only"):
        three.strangers.vectors[0, 0] = 1


def test_they_survive_reopening_and_are_erased(path: Path, open_gallery, rows) -> None:
    with open_gallery() as gallery:
        batch = gallery.add_strangers(rows(1, 300), np.arange(300))
    with open_gallery() as gallery:
        np.testing.assert_array_equal(gallery.snapshot().strangers.vectors, rows(1, 300))
        gallery.remove_strangers(batch)
        content = b"".join(file.read_bytes() for file in path.parent.iterdir())
        assert not any(row.tobytes() in content for row in rows(1, 300))
        with pytest.raises(GalleryError, match=r"no batch .* of strangers"):
            gallery.remove_strangers(batch)


@pytest.mark.usefixtures("path")
def test_removal_that_has_to_wait(open_gallery, rows) -> None:
    gallery = open_gallery(busy_timeout_s=0.05)
    batch = gallery.add_strangers(rows(0), [0])
    reader = read_before_erasing(gallery, gallery.path)
    with pytest.raises(ErasurePendingError, match=r"strangers of batch .* are gone"):
        gallery.remove_strangers(batch)
    reader.close()


@pytest.mark.parametrize(
    ("count", "classes", "words"),
    [
        (2, [0], r"shape \(1,\).* 2 vectors"),
        (1, [[0]], r"shape \(1, 1\)"),
        (1, [0.5], "float64"),
        (1, ["a"], "type <U1"),
        (0, [], r"shape \(0, 8\)"),
    ],
)
def test_refused(gallery: SqliteGallery, rows, count: int, classes, words: str) -> None:
    with pytest.raises(GalleryError, match=words):
        gallery.add_strangers(rows(0, count), classes)
    with pytest.raises(GalleryError, match="unit vectors"):
        gallery.add_strangers(2 * rows(0), [0])
    assert gallery.stranger_batches() == ()
