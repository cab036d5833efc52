"""What a gallery does when all goes well."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import GalleryError, LabelError
from holotype.gallery import Addition, Gallery, SqliteGallery, gallery_model
from holotype.gallery.schema import APPLICATION_ID, SCHEMA_VERSION

EVIL = ["x.png", "'; DROP TABLE identities; --", "<b>&amp;</b>", "👩‍🔬", " a", "a", "a ", "A"]
EVIL += ["\u00e9", "%", "_", "*", "\u202eabc", "NULL", "1", "1.0", "x" * 200]


def test_keeps_the_protocol(gallery: SqliteGallery) -> None:
    as_protocol: Gallery = gallery
    assert as_protocol.model_id == "m1"


def test_add_counts_and_survives_reopening(open_gallery, path, rows) -> None:
    with open_gallery() as gallery:
        assert gallery.add("b", rows(0)) == 1
        assert gallery.add("a", rows(1, 3)) == 3
        assert gallery.add("b", rows(2)) == 2
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # nothing beside it
    with open_gallery(create=False) as gallery:
        assert list(gallery.labels().items()) == [("b", 2), ("a", 3)]
        snapshot = gallery.snapshot()
    assert snapshot.labels == ("b", "a")
    assert snapshot.owner.tolist() == [0, 1, 1, 1, 0]
    assert snapshot.owner.dtype == np.int64
    assert snapshot.vectors.dtype == np.float32
    np.testing.assert_array_equal(snapshot.vectors, np.vstack([rows(0), rows(1, 3), rows(2)]))


def test_labels_are_kept_verbatim(open_gallery, rows) -> None:
    with open_gallery() as gallery:
        for seed, label in enumerate(EVIL):
            assert gallery.add(label, rows(seed)) == 1
    with open_gallery() as gallery:
        assert list(gallery.labels()) == EVIL
        assert gallery.snapshot().labels == tuple(EVIL)
        for label in EVIL:
            assert gallery.remove(label).examples == 1
        assert gallery.labels() == {}


def test_an_empty_gallery(gallery: SqliteGallery) -> None:
    snapshot = gallery.snapshot()
    assert (snapshot.labels, snapshot.vectors.shape, snapshot.owner.shape) == ((), (0, 8), (0,))


def test_the_file_says_what_it_is(gallery: SqliteGallery, path: Path) -> None:
    gallery.close()
    header = path.read_bytes()[:100]
    assert int.from_bytes(header[68:72], "big") == APPLICATION_ID
    assert int.from_bytes(header[60:64], "big") == SCHEMA_VERSION
    assert header[18:20] == b"\x01\x01"  # no write-ahead log: all of it is in the one file
    assert gallery_model(path) == ("m1", "toy")


def test_vectors_are_little_endian_float32(gallery: SqliteGallery, path: Path) -> None:
    vector = np.sqrt(np.arange(8, dtype=">f8") / 28)
    gallery.add("a", vector[None])
    gallery.close()
    with sqlite3.connect(path) as connection:
        (blob,) = connection.execute("SELECT vector FROM examples").fetchone()
    connection.close()
    assert blob == vector.astype("<f4").tobytes()


def test_removing_who_is_not_there(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0))
    for label in ("b", "", "\ud800"):
        with pytest.raises(LabelError):
            gallery.remove(label)
    assert gallery.labels() == {"a": 1}


def test_who_comes_back_is_new(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0, 2))
    gallery.add("b", rows(1))
    before = gallery.snapshot()
    assert gallery.remove("a").examples == 2
    assert gallery.snapshot().labels == ("b",)
    gallery.add("a", rows(2))
    after = gallery.snapshot()
    assert after.labels == ("b", "a")
    assert after.owner.tolist() == [0, 1]
    np.testing.assert_array_equal(after.vectors, np.vstack([rows(1), rows(2)]))
    assert before.labels == ("a", "b")  # what was handed out stays as it was
    np.testing.assert_array_equal(before.vectors, np.vstack([rows(0, 2), rows(1)]))


def test_a_snapshot_is_the_same_object_until_something_changes(open_gallery, rows) -> None:
    mine, other = open_gallery(), open_gallery()
    mine.add("a", rows(0))
    first = mine.snapshot()
    assert mine.snapshot() is first
    other.labels()
    other.snapshot()
    assert mine.snapshot() is first  # reading is no change
    other.add("a", rows(1))
    second = mine.snapshot()
    assert second.version != first.version
    assert len(second.vectors) == 2
    other.remove("a")
    third = mine.snapshot()
    assert third.version not in (first.version, second.version)
    assert third.labels == ()


def test_a_snapshot_cannot_be_written(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0))
    snapshot = gallery.snapshot()
    with pytest.raises(ValueError, match="read-only"):
        snapshot.vectors[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        snapshot.owner[0] = 1


@pytest.mark.usefixtures("path")
def test_nothing_is_read_again_when_nothing_changed(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0, 50))
    gallery.snapshot()
    statements: list[str] = []
    gallery._connection.set_trace_callback(statements.append)
    gallery.snapshot()
    assert "PRAGMA data_version" in statements
    assert not [one for one in statements if " meta" in one or " examples" in one], statements


def test_after_an_add_only_the_new_rows_are_read(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0, 1000))
    gallery.add("b", rows(1))
    before = gallery.snapshot()
    gallery.add("b", rows(2))
    one = gallery.snapshot()
    gallery.add("b", rows(3))
    two = gallery.snapshot()
    assert one.vectors.base is two.vectors.base  # the second found room behind the first
    assert (len(before.vectors), len(one.vectors), len(two.vectors)) == (1001, 1002, 1003)
    np.testing.assert_array_equal(two.vectors[-2:], np.vstack([rows(2), rows(3)]))


@pytest.mark.usefixtures("path")
def test_after_a_removal_no_vector_is_read_again(open_gallery, rows) -> None:
    gallery, other = open_gallery(), open_gallery()
    gallery.add("a", rows(0, 3))
    gallery.add("b", rows(1, 2))
    gallery.add("c", rows(2))
    gallery.snapshot()
    other.remove("b")
    statements: list[str] = []
    gallery._connection.set_trace_callback(statements.append)
    snapshot = gallery.snapshot()
    assert [text for text in statements if "vector" in text and "id > 6 " not in text] == []
    assert snapshot.labels == ("a", "c")
    assert snapshot.owner.tolist() == [0, 0, 0, 1]
    np.testing.assert_array_equal(snapshot.vectors, np.vstack([rows(0, 3), rows(2)]))
    names = [record.id for record in gallery.records()]
    assert list(snapshot.identities) == names


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("wxyz"), st.integers(0, 3)), max_size=20
    )
)
@settings(deadline=None, max_examples=15)
def test_two_openers_see_what_a_dict_would_hold(tmp_path_factory, steps) -> None:
    path = tmp_path_factory.mktemp("dict") / "g"
    expected: dict[str, list[float]] = {}
    with (
        SqliteGallery.open(path, "m", 2, model_name="m") as first,
        SqliteGallery.open(path, "m", 2, model_name="m") as second,
    ):
        for number, (who, label, count) in enumerate(steps):
            gallery = first if who == "a" else second
            if count:
                values = [(number + 0.25 * i) / 32 for i in range(count)]  # exact in float32
                expected.setdefault(label, []).extend(values)
                vectors = np.array([values, np.sqrt(1 - np.square(values))]).T
                assert gallery.add(label, vectors) == len(expected[label])
            elif label in expected:
                assert gallery.remove(label).examples == len(expected.pop(label))
            else:
                with pytest.raises(LabelError):
                    gallery.remove(label)
            for reader in (first, second):
                snapshot = reader.snapshot()
                seen = {
                    name: snapshot.vectors[snapshot.owner == index, 0].tolist()
                    for index, name in enumerate(snapshot.labels)
                }
                assert list(seen.items()) == list(expected.items())
                assert reader.labels() == {name: len(rows) for name, rows in expected.items()}


def test_threads_share_one_gallery(gallery: SqliteGallery, rows) -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(15):
                gallery.add(f"{name}-{number}", rows(number, 2))
                snapshot = gallery.snapshot()
                assert len(snapshot.vectors) == len(snapshot.owner) == 2 * len(snapshot.labels)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(gallery.labels()) == 60


def test_closed(gallery: SqliteGallery, rows) -> None:
    gallery.close()
    gallery.close()
    for use in (gallery.snapshot, gallery.labels, lambda: gallery.add("a", rows(0))):
        with pytest.raises(GalleryError, match="closed"):
            use()


def test_odd_file_names(tmp_path: Path, rows) -> None:
    for name in ("a b?c#d%41.gallery", "häuser-é", ":memory:", "x" * 240, "-", "file:x"):
        with SqliteGallery.open(tmp_path / name, "m1", 8, model_name="toy") as gallery:
            gallery.add("a", rows(0))
        assert stat.S_ISREG((tmp_path / name).stat().st_mode)
        assert gallery_model(tmp_path / name) == ("m1", "toy")


def test_a_link_leads_to_one_gallery(open_gallery, path: Path, rows) -> None:
    gallery = open_gallery()
    link = path.with_name("link")
    link.symlink_to(path)
    open_gallery(place=link).add("a", rows(0))
    assert gallery.labels() == {"a": 1}
    assert not list(path.parent.glob("link-*"))


def test_a_file_system_without_links(open_gallery, path: Path, rows, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    with open_gallery() as gallery:
        gallery.add("a", rows(0))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert open_gallery().labels() == {"a": 1}


def test_the_very_same_vector_is_stored_once(gallery: SqliteGallery, rows) -> None:
    assert gallery.add("a", np.vstack([rows(0), rows(1), rows(0)])) == 2
    assert gallery.add("a", rows(1)) == 2
    assert gallery.add("b", rows(1)) == 1  # of another label it is
    np.testing.assert_array_equal(gallery.snapshot().vectors[1:], np.vstack([rows(1)] * 2))
    assert [entry.action for entry in gallery.audit()] == ["create", "enroll", "enroll"]


def test_several_labels_are_stored_in_one_change(gallery: SqliteGallery, rows) -> None:
    gallery.add("a", rows(0))
    added = gallery.add_all(
        [
            Addition("a", np.vstack([rows(0), rows(1)])),
            Addition("b", rows(2), consent="form 7"),
            Addition("b", np.vstack([rows(2), rows(3)])),
        ]
    )
    assert [(one.label, one.stored, one.examples) for one in added] == [
        ("a", (False, True), 2),
        ("b", (True,), 1),
        ("b", (False, True), 2),
    ]
    assert gallery.labels() == {"a": 2, "b": 2}
    assert gallery.verify_audit().intact
    assert gallery.add_all([]) == ()


@pytest.mark.parametrize("bad", [Addition("\0", np.eye(8)[:1]), Addition("c", np.eye(8)[:1] * 2)])
def test_of_several_labels_all_are_stored_or_none(
    gallery: SqliteGallery, rows, bad: Addition
) -> None:
    with pytest.raises((GalleryError, LabelError)):
        gallery.add_all([Addition("a", rows(0)), bad])
    assert gallery.labels() == {}
