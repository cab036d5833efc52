"""What a gallery with an index in Milvus promises: real server, real cuts."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import holotype
from enrollers import require_whole, two_writers_and_the_kill_of_one
from hanging import HANGS_S
from holotype import recognizer as services
from holotype.cli.status import _index
from holotype.errors import ErasurePendingError, GalleryError, MissingExtraError
from holotype.gallery import (
    Gallery,
    called,
    existing,
    file_beside,
    name_of,
    open_gallery,
    reindex,
    restore,
    truth_of,
)
from holotype.gallery import index as indexing
from milvus import MilvusServer, Wire, locked_server
from ports import free_port

DIM = 16
Rows = Callable[..., np.ndarray]


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def drawn(seed: int, count: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((count, DIM)))


def like(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Other looks at them."""
    return unit(vectors + 0.15 * np.random.default_rng(seed).standard_normal(vectors.shape))


def made(place: str, **changes: Any) -> Gallery:
    return open_gallery(
        place, **{"model_id": "m1", "embedding_dim": 8, "model_name": "toy", **changes}
    )


@pytest.fixture
def wire(milvus: MilvusServer) -> Iterator[Wire]:
    found = Wire(milvus.port)
    yield found
    found.close()


@pytest.fixture
def client(milvus: MilvusServer) -> Iterator[Any]:
    """What looks at the collections past holotype."""
    from pymilvus import MilvusClient

    with closing(MilvusClient(f"http://127.0.0.1:{milvus.port}", dedicated=True)) as found:
        yield found


def collection_of(place: str) -> str:
    return place.partition("?")[0].rpartition("/")[2]


def through(wire: Wire, milvus: MilvusServer, place: str) -> str:
    return place.replace(f":{milvus.port}/", f":{wire.port}/")


def asked(gallery: Gallery, vectors: np.ndarray) -> list[list[str]]:
    """The labels that the index finds, most alike first."""
    for _ in range(5):  # after a kill everything is read anew, once
        snapshot = gallery.snapshot()
        found = gallery.candidates(snapshot, vectors, 2)
        if found is not None:
            break
    assert found is not None
    labels = dict(zip(snapshot.identities, snapshot.labels, strict=True))
    return [[labels[name] for name in names if name in labels] for names in found]


def require_same_answers(place: str, probes: np.ndarray, **how: Any) -> None:
    """An index decides as the gallery does without it, and it was the index that was asked."""
    counted = []
    with holotype.open(place) as one, holotype.open(truth_of(place)) as other:
        candidates = one.gallery.candidates

        def counting(*arguments: Any) -> Any:
            counted.append(candidates(*arguments))
            return counted[-1]

        one.gallery.candidates = counting  # type: ignore[method-assign]
        for rate in (0.2, 0.05):
            left, right = (desk.identify(vectors=probes, fpir=rate, **how) for desk in (one, other))
            for a, b in zip(left, right, strict=True):
                assert (a.answer, a.label, a.threshold) == (b.answer, b.label, b.threshold)
                assert a.similarity == pytest.approx(b.similarity, abs=1e-6)
                assert [c.label for c in a.candidates] == [c.label for c in b.candidates]
    assert counted
    assert None not in counted


# -- the decision -------------------------------------------------------------------------------


def test_it_decides_as_the_gallery_does(indexed: str) -> None:
    faces = drawn(0, 120)
    with holotype.open(indexed, dim=DIM) as desk:
        for number, face in enumerate(faces):
            more = like(np.repeat(face[None], number % 3, axis=0), number)
            until = date.today() + timedelta(days=1) if number == 5 else None
            desk.enroll(f"{number}", vectors=np.vstack([face[None], more]), retain_until=until)
        desk.gallery.merge("7", "8")
        desk.forget("9")
    require_same_answers(indexed, np.vstack([like(faces, 1), drawn(2, 60)]))


def test_over_postgresql_what_one_enrolls_another_finds(
    milvus: MilvusServer, url: str, rows: Rows
) -> None:
    place = milvus.url(f"p{url.rpartition('=')[2]}", url)
    with made(place) as one, made(place) as other:
        for number in range(20):
            (one, other)[number % 2].add(f"{number}", rows(number))
        for number in range(20):
            found = asked((other, one)[number % 2], rows(number))
            assert found[0][0] == f"{number}"
        one.remove("3")
        one.rename("4", "Ada")
        assert asked(other, rows(4))[0][0] == "Ada"
        assert "3" not in asked(other, rows(3))[0]
        assert one.check().sound


