"""How many numbers a model has learned."""

from __future__ import annotations

import math

import onnx

from holotype.pack import Pack
from holotype.train.method import Method


def method_parameters(method: Method) -> int:
    """Those that answer episodes: a classifier of the background classes is left behind."""
    return sum(
        parameter.numel()
        for name, parameter in method.named_parameters()
        if not name.startswith("objective.")
    )


def pack_parameters(pack: Pack) -> int:
    """Those of its model: weights and biases, not the constants of the graph."""
    graph = onnx.load_from_string(pack.model()).graph
    floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
    return sum(math.prod(item.dims) for item in graph.initializer if item.data_type in floats)
