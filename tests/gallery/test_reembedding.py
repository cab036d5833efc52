"""To another model: everything or nothing, and again from where it stopped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery, gallery_model
from slow_readers import read_before_erasing


@pytest.fixture
def kept(open_gallery, rows) -> SqliteGallery:
    """Three examples, all with pictures, and two strangers."""
    gallery = open_gallery(keep_pictures=True)
    gallery.add("a", rows(0, 2), pictures=[b"a0", b"a1"])
    gallery.add("b", rows(1), pictures=[b"b0"])
    gallery.add_strangers(rows(2, 2), [0, 1])
    return gallery


def new(rows, *examples: int) -> dict[int, np.ndarray]:
    return {example: rows(100 + example, dim=5)[0] for example in examples}


def test_all_at_once(path: Path, kept, open_gallery, rows) -> None:
    assert kept.picture_ids() == (1, 2, 3)
    kept.stage("m2", 5, new(rows, 1, 2, 3))
    done = kept.reembed("m2", "better", 5, actor="ada")
    assert (done.examples, done.strangers, done.batches, done.pending) == (3, 2, 1, False)
    assert gallery_model(path) == ("m2", "better")
    with open_gallery(model_id="m2", embedding_dim=5) as gallery:
        snapshot = gallery.snapshot()
        assert snapshot.labels == ("a", "b")
        np.testing.assert_array_equal(
            snapshot.vectors, np.vstack([new(rows, 1, 2, 3)[i] for i in (1, 2, 3)])
        )
        assert snapshot.strangers.vectors.shape == (0, 5)
        assert gallery.staged("m2") == frozenset()
        assert gallery.picture(3) == b"b0"
        assert gallery.check().sound
        line = gallery.audit()[-1]
        assert (line.action, line.actor) == ("reembed", "ada")
        assert line.facts["from_model"] == "m1"
        assert line.facts["model"] == "m2"
        with pytest.raises(GalleryError, match=r"belongs to the model .* already"):
            gallery.reembed("m2", "better", 5)
    content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert not any(row.tobytes() in content for row in [*rows(0, 2), *rows(1), *rows(2, 2)])


def test_whoever_has_the_old_model_is_refused(kept, open_gallery, rows) -> None:
    """Vectors of the old model, even of the same size, must not get among the new ones."""
    other, idle = open_gallery(), open_gallery()
    other.snapshot()
    vectors = {example: rows(100 + example)[0] for example in (1, 2, 3)}
    kept.stage("m2", 8, vectors)
    kept.reembed("m2", "better", 8)
    for gallery in (other, idle, kept):
        for use in (
            gallery.snapshot,
            lambda gallery=gallery: gallery.add("c", rows(5)),
            lambda gallery=gallery: gallery.add_strangers(rows(5), [0]),
            lambda gallery=gallery: gallery.remove("a"),
        ):
            with pytest.raises(GalleryError, match=r"belongs to the model 'better' \(id m2\)"):
                use()
    assert open_gallery(model_id="m2").labels() == {"a": 2, "b": 1}


def test_in_steps_with_an_end_in_between(kept, open_gallery, rows) -> None:
    before = kept.snapshot()
    kept.stage("m2", 5, new(rows, 1))
    assert kept.snapshot() is before
    kept.close()
    with open_gallery() as gallery:  # as after a kill
        assert gallery.staged("m2") == {1}
        assert gallery.staged("m3") == frozenset()
        with pytest.raises(GalleryError, match=r"2 examples have no vector .* 'a', 'b'"):
            gallery.reembed("m2", "better", 5)
        gallery.stage("m2", 5, new(rows, 2))
        gallery.stage("m2", 5, {})
        assert gallery.staged("m2") == {1, 2}
        with pytest.raises(GalleryError, match=r"1 examples have no vector .* 'b'"):
            gallery.reembed("m2", "better", 5)
        np.testing.assert_array_equal(gallery.snapshot().vectors, before.vectors)
        assert gallery.check().sound
        gallery.stage("m2", 5, new(rows, 3))
        gallery.reembed("m2", "better", 5)
    with open_gallery(model_id="m2", embedding_dim=5) as gallery:
        assert gallery.check().sound
        assert len(gallery.snapshot().vectors) == 3


def test_what_changes_meanwhile(kept, rows) -> None:
    kept.stage("m2", 5, new(rows, 1, 2, 3))
    kept.remove("a")  # takes what was laid aside along
    assert kept.staged("m2") == {3}
    kept.stage("m2", 5, new(rows, 1))  # too late: that example is gone
    assert kept.staged("m2") == {3}
    kept.add("late", rows(7))
    assert kept.without_pictures() == {"late": 1}
    with pytest.raises(GalleryError, match=r"1 examples have no vector .* 'late'"):
        kept.reembed("m2", "better", 5)
    kept.remove("late")
    assert kept.reembed("m2", "better", 5).examples == 1


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        (np.ones(5), "unit vectors"),
        (np.full(5, np.nan), "NaN"),
        (np.eye(4)[0], r"shape \(4,\)"),
        (np.eye(5), r"shape \(5, 5\)"),
    ],
)
def test_vectors_that_do_not_fit(kept, rows, vector, words: str) -> None:
    with pytest.raises(GalleryError, match=words):
        kept.stage("m2", 5, {**new(rows, 2, 3), 1: vector})
    assert kept.staged("m2") == frozenset()
    assert kept.model_id == "m1"
    assert kept.check().sound


def test_laid_aside_for_another_size(kept, rows) -> None:
    kept.stage("m2", 8, {1: rows(9)[0]})
    kept.stage("m2", 5, new(rows, 2, 3))
    with pytest.raises(GalleryError, match="1 vectors that are laid aside do not have 5"):
        kept.reembed("m2", "better", 5)
    kept.stage("m2", 5, new(rows, 1))
    assert kept.reembed("m2", "better", 5).examples == 3


@pytest.mark.usefixtures("path")
def test_old_vectors_that_somebody_still_reads(kept, open_gallery, rows) -> None:
    reader = read_before_erasing(kept, kept.path)
    kept._connection.execute("PRAGMA busy_timeout = 50")
    kept.stage("m2", 5, new(rows, 1, 2, 3))
    assert kept.reembed("m2", "better", 5).pending
    reader.close()
    open_gallery(model_id="m2", embedding_dim=5)
    (due,) = kept._connection.execute("SELECT removals > erased FROM meta").fetchone()
    assert not due


def test_an_empty_gallery(open_gallery) -> None:
    assert open_gallery().reembed("m2", "better", 5).examples == 0
    assert open_gallery(model_id="m2", embedding_dim=5).labels() == {}
