"""Texts are cut into pieces, and what is none is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holotype.domains.texts.reading import Read, Reader, Reading, fed
from holotype.errors import PackError, TextError
from holotype.preprocessing import TensorInput
from toy_texts import MARKS, WORDS, toy_tokenizer

PIECES = 8
NUMBER = {word: number for number, word in enumerate((*MARKS, *WORDS))}
UNKNOWN, BEGIN, END = (NUMBER[mark] for mark in ("[UNK]", "[CLS]", "[SEP]"))


def reader(pieces: int = PIECES, language: str | None = "English") -> Reader:
    return Reader(toy_tokenizer(), Reading("0" * 64, pieces, language))


def codes(read: Read) -> list[str]:
    return [reason.code for reason in read.doubts]


def test_a_text_is_its_pieces_between_two_marks_whatever_white_space_parts_them() -> None:
    said = [BEGIN, *(NUMBER[word] for word in ("cancel", "my", "order", "##s", "!")), END]
    for text in (
        "Cancel my ORDERS!",
        "  cancel\n\tmy orders !\u2003",
        b"\xef\xbb\xbfcancel my orders!",
    ):
        read = reader().read(text)
        assert (read.ids.tolist(), read.doubts) == (said, ())


def test_of_a_long_text_the_first_pieces_are_read_and_that_is_said() -> None:
    read = reader().read("cancel my order " * 30_000)
    assert len(read.ids) == PIECES
    assert (read.ids[0], read.ids[-1]) == (BEGIN, END)
    (reason,) = read.doubts
    assert reason.code == "text_cut"
    assert "the first 6 of its 90,000 words" in reason.text
    assert codes(reader().read("cancel my order cancel my order")) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "it is empty"),
        (" \n\t", "it is empty"),
        (b"", "it is empty"),
        ("qwertz", "knows none of its words. The model reads English"),
        ("好 的", "knows none of its words"),
        ("my \ud800 card", "no text in UTF-8"),
        (b"\xff\xfem\x00y\x00", r"no text in UTF-8 \(its byte 1 is none\)"),
        (b"m\0y\0", "the character NUL"),
        (np.zeros((8, 8)), "it is not a text, and the model reads texts"),
        (3, "it is not a text"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_named(source: object, said: str) -> None:
    with pytest.raises(TextError, match=said):
        reader().read(source)  # type: ignore[arg-type]


def test_the_name_of_a_file_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("order.txt").write_text("where is my order\n")
    with pytest.raises(TextError, match=r"'order\.txt': this is the name of a file"):
        reader().read("order.txt")
    assert len(reader().read(Path("order.txt")).ids) == 6
    Path("order.txt").write_text("cancel my order\n\nwhere is it\n")
    with pytest.raises(TextError, match="has 2 lines, each of them a text"):
        reader().read(Path("order.txt"))
    assert codes(reader().read("order!")) == []


def test_words_that_the_model_does_not_know_are_doubted() -> None:
    assert codes(reader().read("cancel my qwertz")) == []
    (reason,) = reader().read("qwertz my uiopa").doubts
    assert reason.code == "unknown_words"
    assert reason.text.endswith("The model reads English")


def test_letters_of_other_languages_are_doubted_where_a_language_is_named() -> None:
    strange = "the card é is é new é"
    assert codes(reader(16).read(strange)) == ["unknown_words"]
    assert codes(reader(16).read("the card is new")) == []
    # Three of seven pieces are unknown: that is doubted of any model.
    assert codes(reader(16, None).read(strange)) == ["unknown_words"]
    assert codes(reader(16, None).read("the card is é")) == []


def test_a_broken_tokenizer_is_named_when_it_is_asked() -> None:
    broken = Reader(b'{"version": "1.0"}', Reading("0" * 64, PIECES))
    with pytest.raises(PackError, match=r"tokenizer.json of the pack cannot be read"):
        broken.read("cancel")


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = reader().read(text)
    except TextError:
        return
    assert 2 < len(read.ids) <= PIECES
    assert read.ids.min() >= 0
    assert read.ids.max() < len(NUMBER)


def test_shorter_texts_are_filled_up_behind_a_mask() -> None:
    texts = [np.array([2, 5, 3]), np.array([2, 3])]
    inputs = [
        TensorInput(name, "int32", ("batch", "pieces"))
        for name in ("input_ids", "attention_mask", "token_type_ids", "position_ids")
    ]
    given = fed(texts, inputs)
    assert {values.dtype for values in given.values()} == {np.dtype("int32")}
    assert given["input_ids"].tolist() == [[2, 5, 3], [2, 3, 0]]
    assert given["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert given["token_type_ids"].tolist() == [[0, 0, 0], [0, 0, 0]]
    assert given["position_ids"].tolist() == [[0, 1, 2], [0, 1, 2]]
    fixed = fed(texts, [TensorInput("ids", "int64", ("batch", 5))])
    assert fixed["ids"].shape == (2, 5)
