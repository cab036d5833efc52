"""The coded search answers as a comparison with every row does, whatever the vectors."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype import exact_search
from holotype.exact_search import ExactSearch
from holotype.gallery import Snapshot
from holotype.gallery.snapshot import Strangers
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.openset.impostors import difference
from holotype.recognizer import state
from holotype.stats.scoring import Floats, top_k, unit


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a gallery of a million has them, with some thousand rows."""
    monkeypatch.setattr(exact_search, "_BLOCK_BYTES", 2**14)
    monkeypatch.setattr(exact_search, "_MOST_REST", 300)
    monkeypatch.setattr(exact_search, "_MOST_SCORES", 2**14)


def by_all(vectors: Floats, probes: Floats, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Every inner product, in float64, rounded to float32 once."""
    exact = vectors.astype(np.float64)
    similarity = [(exact * probe).sum(axis=1).astype(np.float32) for probe in probes]
    found = np.array([top_k(row, k) for row in similarity])
    return found, np.take_along_axis(np.array(similarity), found, axis=1)


def drawn(kind: str, count: int, dim: int, seed: int) -> Floats:
    draw = np.random.default_rng(seed)
    vectors = draw.standard_normal((count, dim))
    if kind == "one bunch":
        vectors = 1 + 1e-4 * vectors
    elif kind == "a few numbers large":
        vectors *= 10.0 ** draw.integers(-6, 1, dim)
    elif kind == "one number each":
        vectors = np.eye(dim)[draw.integers(dim, size=count)]
    elif kind == "twins":
        vectors = vectors[draw.integers(max(1, count // 8), size=count)]
    elif kind == "neighbors":  # one step of float32 from one another
        vectors = np.repeat(unit(vectors[:1]), count, axis=0)
        vectors = np.nextafter(vectors, draw.choice([-1, 1], vectors.shape).astype(np.float32))
    if kind in ("tiny", "huge"):
        return (vectors * (1e-25 if kind == "tiny" else 1e15)).astype(np.float32)
    return vectors.astype(np.float32) if kind == "neighbors" else unit(vectors)


KINDS = (
    *("random", "one bunch", "a few numbers large", "one number each", "twins", "neighbors"),
    *("tiny", "huge"),
)


@given(
    st.sampled_from(KINDS),
    st.integers(1, 1200),
    st.sampled_from([1, 2, 7, 64, 193]),
    st.integers(1, 6),
    st.integers(0, 999),
)
@settings(deadline=None, max_examples=60)
def test_it_answers_as_a_comparison_with_all(
    kind: str, count: int, dim: int, k: int, seed: int
) -> None:
    vectors = drawn(kind, count, dim, seed)
    probes = np.vstack([vectors[:3], drawn(kind, 3, dim, seed + 1), drawn("random", 3, dim, seed)])
    probes = np.vstack([probes, probes[:1] / 2, np.zeros((1, dim), np.float32)])
    k = min(k, count)
    found, similarity = ExactSearch(vectors).nearest(probes, k)
    expected, values = by_all(vectors, probes, k)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(similarity, values)


@given(
    st.lists(st.tuples(st.sampled_from(["enroll", "forget", "change"]), st.integers(1, 400))),
    st.integers(0, 999),
)
@settings(deadline=None, max_examples=30)
def test_following_answers_as_the_next_state(steps: list[tuple[str, int]], seed: int) -> None:
    draw = np.random.default_rng(seed)
    keys, vectors = list(range(1500)), drawn("random", 1500, 64, seed)
    probes = drawn("random", 3, 64, seed + 1)
    search = ExactSearch(vectors)
    for step, count in steps:
        search.nearest(probes[:1], 1)  # what is not coded need not follow
        before = keys, vectors
        if step == "enroll":
            keys = [*keys, *range(max(keys, default=0) + 1, max(keys, default=0) + 1 + count)]
            vectors = np.vstack([vectors, drawn("random", count, 64, int(draw.integers(999)))])
        elif step == "forget" and count < len(keys):
            kept = np.sort(draw.permutation(len(keys))[count:])
            keys, vectors = [keys[at] for at in kept], vectors[kept]
        elif step == "change":
            vectors = vectors.copy()
            at = draw.integers(len(keys), size=count)
            vectors[at] = drawn("random", count, 64, int(draw.integers(999)))
        search = search.follow(vectors, difference(*before, keys, vectors))
        found, similarity = search.nearest(probes, 3)
        expected, values = by_all(vectors, probes, 3)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(similarity, values)


def test_a_change_codes_what_changed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    coded = []
    of = exact_search._Block.of.__func__
    monkeypatch.setattr(
        exact_search._Block,
        "of",
        classmethod(lambda cls, vectors, rows: coded.append(len(rows)) or of(cls, vectors, rows)),
    )
    vectors = drawn("random", 2050, 64, 0)
    search = ExactSearch(vectors[:2000])
    search.nearest(vectors[:1], 1)
    assert sum(coded) == 2000 // 256 * 256
    coded.clear()
    changes = np.arange(2000), np.arange(2000, 2050)
    search.follow(vectors, changes).nearest(vectors[:1], 1)
    assert coded == []


def test_no_more_numbers_of_rows_are_held_than_it_needs() -> None:
    search = ExactSearch(drawn("random", 2050, 64, 0))
    search.nearest(drawn("random", 1, 64, 1), 1)
    blocks, rest = search._coded()
    assert len(rest) == 2050 % 256
    assert rest.base is None
    assert {block.rows.dtype for block in blocks} == {np.dtype(np.int32)}


def test_vectors_may_be_mapped_from_a_file(tmp_path: Path) -> None:
    vectors, probes = drawn("random", 2000, 64, 0), drawn("random", 5, 64, 1)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    for mine, theirs in zip(
        ExactSearch(mapped).nearest(probes, 2), by_all(vectors, probes, 2), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_made_by_fork_searches_too() -> None:
    vectors, probes = drawn("random", 2000, 64, 0), drawn("random", 5, 64, 1)
    search = ExactSearch(vectors)
    expected = search.nearest(probes, 2)[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(search.nearest(probes, 2)[0], expected) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def snapshot_of(vectors: Floats) -> Snapshot:
    names = tuple(map(str, range(len(vectors))))
    nobody = Strangers(0, np.empty((0, vectors.shape[1]), np.float32), np.empty(0, np.int64))
    return Snapshot(0, names, names, vectors, np.arange(len(vectors)), nobody)


def test_a_large_gallery_is_searched_so_and_decides_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "SMALLEST", 1000)
    vectors = drawn("random", 1401, 64, 0)
    model = CohortModel.of(Cohort.none(64))
    probes = unit(vectors[::40] + 0.05 * np.random.default_rng(1).standard_normal((36, 64)))
    probes = np.vstack([probes, drawn("random", 40, 64, 2)])
    assert state.State.of(snapshot_of(vectors[:900]), model, None).matcher.search is None
    here = state.State.of(snapshot_of(vectors[:1400]), model, None)
    for found in (here, state.State.of(snapshot_of(vectors), model, here)):
        assert found.matcher.search is not None
        plain = Matcher.of(model, found.matcher.prototypes, keys=found.snapshot.identities)
        mine, theirs = (each.match(probes, 0.05) for each in (found.matcher, plain))
        assert mine.match.sum() > 30
        np.testing.assert_array_equal(mine.match, theirs.match)
        np.testing.assert_array_equal(mine.compared.candidates, theirs.compared.candidates)
        np.testing.assert_allclose(
            mine.compared.similarity, theirs.compared.similarity, atol=1e-6, rtol=0
        )
