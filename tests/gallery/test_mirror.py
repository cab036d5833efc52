"""What a process has in memory of a gallery is what the gallery holds, however seldom it looks."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery_users import DIM, Hands, state
from holotype.errors import GalleryError
from holotype.gallery import SqliteGallery, restore

CHANGES = (
    *("enroll", "more", "rename", "merge", "move", "describe", "calibrate", "feedback", "lesson"),
    *("pictures", "forget", "forget_example", "uncalibrate", "take_back", "undo"),
)


def statements_of(gallery: SqliteGallery) -> list[str]:
    """All that its connection is asked from now on."""
    found: list[str] = []
    gallery._connection.set_trace_callback(found.append)
    return found


@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(st.sampled_from(CHANGES), st.booleans()), min_size=4, max_size=24),
)
@settings(deadline=None, max_examples=60)
def test_who_looks_seldom_sees_what_who_opens_it_sees(tmp_path_factory, seed: int, steps) -> None:
    path = tmp_path_factory.mktemp("seldom") / "g"
    with (
        SqliteGallery.open(path, "m", DIM, model_name="m", keep_pictures=True) as gallery,
        SqliteGallery.existing(path) as other,
    ):
        hands = Hands(gallery, seed)
        for name, look in ((("enroll", False),) * 3) + (*steps, ("enroll", True)):
            hands.try_to(name)
            if look:
                with SqliteGallery.existing(path) as fresh:
                    assert state(other) == state(gallery) == state(fresh)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("change", ["forget", "forget_example", "rename", "merge", "move"])
def test_only_whom_the_trail_names_is_read_again(open_gallery, rows, change: str) -> None:
    gallery, other = open_gallery(), open_gallery()
    for number in range(5):
        gallery.add(f"label {number}", rows(number, 2), tags=["staff"])
    gallery.snapshot()
    getattr(Hands(other, 0), change)()
    statements = statements_of(gallery)
    with open_gallery() as fresh:
        assert state(gallery) == state(fresh)
    again = [one for one in statements if "examples_by_identity" in one or "id > 0" in one]
    assert again == []


@pytest.mark.usefixtures("path")
def test_after_many_changes_all_are_looked_at_again(open_gallery, rows) -> None:
    gallery, other = open_gallery(), open_gallery()
    other.add("a", rows(0))
    other.add("b", rows(1))
    gallery.snapshot()
    for number in range(101):
        other.rename("b" if number % 2 == 0 else "c", "c" if number % 2 == 0 else "b")
    other.remove("a")
    statements = statements_of(gallery)
    assert gallery.snapshot().labels == ("c",)
    assert any("examples_by_identity" in one for one in statements)


def test_a_backup_in_its_place_may_use_numbers_again(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    gallery.add("a", rows(0))
    gallery.backup(path.with_name("copy"))
    gallery.add("b", rows(1))
    before = gallery.snapshot()
    restore(path.with_name("copy"), path, replace=True)
    with open_gallery() as other:
        other.add("c", rows(2))
    after = gallery.snapshot()
    assert (after.labels, after.examples.tolist()) == (("a", "c"), before.examples.tolist())
    assert after.loaded != before.loaded  # example 2 is another one


def test_an_example_of_nobody_is_damage(path: Path, open_gallery, rows) -> None:
    gallery = open_gallery()
    gallery.add("a", rows(0))
    gallery.add("b", rows(1))
    gallery.snapshot()
    with open_gallery() as other:
        other.rename("a", "c")
        other.undo()  # then all are looked at
    connection = sqlite3.connect(path)
    connection.execute("UPDATE examples SET identity = 9 WHERE id = 1")
    connection.commit()
    connection.close()
    with pytest.raises(GalleryError, match="not as it was stored"):
        gallery.snapshot()
