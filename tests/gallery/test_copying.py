"""A copy from any store to any other: the same rows, and so the same decisions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

import holotype
from hanging import HANGS_S
from holotype.errors import GalleryError
from holotype.gallery import Gallery, copy, copying, enrolled_rows, existing

Rows = Callable[..., np.ndarray]
POSTGRES = pytest.param("postgres", marks=pytest.mark.servers)
BOTH = ["sqlite", POSTGRES]


@pytest.fixture
def another(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where there is nothing, in the store that the test names."""
    if request.param == "sqlite":
        return str(tmp_path / "copy.gallery")
    return f"{request.getfixturevalue('url')}_copy"


@pytest.fixture
def full(open_gallery, rows: Rows) -> Gallery:
    """A gallery with all that a gallery can have."""
    gallery = open_gallery(keep_pictures=True)
    day = enrolled_rows.today() + timedelta(days=30)
    gallery.add("Ada", rows(0, 3), pictures=[b"1", b"2", b"3"], consent="yes", retain_until=day)
    gallery.add("Bob", rows(1, 2), tags=["staff"])
    gallery.add("Zoë", rows(2))
    gallery.add("gone", rows(3))
    gallery.describe("Bob", metadata={"room": 4}, quiet=True)
    gallery.add_strangers(rows(4, 5), np.arange(5) // 2)
    facts = {"answer": "match", "similarity": 0.7, "threshold": 0.6, "rate_kind": "fpir"}
    for number, label in enumerate(("Ada", "Bob")):
        name = next(one.id for one in gallery.records() if one.label == label)
        token = gallery.snapshot().sign({**facts, "identity": name, "rate": 0.1 / 3})
        gallery.feedback(token, number == 0, strangers=rows(10 + number))
    gallery.stage("m2", 4, {1: rows(20, 1, 4)[0], 2: rows(21, 1, 4)[0]})
    gallery.merge("Zoë", "Bob")
    gallery.remove("gone")
    return gallery


def all_of(gallery: Gallery) -> list[object]:
    snapshot = gallery.snapshot()
    return [
        gallery.records(),
        gallery.examples(),
        [entry.hash for entry in gallery.audit()],
        gallery.feedbacks(),
        gallery.stranger_batches(),
        gallery.staged("m2"),
        [gallery.picture(example) for example in gallery.picture_ids()],
        gallery.last_change(),
        gallery.model_id,
        gallery.keep_pictures,
        snapshot.vectors.tobytes(),
        snapshot.strangers.vectors.tobytes(),
        snapshot.strangers.class_index.tolist(),
    ]


@pytest.mark.parametrize("another", BOTH, indirect=True)
def test_all_of_it(full: Gallery, another: str, place: Path | str, rows: Rows) -> None:
    token = full.snapshot().sign(
        {
            **{"answer": "unknown", "identity": None, "similarity": 0.1, "threshold": 0.6},
            **{"rate_kind": "fpir", "rate": 0.1},
        }
    )
    done = copy(place, another, actor="clerk")
    assert (done.identities, done.examples, done.strangers, done.kept) == (2, 6, 7, 0)
    with existing(another) as again:
        assert all_of(again) == all_of(full)
        assert (again.audit()[-1].action, again.audit()[-1].actor) == ("copy", "clerk")
        assert again.check().sound
        assert again.decision(token)["answer"] == "unknown"  # under the same key
        # Numbers that were used are not used again, nor is one that is there.
        again.add("new", rows(30))
        assert max(one.id for one in again.examples()) == 8
        again.undo()
        again.undo()  # the merge, which was made in the other
        assert set(again.labels()) == {"Ada", "Bob", "Zoë"}
        assert set(full.labels()) == {"Ada", "Bob"}


@pytest.mark.parametrize("another", BOTH, indirect=True)
def test_a_copy_is_written_over_nothing(full: Gallery, another: str, place: Path | str) -> None:
    copy(place, another)
    with pytest.raises(GalleryError, match="never written over"):
        copy(place, another)
    with pytest.raises(GalleryError, match="there is no gallery"):
        copy(f"{place}_none", f"{another}_2")


def killed(place: Path | str, another: str, after: int) -> None:
    """A copy that is killed after so many pages."""
    code = f"""
import os, sys
from holotype.gallery import copying
copying._ROWS, insert, pages = 20, copying._insert, []
def counted(*arguments):
    pages.append(insert(*arguments))
    if len(pages) == {after}:
        os.kill(os.getpid(), 9)
copying._insert = counted
copying.copy(sys.argv[1], sys.argv[2])
"""
    command = [sys.executable, "-c", code, str(place), another]
    assert subprocess.run(command, timeout=HANGS_S, check=False).returncode == -9


@pytest.mark.parametrize("another", BOTH, indirect=True)
def test_killed_twice_while_the_gallery_is_in_use(
    full: Gallery, another: str, place: Path | str, rows: Rows, monkeypatch
) -> None:
    for number in range(60):
        full.add(f"{number}", rows(100 + number, 2))
    killed(place, another, 5)
    with pytest.raises(GalleryError, match=r"no gallery|Run the same"):
        existing(another)
    full.add("later", rows(300))
    full.remove("3")
    full.rename("4", "5000")
    full.merge("6", "7")
    full.move(next(one.id for one in full.examples("8")), "9")
    killed(place, another, 4)
    full.undo()
    monkeypatch.setattr(copying, "_ROWS", 20)
    done = copy(place, another)
    assert done.kept > 50
    with existing(another) as again:
        assert all_of(again) == all_of(full)
        assert again.check().sound


@pytest.mark.parametrize("another", BOTH, indirect=True)
def test_it_decides_the_same(engine: str, place: Path | str, another: str) -> None:
    drawn = np.random.default_rng(0).standard_normal((60, 32))
    probes = np.vstack([drawn + 0.3, np.random.default_rng(1).standard_normal((40, 32))])
    with holotype.open(place, dim=32) as desk:
        for number, vector in enumerate(drawn):
            desk.enroll(f"{number}", vectors=vector)
        copy(place, another)
        with holotype.open(another) as again:
            for probe in probes:
                one, other = (opened.identify(vectors=probe, fpir=0.1) for opened in (desk, again))
                assert (one.answer, one.label) == (other.answer, other.label)
                assert one.threshold == other.threshold
                assert one.similarity == pytest.approx(other.similarity, abs=1e-6)


@pytest.mark.parametrize("another", [POSTGRES], indirect=True)
def test_a_difference_ends_it(full: Gallery, another: str, place: Path | str, monkeypatch) -> None:
    insert = copying._insert

    def altered(target, table, names, rows) -> None:
        if table == "examples":
            rows = [
                tuple(
                    b"\0" * 32 if name == "vector" else value
                    for name, value in zip(names, row, strict=True)
                )
                for row in rows
            ]
        insert(target, table, names, rows)

    monkeypatch.setattr(copying, "_insert", altered)
    with pytest.raises(GalleryError, match="differs from the gallery in the table examples"):
        copy(place, another)
    monkeypatch.undo()
    copy(place, another)  # which mends it
    with existing(another) as again:
        assert all_of(again) == all_of(full)
