from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.errors import LabelError
from holotype.gallery.labels import check_label


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
    assert check_label(label) is label


@given(st.text(max_size=220))
@settings(deadline=None, max_examples=200)
def test_the_rule(label: str) -> None:
    good = (
        bool(label.strip())
        and len(label) <= 200
        and not any(unicodedata.category(c) in ("Cc", "Cs") for c in label)
    )
    try:
        assert check_label(label) == label
    except LabelError:
        assert not good
    else:
        assert good
