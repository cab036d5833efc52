"""A sentence encoder as ONNX: BERT, the mean over the pieces of a text, and unit length.

BERT after Devlin et al. 2019 (arXiv:1810.04805), section 3, with layer normalization behind each
sum; the mean over the pieces after Reimers and Gurevych 2019 (arXiv:1908.10084). Mask and unit
length are parts of the graph: input_ids and attention_mask int64 [batch, pieces] -> float32
[batch, D]. What a piece of the first sentence of two adds is added to the places, since there is
one sentence alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from holotype.model.graph import Input
from holotype.model.wiring import Wiring

IDS, MASK = "input_ids", "attention_mask"
_OPSET = 17
_EPSILON = 1e-12  # layer_norm_eps
_MASKED = -1e9  # of a score: the softmax makes 0 of it

Weights = Mapping[str, NDArray[np.float32]]


def sentence_network(weights: Weights, heads: int) -> bytes:
    """The ONNX file of a sentence encoder. The same weights always give the same bytes.

    Args:
        weights: of a `BertModel`, by the names that transformers gives them.
        heads: of attention in each layer.

    Raises:
        ValueError: the weights are of another network, as one clause.
    """
    try:
        return _Network(weights, heads).model()
    except KeyError as error:
        raise ValueError(f"it has no weights {error}, so it is no BERT") from error


class _Network:
    def __init__(self, weights: Weights, heads: int) -> None:
        self._weights, self._heads = weights, heads
        self._graph = Wiring(_OPSET, "text.")
        self._width = weights["embeddings.word_embeddings.weight"].shape[1]

    def model(self) -> bytes:
        graph = self._graph
        counted = graph.cast(MASK, "float32")  # [B, T]
        hidden = graph.add("Sub", graph.number(1.0), counted)
        hidden = graph.add("Mul", hidden, graph.number(_MASKED))
        hidden = graph.add("Reshape", hidden, self._sizes(0, 1, 1, -1))
        value = self._embedded()
        layer = 0
        while f"encoder.layer.{layer}.output.dense.weight" in self._weights:
            value = self._layer(value, hidden, f"encoder.layer.{layer}.")
            layer += 1
        # The mean is the sum over a length that its unit vector does not depend on.
        counted = graph.add("Reshape", counted, self._sizes(0, -1, 1))
        total = graph.reduce("ReduceSum", graph.add("Mul", value, counted), (1,))
        length = graph.add("Reshape", graph.reduce("ReduceL2", total, (1,)), self._sizes(-1, 1))
        return graph.model(
            [Input(name, ("batch", "pieces"), "int64") for name in (IDS, MASK)],
            graph.add("Div", total, length),
            ("batch", self._width),
        )

    def _embedded(self) -> str:
        graph, name = self._graph, "embeddings.{}.weight".format
        words = graph.constant(self._weights[name("word_embeddings")])
        first = self._weights[name("token_type_embeddings")][0]
        places = graph.constant(self._weights[name("position_embeddings")] + first)
        length = graph.add("Shape", IDS, start=1, end=2)
        places = graph.add("Slice", places, self._sizes(0), length, self._sizes(0))
        value = graph.add("Add", graph.add("Gather", words, IDS, axis=0), places)
        return self._normalized(value, "embeddings.")

    def _layer(self, value: str, hidden: str, name: str) -> str:
        graph = self._graph
        attended = self._attention(value, hidden, f"{name}attention.self.")
        attended = self._dense(attended, f"{name}attention.output.dense.")
        value = self._normalized(graph.add("Add", attended, value), f"{name}attention.output.")
        wide = self._dense(value, f"{name}intermediate.dense.")
        # GELU, x * P(X <= x) of a standard normal X (Hendrycks and Gimpel 2016).
        share = graph.add("Erf", graph.add("Mul", wide, graph.number(math.sqrt(0.5))))
        share = graph.add("Add", share, graph.number(1.0))
        wide = graph.add("Mul", graph.add("Mul", wide, share), graph.number(0.5))
        narrow = self._dense(wide, f"{name}output.dense.")
        return self._normalized(graph.add("Add", narrow, value), f"{name}output.")

    def _attention(self, value: str, hidden: str, name: str) -> str:
        graph, each = self._graph, self._width // self._heads
        parts = []
        straight, across = [0, 2, 1, 3], [0, 2, 3, 1]  # keys stand [B, heads, each, T]
        for part, order in (("query", straight), ("key", across), ("value", straight)):
            split = self._dense(value, f"{name}{part}.")
            split = graph.add("Reshape", split, self._sizes(0, 0, self._heads, each))
            parts.append(graph.add("Transpose", split, perm=order))
        scores = graph.add("MatMul", parts[0], parts[1])
        scores = graph.add("Mul", scores, graph.number(1 / math.sqrt(each)))
        shares = graph.add("Softmax", graph.add("Add", scores, hidden), axis=-1)
        joined = graph.add("Transpose", graph.add("MatMul", shares, parts[2]), perm=straight)
        return graph.add("Reshape", joined, self._sizes(0, 0, self._width))

    def _dense(self, value: str, name: str) -> str:
        graph = self._graph
        weights = graph.constant(np.ascontiguousarray(self._weights[f"{name}weight"].T))
        shift = graph.constant(self._weights[f"{name}bias"])
        return graph.add("Add", graph.add("MatMul", value, weights), shift)

    def _normalized(self, value: str, name: str) -> str:
        graph = self._graph
        scale, shift = (
            graph.constant(self._weights[f"{name}LayerNorm.{part}"]) for part in ("weight", "bias")
        )
        return graph.add("LayerNormalization", value, scale, shift, axis=-1, epsilon=_EPSILON)

    def _sizes(self, *sizes: int) -> str:
        return self._graph.constant(np.array(sizes, np.int64))
