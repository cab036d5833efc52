"""A state that was followed change by change is the one that is made at once, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts import cohort_of, gallery_of
from gallery_users import DIM, Hands
from holotype.gallery import Addition, Snapshot, SqliteGallery, restore
from holotype.openset import CohortModel
from holotype.recognizer.state import State, changes_between

MODEL = CohortModel.of(cohort_of(60, 4, seed=0, dim=DIM, spread=0.5))
CHANGES = (
    *("enroll", "more", "rename", "merge", "move", "calibrate", "feedback", "lesson"),
    *("forget", "forget_example", "uncalibrate", "take_back", "undo"),
)


def require_same(one: State, other: State) -> None:
    for name in ("prototypes", "examples"):
        np.testing.assert_array_equal(getattr(one.matcher, name), getattr(other.matcher, name))
    mine, theirs = one.matcher.evidence, other.matcher.evidence
    np.testing.assert_array_equal(mine.enrolled.exemplars, theirs.enrolled.exemplars)
    np.testing.assert_array_equal(mine.enrolled.best, theirs.enrolled.best)
    np.testing.assert_array_equal(mine.impostors.cohort.best, theirs.impostors.cohort.best)
    np.testing.assert_array_equal(mine.impostors.site.best, theirs.impostors.site.best)
    for rate in (0.3, 0.05):
        found = [state.matcher.threshold(rate).values for state in (one, other)]
        np.testing.assert_array_equal(*found)


@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(st.sampled_from(CHANGES), st.booleans()), min_size=4, max_size=24),
    st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_followed_it_is_as_made_at_once(tmp_path_factory, seed: int, steps, single: bool) -> None:
    path = tmp_path_factory.mktemp("state") / "g"
    with SqliteGallery.open(path, "m", DIM, model_name="m") as gallery:
        vectors = gallery_of(20, seed=seed % 1000, dim=DIM)
        gallery.add_all(
            [
                Addition(f"{number}", vectors[number : number + 1 + number % (1 if single else 3)])
                for number in range(17)
            ]
        )
        hands, state = Hands(gallery, seed), State.of(gallery.snapshot(), MODEL, None)
        for name, look in (*steps, ("enroll", True)):
            hands.try_to(name)
            if look:
                snapshot = gallery.snapshot()
                if state.labels and snapshot.labels:
                    assert changes_between(state.snapshot, snapshot) is not None
                state = State.of(snapshot, MODEL, state)
                require_same(state, State.of(snapshot, MODEL, None))


def enrolled(gallery: SqliteGallery, before: Snapshot) -> tuple[list[int], list[int]]:
    found = changes_between(before, gallery.snapshot())
    assert found is not None
    return found[0].tolist(), found[1].tolist()


def test_who_differs_is_told_by_the_examples(tmp_path) -> None:
    vectors = gallery_of(9, seed=1, dim=DIM)
    with SqliteGallery.open(tmp_path / "g", "m", DIM, model_name="m") as gallery:
        for at, label in enumerate("abcd"):
            gallery.add(label, vectors[2 * at : 2 * at + 2])
        before = gallery.snapshot()
        gallery.rename("a", "e")
        assert enrolled(gallery, before) == ([0, 1, 2, 3], [])
        gallery.add("f", vectors[8:])
        assert enrolled(gallery, before) == ([0, 1, 2, 3], [4])
        gallery.remove("b")
        assert enrolled(gallery, before) == ([0, -1, 1, 2], [3])
        gallery.move(int(before.examples[-1]), "e")  # from d
        assert enrolled(gallery, before) == ([-1, -1, 1, -1], [0, 2, 3])


@pytest.mark.parametrize("change", ["nobody before", "nobody now", "another file"])
def test_where_examples_do_not_tell_all_is_compared(tmp_path, change: str) -> None:
    path, vectors = tmp_path / "g", gallery_of(4, seed=2, dim=DIM)
    with SqliteGallery.open(path, "m", DIM, model_name="m") as gallery:
        if change == "nobody before":
            before = gallery.snapshot()
            gallery.add("a", vectors[:2])
        else:
            gallery.add("a", vectors[:2])
            gallery.backup(tmp_path / "copy")
            gallery.add("b", vectors[2:3])
            before = gallery.snapshot()
        if change == "nobody now":
            gallery.remove("a")
            gallery.remove("b")
        if change == "another file":
            restore(tmp_path / "copy", path, replace=True)
            gallery.add("b", vectors[3:])  # it gets the number of the other
        after = gallery.snapshot()
    assert changes_between(before, after) is None
    state = State.of(after, MODEL, State.of(before, MODEL, None))
    np.testing.assert_array_equal(
        state.matcher.prototypes, State.of(after, MODEL, None).matcher.prototypes
    )