def test_what_is_changed_without_the_index_counts_all_the_same(indexed: str) -> None:
    faces = drawn(3, 40)
    with holotype.open(indexed, dim=DIM) as desk:
        for number, face in enumerate(faces[:30]):
            desk.enroll(f"{number}", vectors=face)
        desk.identify(vectors=faces[0])
        with existing(truth_of(indexed)) as plain:
            for number, face in enumerate(faces[30:], 30):
                plain.add(f"{number}", face[None])
            plain.remove("1")
            plain.merge("2", "3")
            plain.undo()
        assert asked(desk.gallery, faces[35:36])[0][0] == "35"
        assert asked(desk.gallery, faces[2:3])[0][0] == "2"
    require_same_answers(indexed, like(faces, 4))


def test_those_whose_day_is_over_crowd_nobody_out(
    indexed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = drawn(0, 1)
    alike = unit(face + 0.01 * drawn(1, 40))  # nearer than all others, and over
    with holotype.open(indexed, dim=DIM) as desk:
        for number, vector in enumerate(alike):
            desk.enroll(f"over {number}", vectors=vector, retain_until=date.today())
        for number, vector in enumerate(drawn(2, 20)):
            desk.enroll(f"{number}", vectors=vector)
    tomorrow = date.today() + timedelta(days=1)
    monkeypatch.setattr("holotype.gallery.enrolled_rows.today", lambda: tomorrow)
    require_same_answers(indexed, np.vstack([face, like(face, 5)]))


def test_a_change_in_the_middle_of_a_question(
    indexed: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made(indexed) as gallery, made(indexed) as other:
        gallery.add("Ada", rows(0))
        assert gallery.index is not None
        nearest = gallery.index.nearest

        def late(vectors: np.ndarray, count: int) -> list[list[str]]:
            found = nearest(vectors, count)
            other.add("Bob", rows(1))
            return found

        monkeypatch.setattr(gallery.index, "nearest", late)
        snapshot = gallery.snapshot()
        assert gallery.candidates(snapshot, rows(0), 2) is None  # all are compared


def test_an_index_that_is_made_anew_in_the_middle_of_a_question(
    indexed: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made(indexed) as gallery:
        gallery.add("Ada", rows(0))
        assert gallery.index is not None
        nearest = gallery.index.nearest

        def late(vectors: np.ndarray, count: int) -> list[list[str]]:
            assert reindex(indexed) == 1
            return nearest(vectors, count)

        monkeypatch.setattr(gallery.index, "nearest", late)
        assert gallery.candidates(gallery.snapshot(), rows(0), 2) is None


def test_what_an_approximate_index_misses_is_measured(
    milvus: MilvusServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = milvus.url("approximate", tmp_path / "desk.gallery", "index=hnsw&")
    faces = drawn(6, 80)
    with holotype.open(place, dim=DIM) as desk:
        for number, face in enumerate(faces):
            desk.enroll(f"{number}", vectors=face)
        found = services.status(desk).index
        assert found is not None
        assert (found.kind, found.asked, found.missed) == ("HNSW/IP", 80, 0)
        assert 0.03 < found.at_most < 0.05
        assert "let in no more often" in _index(found)
        # As one that misses each second of them.
        gallery = desk.gallery
        lost = set(gallery.snapshot().identities[::2])
        assert gallery.index is not None
        whole = gallery.index.nearest

        def missing(vectors: np.ndarray, count: int) -> list[list[str]]:
            return [[name for name in one if name not in lost] for one in whole(vectors, 80)]

        monkeypatch.setattr(gallery.index, "nearest", missing)
        found = services.status(desk).index
        assert found is not None
        assert (found.asked, found.missed) == (80, 40)
        assert 0.6 < found.at_most < 0.63
        probes = np.vstack([like(faces, 1), drawn(7, 400)])
        with holotype.open(truth_of(place)) as other:
            for rate in (0.2, 0.05):
                left, right = (one.identify(vectors=probes, fpir=rate) for one in (desk, other))
                accepted = [[a.answer == "match" for a in answers] for answers in (left, right)]
                assert 0 < sum(accepted[0]) < sum(accepted[1])
                assert not np.greater(*accepted).any()


def test_a_copy_of_the_state_that_goes_elsewhere_compares_with_all(indexed: str) -> None:
    faces = drawn(7, 30)
    with holotype.open(indexed, dim=DIM) as desk:
        for number, face in enumerate(faces):
            desk.enroll(f"{number}", vectors=face)
        state = desk.state
        copy = pickle.loads(pickle.dumps(state)).matcher
        assert state.matcher.search is not None
        assert copy.search is None
        one, other = (each.match(like(faces, 1), 0.1) for each in (state.matcher, copy))
        assert (one.accepted == other.accepted).all()
        assert (one.best == other.best).all()


# -- kills and cuts -----------------------------------------------------------------------------


def test_two_writers_and_the_kill_of_one(indexed: str) -> None:
    with made(indexed) as gallery:
        told = two_writers_and_the_kill_of_one(indexed)
        require_whole(gallery, told)
        mine = np.random.default_rng([1, 0]).standard_normal((3, 8))
        assert asked(gallery, unit(mine.mean(axis=0, keepdims=True)))[0]
    with existing(indexed) as gallery:  # it has lost nothing, and nothing of it is left over
        require_whole(gallery, told)


def test_a_kill_of_the_server(milvus: MilvusServer, indexed: str, rows: Rows) -> None:
    with made(indexed) as gallery:
        gallery.add("Ada", rows(0))
        milvus.kill()
        try:
            assert gallery.add("Bob", rows(1)) == 1  # the gallery has it
            with pytest.raises(GalleryError, match="cannot be used") as error:
                asked(gallery, rows(1))
            assert "open the gallery without the index" in str(error.value.remedy)
            with pytest.raises(ErasurePendingError, match="not yet from its index") as pending:
                gallery.remove("Ada")
            assert len(pending.value.receipts) == 1
        finally:
            milvus.start()
        assert asked(gallery, rows(0)) == [["Bob"]]
        assert gallery.check().sound
    existing(indexed).close()


def test_changes_do_not_wait_again_and_again_for_an_index_that_is_away(
    indexed: str, rows: Rows
) -> None:
    with made(indexed) as gallery:
        asked_for = []

        def away(*arguments: Any) -> None:
            asked_for.append(arguments)
            raise GalleryError("away", "Wait")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(gallery.index, "put", away)
            for number in range(3):
                gallery.add(f"{number}", rows(number))
            assert len(asked_for) == 1
            with pytest.raises(GalleryError, match="away"):  # an answer does
                asked(gallery, rows(0))
        assert [asked(gallery, rows(number))[0][0] for number in range(3)] == ["0", "1", "2"]


@pytest.mark.parametrize("after", [0, 60, 300, 700])
def test_a_cut_in_the_middle_of_an_enrollment(
    milvus: MilvusServer, wire: Wire, indexed: str, rows: Rows, after: int
) -> None:
    with made(through(wire, milvus, indexed)) as far, made(indexed) as near:
        far.add("Ada", rows(0, 3))
        wire.cut_after = after
        assert far.add("Bob", rows(1, 3)) == 3
        assert asked(near, unit(rows(1, 3).sum(axis=0)[None]))[0][0] == "Bob"
        assert asked(far, unit(rows(0, 3).sum(axis=0)[None]))[0][0] == "Ada"  # anew
        require_whole(near, {"Ada", "Bob"})
    existing(indexed).close()


def test_an_interrupted_filling_goes_on(
    indexed: str, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 10)
    with made(truth_of(indexed)) as gallery:
        for number in range(35):
            gallery.add(f"{number}", rows(number))
    from holotype.gallery.milvus import MilvusIndex

    put, times = MilvusIndex.put, []

    def failing(self: MilvusIndex, *arguments: Any) -> None:
        times.append(1)
        if len(times) == 3:
            raise GalleryError("cut", "Again")
        put(self, *arguments)

    monkeypatch.setattr(MilvusIndex, "put", failing)
    with pytest.raises(GalleryError, match="cut"):
        existing(indexed)
    with existing(indexed) as gallery:
        assert len(times) == 5  # two of them before
        assert [asked(gallery, rows(number))[0][0] for number in range(35)] == list(
            map(str, range(35))
        )


def test_a_child_made_by_fork_asks_by_itself(indexed: str, rows: Rows) -> None:
    code = f"""
import os
import numpy as np
from holotype.gallery import open_gallery
rows = np.eye(2, 8, dtype=np.float32)
def nearest(gallery, row):
    known = gallery.snapshot()
    (names,) = gallery.candidates(known, row[None], 2)
    return next(name for name in names if name in known.identities)
with open_gallery({indexed!r}, "m1", 8, model_name="toy") as gallery:
    gallery.add("Ada", rows[:1])
    ada = gallery.snapshot().identities[0]
    child = os.fork()
    if not child:
        gallery.add("Bob", rows[1:])
        os._exit(0 if nearest(gallery, rows[0]) == ada else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert nearest(gallery, rows[1]) == gallery.snapshot().identities[1]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=HANGS_S)


# -- erased -------------------------------------------------------------------------------------


def kept_by(milvus: MilvusServer, content: bytes) -> list[Path]:
    return [
        path for path in milvus.data.rglob("*") if path.is_file() and content in path.read_bytes()
    ]


def test_what_is_forgotten_is_asked_for_no_more_and_gone_from_a_new_index(
    milvus: MilvusServer, client: Any, indexed: str, rows: Rows
) -> None:
    with made(indexed) as gallery:
        gallery.add("Bob", rows(1))
        gallery.add("Ada", rows(0))
        gallery.add("Ada", rows(2))
        name = gallery.snapshot().identities[1]
        prototype = unit(rows(0) + rows(2))
        assert kept_by(milvus, prototype.tobytes())
        gallery.remove("Ada")
        collection = collection_of(indexed)
        left = client.query(collection, filter="key > 0", output_fields=["name"])
        assert {row["name"] for row in left} == set(gallery.snapshot().identities)
        assert reindex(indexed) == 1
        assert not kept_by(milvus, prototype.tobytes())
        assert not kept_by(milvus, name.encode())
        assert kept_by(milvus, rows(1).tobytes())  # so it would be found
        assert asked(gallery, rows(1)) == [["Bob"]]


def test_no_label_is_in_the_index(milvus: MilvusServer, indexed: str, rows: Rows) -> None:
    with made(indexed) as gallery:
        gallery.add("Rumpelstiltskin", rows(0))
        assert not kept_by(milvus, b"Rumpelstiltskin")


# -- refused ------------------------------------------------------------------------------------


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    place = f"milvus://127.0.0.1:{free_port()}/desk?truth={tmp_path / 'desk.gallery'}"
    with pytest.raises(GalleryError, match="cannot be used") as error:
        made(place)
    assert "Check that the server runs" in str(error.value.remedy)
    made(truth_of(place)).close()  # which needs no index


def test_a_wrong_password(tmp_path: Path) -> None:
    server, port = locked_server()
    try:
        place = f"milvus://ada:wr0ng-one@127.0.0.1:{port}/desk?truth={tmp_path / 'desk.gallery'}"
        with pytest.raises(GalleryError, match="auth check failure") as error:
            made(place)
        assert "wr0ng-one" not in str(error.value)
    finally:
        server.stop(None).wait()


def test_a_server_without_tls_where_it_is_asked_for(milvus: MilvusServer, tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="cannot be used"):
        made(milvus.url("desk", tmp_path / "desk.gallery", "tls=yes&"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("milvus://ada:s3cret@host/desk", "does not say where the gallery itself is"),
        ("milvus://host/desk?truth=", "does not say where the gallery itself is"),
        ("milvus://host/desk?truth=milvus://host/b?truth=a", "does not say where"),
        ("milvus://ada:s3cret@host:x/desk?truth=T", "cannot be read"),
        ("milvus://ada:s3cret@/desk?truth=T", "needs a host"),
        ("milvus://ada:s3cret@host/?truth=T", "a collection named by letters"),
        ("milvus://ada:s3cret@host/a-b?truth=T", "a collection named by letters"),
        ("milvus://ada:s3cret@host/desk?index=ivf&truth=T", "and nothing else"),
        ("milvus://ada:s3cret@host/desk?nlist=3&truth=T", "and nothing else"),
    ],
)
def test_urls_that_are_none_are_refused_without_their_password(
    url: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(GalleryError, match=words) as error:
        made(url.replace("=T", f"={tmp_path / 'desk.gallery'}"))
    assert "s3cret" not in str(error.value)


def test_what_it_is_called(tmp_path: Path) -> None:
    place = "milvus://ada:s3cret@db.example:19530/desk?index=hnsw&truth=rooms/desk.gallery"
    assert called(place) == (
        "milvus://ada@db.example:19530/desk?index=hnsw&truth=rooms/desk.gallery"
    )
    assert truth_of(place) == "rooms/desk.gallery"
    assert name_of(place) == "desk.gallery"
    assert file_beside(place, "keys") == Path("rooms/desk.gallery.keys")


def test_the_collection_of_another_gallery(
    milvus: MilvusServer, client: Any, indexed: str, rows: Rows, tmp_path: Path
) -> None:
    made(indexed).add("Ada", rows(0))
    second = milvus.url(collection_of(indexed), tmp_path / "second.gallery")
    for again in (made, reindex):
        with pytest.raises(GalleryError, match="is not the index of this gallery"):
            again(second)
    for number, (dimension, metric) in enumerate([(8, "COSINE"), (9, "IP")]):
        client.create_collection(f"strange{number}", dimension=dimension, metric_type=metric)
        with pytest.raises(GalleryError, match="is not the index of this gallery") as error:
            made(milvus.url(f"strange{number}", tmp_path / "third.gallery"))
        assert "another name" in str(error.value.remedy)
        assert client.has_collection(f"strange{number}")


def test_a_collection_of_another_kind(indexed: str, rows: Rows) -> None:
    with made(indexed) as gallery:
        gallery.add("Ada", rows(0))
    other = indexed.replace("?", "?index=hnsw&")
    with pytest.raises(GalleryError, match="is FLAT/IP, where HNSW/IP is wanted") as error:
        made(other)
    assert "holotype reindex" in str(error.value.remedy)
    assert reindex(other) == 1
    made(other).close()


def test_a_collection_that_was_dropped_is_made_anew_on_demand(
    client: Any, indexed: str, rows: Rows
) -> None:
    with made(indexed) as gallery:
        gallery.add("Ada", rows(0))
        client.drop_collection(collection_of(indexed))
        with pytest.raises(GalleryError, match="cannot be used"):
            asked(gallery, rows(0))
        with pytest.raises(GalleryError, match="is no longer there"):
            made(indexed)
        assert reindex(indexed) == 1
        assert asked(gallery, rows(0)) == [["Ada"]]  # also for who had it open


def test_an_index_that_has_lost_something(client: Any, indexed: str, rows: Rows) -> None:
    with made(indexed) as gallery:
        for number in range(4):
            gallery.add(f"{number}", rows(number))
        assert gallery.check().sound
        client.delete(collection_of(indexed), ids=[2])
        found = gallery.check()
        assert (found.sound, found.problems) == (False, ("the index has lost 1 of the enrolled",))
    with pytest.raises(GalleryError, match="has 4 rows, and the gallery put 5 into it"):
        existing(indexed)
    assert reindex(indexed) == 4


def test_an_older_copy_of_the_gallery(indexed: str, rows: Rows, tmp_path: Path) -> None:
    truth = Path(truth_of(indexed))
    with made(indexed) as gallery:
        gallery.add("Ada", rows(0))
        gallery.backup(tmp_path / "monday")
        gallery.add("Bob", rows(1))
    shutil.copy(tmp_path / "monday", truth)
    with pytest.raises(GalleryError, match="has not seen"):
        existing(indexed)
    assert reindex(indexed) == 1


def test_a_backup_that_is_restored_under_who_has_it_open(
    indexed: str, rows: Rows, tmp_path: Path
) -> None:
    with made(indexed) as gallery:
        gallery.add("Ada", rows(0))
        gallery.backup(tmp_path / "monday")
        gallery.add("Bob", rows(1))
        assert asked(gallery, rows(1))[0][0] == "Bob"
        restore(tmp_path / "monday", indexed, replace=True)
        with pytest.raises(GalleryError, match="of an earlier content"):
            asked(gallery, rows(1))
        with pytest.raises(GalleryError, match="not of this content"):
            existing(indexed)
        assert reindex(indexed) == 1
        assert asked(gallery, rows(1)) == [["Ada"]]


def test_a_backup_from_before_there_was_an_index(indexed: str, rows: Rows, tmp_path: Path) -> None:
    with made(truth_of(indexed)) as gallery:
        gallery.backup(tmp_path / "monday")
    with made(indexed) as gallery:
        gallery.add("Ada", rows(0))
        restore(tmp_path / "monday", indexed, replace=True)
        with pytest.raises(GalleryError, match="of an earlier content"):
            asked(gallery, rows(0))
    with pytest.raises(GalleryError, match="is not the index of this gallery"):
        reindex(indexed)


def test_no_index_is_made_anew_of_what_has_none(tmp_path: Path, rows: Rows) -> None:
    made(str(tmp_path / "desk.gallery")).add("Ada", rows(0))
    with pytest.raises(GalleryError, match="has no index"):
        reindex(tmp_path / "desk.gallery")


def test_a_file_that_can_only_be_read(indexed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made(truth_of(indexed)).close()
    monkeypatch.setattr("holotype.gallery.sqlite.may_write", lambda path: False)
    with pytest.raises(GalleryError, match="is read-only, and with an index"):
        existing(indexed)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    monkeypatch.delitem(sys.modules, "holotype.gallery.milvus", raising=False)
    with pytest.raises(MissingExtraError, match="an index in Milvus needs pymilvus") as error:
        made(f"milvus://host/desk?truth={tmp_path / 'desk.gallery'}")
    assert "[milvus]" in str(error.value.remedy)
