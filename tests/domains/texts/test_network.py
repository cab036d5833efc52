"""The graph that is written says what the paper's formulas say."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from holotype.domains.texts.network import IDS, MASK, sentence_network
from holotype.model.graph import read_graph
from holotype.model.session import open_session
from toy_texts import HEADS, PLACES, WIDTH, reference, toy_weights

TEXTS = ([2, 5, 3], [2, 4, 5, 6, 7, 3], [2, 13, 3], list(range(PLACES)))


def run(model: bytes, texts: tuple[list[int], ...]) -> np.ndarray:
    ids = np.zeros((len(texts), max(map(len, texts))), np.int64)
    mask = np.zeros_like(ids)
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    # What is masked has no say, whatever it is.
    ids[mask == 0] = 9
    session = open_session(model, read_graph(model), {"batch": len(texts), "pieces": ids.shape[1]})
    (vectors,) = session.run(None, {IDS: ids, MASK: mask})
    return np.asarray(vectors)


def test_the_graph_computes_the_reference_however_long_the_texts_are() -> None:
    weights = toy_weights()
    model = sentence_network(weights, HEADS)
    onnx.checker.check_model(model)
    expected = np.stack([reference(weights, HEADS, text) for text in TEXTS])
    np.testing.assert_allclose(run(model, TEXTS), expected, atol=1e-5)
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(run(model, (text,))[0], expected[row], atol=1e-5)


def test_the_same_weights_give_the_same_bytes() -> None:
    assert sentence_network(toy_weights(), HEADS) == sentence_network(toy_weights(), HEADS)
    assert sentence_network(toy_weights(1), HEADS) != sentence_network(toy_weights(), HEADS)


def test_the_heads_count() -> None:
    weights = toy_weights()
    ours = run(sentence_network(weights, 2 * HEADS), TEXTS)
    theirs = np.stack([reference(weights, HEADS, text) for text in TEXTS])
    assert ours.shape == (len(TEXTS), WIDTH)
    assert np.abs(ours - theirs).max() > 1e-2


def test_weights_of_another_network_are_refused() -> None:
    weights = toy_weights()
    del weights["encoder.layer.1.attention.self.key.weight"]
    with pytest.raises(ValueError, match=r"no weights 'encoder.layer.1.attention.self.key.weight'"):
        sentence_network(weights, HEADS)
