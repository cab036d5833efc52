from __future__ import annotations

import sqlite3
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import LabelError
from holotype.gallery import Addition
from holotype.gallery.labels import _is_visible, check_label


@pytest.mark.parametrize("label", ["", "   ", "\u3000", "a\nb", "a\x00b", "\x7f", "\x85", "\ud800"])
def test_refused(label: str) -> None:
    with pytest.raises(LabelError):
        check_label(label)


def test_a_message_is_short_and_escaped() -> None:
    with pytest.raises(LabelError, match=r"at most 200 characters; .* has 100000") as caught:
        check_label("x" * 100_000)
    assert len(str(caught.value)) < 200
    with pytest.raises(LabelError, match=r"U\+001B at position 0") as caught:
        check_label("\x1b[31mred")
    assert "\x1b" not in str(caught.value)


def test_not_text() -> None:
    with pytest.raises(LabelError, match="of type int"):
        check_label(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "label", ["x.png", "'; DROP TABLE identities; --", "<b>", " a", "a ", "x" * 200, "👩‍🔬" * 66]
)
def test_accepted_verbatim(label: str) -> None:
    assert check_label(label) == label


@given(st.text(max_size=220))
@settings(deadline=None, max_examples=200)
def test_the_rule(label: str) -> None:
    good = (
        any(_is_visible(c) or unicodedata.category(c) in ("Cc", "Cs") for c in label)
        and len(unicodedata.normalize("NFC", label)) <= 200
        and not any(unicodedata.category(c) in ("Cc", "Cs") for c in label)
    )
    try:
        assert check_label(label) == unicodedata.normalize("NFC", label)
    except LabelError:
        assert not good
    else:
        assert good


@pytest.mark.parametrize(
    "label", ["\u200b", "\u2060\ufeff", "\u3164", "\u2800", "\u0301", "\u202e "]
)
def test_a_label_that_nobody_can_see_is_refused(label: str) -> None:
    with pytest.raises(LabelError, match="visible character"):
        check_label(label)


COMPOSED, APART = "Jos\u00e9", "Jose\u0301"


def test_one_name_in_two_unicode_forms_is_one(gallery, rows) -> None:
    assert gallery.add(COMPOSED, rows(1)) == 1
    assert gallery.add(APART, rows(2)) == 2
    assert gallery.labels() == {COMPOSED: 2}
    assert gallery.remove(APART).examples == 2
    assert gallery.labels() == {}


def test_in_a_gallery_that_holds_both_forms_both_are_forgotten(gallery, path, rows) -> None:
    gallery.add(COMPOSED, rows(1))
    gallery.add("other", rows(2))
    with sqlite3.connect(path) as connection:  # as earlier versions stored it
        connection.execute("UPDATE identities SET label = ? WHERE label = 'other'", (APART,))
    connection.close()
    assert gallery.remove(COMPOSED).examples == 2
    assert gallery.labels() == {}
    assert gallery.snapshot().labels == ()


def test_an_older_gallery_finds_a_name_in_the_other_form(gallery, path, rows) -> None:
    gallery.add("other", rows(2))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE identities SET label = ?", (APART,))
    connection.close()
    assert gallery.add(COMPOSED, rows(3)) == 2
    assert len(gallery.labels()) == 1


def test_an_import_finds_a_name_in_the_other_form(gallery, path, rows, tmp_path) -> None:
    gallery.add(COMPOSED, rows(1))
    gallery.export(tmp_path / "out")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE identities SET label = ?", (APART,))
    connection.close()
    assert type(gallery).take_in(tmp_path / "out", path).already == 1
    assert len(gallery.labels()) == 1
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE identities SET uuid = 'another'")
    connection.close()
    with pytest.raises(LabelError, match="another identity"):
        type(gallery).take_in(tmp_path / "out", path)


def test_the_other_forms_are_looked_for_once_in_a_change(gallery, rows, monkeypatch) -> None:
    """Else each label that is not ASCII would cost as much as all that are there."""
    gallery.add(COMPOSED, rows(0))
    asked: list[str] = []
    execute = gallery._connection.execute

    def noted(statement, *values):
        asked.append(statement)
        return execute(statement, *values)

    monkeypatch.setattr(gallery._connection, "execute", noted)
    gallery.add_all([Addition(f"{COMPOSED} {number}", rows(number)) for number in range(1, 9)])
    assert sum("GLOB" in statement for statement in asked) == 1
    gallery.add(f"{COMPOSED} 9", rows(9))  # whoever else wrote in between may be of old
    assert sum("GLOB" in statement for statement in asked) == 2
