"""What an ONNX file says it will do, and whether that is allowed.

Allowed are the standard operators, each computed once from what came before: no operators that a
library would have to bring, no inner graphs (`If`, `Loop`, `Scan`, `SequenceMap`), so nothing
repeats, no functions, and no weights outside the file. Field numbers: `onnx.proto`, IR version 13.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from holotype.model.wire import content, fields, integers, messages, text

MAX_NODES = 20_000
_STANDARD = ("", "ai.onnx")
_MAX_RANK = 16
# No type of number is stored in less than two bits.
_MOST_VALUES_PER_BYTE = 4

# TensorProto.DataType
NUMBERS = {
    1: "float32",
    2: "uint8",
    3: "int8",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
}
# ModelProto
_GRAPH, _OPSETS, _TRAINING, _FUNCTIONS = 7, 8, 20, 25
# GraphProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _SPARSE_INITIALIZER = 1, 5, 11, 12, 15
# NodeProto
_NODE_INPUT, _NODE_OUTPUT, _OP_TYPE, _ATTRIBUTE, _DOMAIN = 1, 2, 4, 5, 7
# AttributeProto
_TENSOR, _INNER, _TENSORS, _INNERS, _SPARSE, _SPARSES = 5, 6, 10, 11, 22, 23
# TensorProto
_DIMS, _TENSOR_NAME, _EXTERNAL, _LOCATION = 1, 8, 13, 14


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. Names of absent optional inputs and outputs are left out."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Input(NamedTuple):
    """What a model asks for."""

    name: str
    dims: tuple[int | str | None, ...]  # sizes; a name or None where one is free
    number: str = "float32"  # its type of number, by numpy's name; "" for another


@dataclass(frozen=True, slots=True)
class Graph:
    """A model whose every part is allowed."""

    nodes: tuple[Node, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    opset: int = 17  # version of the standard operators


def read_graph(model: bytes) -> Graph:
    """Read and check a model; what it computes is not looked at.

    Args:
        model: the ONNX file.

    Raises:
        ValueError: it is truncated or no ONNX file, or a part of it is not allowed; the rule that
            is broken, as one clause.
    """
    graphs, opset = list[memoryview](), 1
    for number, value in fields(memoryview(model)):
        if number == _GRAPH:
            graphs.append(content(value))
        elif number == _OPSETS:
            opset = _opset(content(value)) or opset
        elif number in (_TRAINING, _FUNCTIONS):
            what = "training steps" if number == _TRAINING else "functions of its own"
            raise ValueError(f"it holds {what}; only a plain graph is allowed")
    if len(graphs) != 1:
        raise ValueError(f"it holds {len(graphs)} graphs, not one; it is no ONNX model")
    return _graph(graphs[0], opset)


def _opset(message: memoryview) -> int:
    """The version of the standard operators; 0 where the message is about others."""
    version = 0
    for number, value in fields(message):
        if number == 1 and text(value) not in _STANDARD:
            return 0
        if number == 2 and isinstance(value, int):
            version = value
    return version


def _graph(message: memoryview, opset: int) -> Graph:
    nodes: list[Node] = []
    inputs, outputs, stored = list[Input](), list[str](), set[str]()
    for number, value in fields(message):
        if number == _NODE:
            nodes.append(_node(content(value)))
            if len(nodes) > MAX_NODES:
                raise ValueError(f"it has more than {MAX_NODES:,} operations")
        elif number == _INITIALIZER:
            stored.add(_checked_tensor(content(value)))
        elif number == _SPARSE_INITIALIZER:
            raise ValueError("it holds sparse weights, whose size the file does not bound")
        elif number == _INPUT:
            inputs.append(_value(content(value)))
        elif number == _OUTPUT:
            outputs.append(_value(content(value)).name)
    # Before IR version 4, weights stood among the inputs as well.
    asked = tuple(value for value in inputs if value.name not in stored)
    return Graph(tuple(nodes), asked, tuple(outputs), opset)


def _node(message: memoryview) -> Node:
    operator = domain = ""
    inputs, outputs, attributes = [], [], []
    for number, value in fields(message):
        if number == _OP_TYPE:
            operator = text(value)
        elif number == _DOMAIN:
            domain = text(value)
        elif number == _NODE_INPUT:
            inputs.append(text(value))
        elif number == _NODE_OUTPUT:
            outputs.append(text(value))
        elif number == _ATTRIBUTE:
            attributes.append(content(value))
    if domain not in _STANDARD:
        raise ValueError(
            f"operator {operator[:80]!r} is of domain {domain[:80]!r}; only the standard operators "
            "of ONNX are allowed"
        )
    for attribute in attributes:
        _check_attribute(operator, attribute)
    return Node(operator, tuple(filter(None, inputs)), tuple(filter(None, outputs)))


def _check_attribute(operator: str, message: memoryview) -> None:
    tensors = []
    for number, value in fields(message):
        if number in (_INNER, _INNERS):
            raise ValueError(
                f"operator {operator[:80]!r} runs a graph of its own; loops and branches are not "
                "allowed"
            )
        if number in (_SPARSE, _SPARSES):
            raise ValueError("it holds sparse weights, whose size the file does not bound")
        if number in (_TENSOR, _TENSORS):
            tensors.append(content(value))
        if number == _TENSOR and len(tensors) > 1:
            raise ValueError("an attribute has two values")
    for tensor in tensors:
        _checked_tensor(tensor)


def _checked_tensor(message: memoryview) -> str:
    """The name of a tensor that lies in the file, whole."""
    name, dims = "", list[int]()
    for number, value in fields(message):
        if number == _TENSOR_NAME:
            name = text(value)
        elif number == _DIMS:
            dims.extend(integers(value))
        elif number == _EXTERNAL or (number == _LOCATION and value):
            raise ValueError("it names another file as its weights; they must lie in the model")
        if len(dims) > _MAX_RANK:
            raise ValueError(f"weights have more than {_MAX_RANK} dimensions")
    if min(dims, default=0) < 0 or math.prod(dims) > _MOST_VALUES_PER_BYTE * len(message):
        raise ValueError(
            f"the weights {name[:80]!r} declare {dims} values and hold {len(message):,} bytes"
        )
    return name


def _value(message: memoryview) -> Input:
    """Name, dimensions and type of an input or output, as declared; none where no shape is."""
    name = next((text(value) for number, value in fields(message) if number == 1), "")
    dims: list[int | str | None] = []
    # ValueInfoProto.type (2), TypeProto.tensor_type (1), Tensor.shape (2), TensorShapeProto.dim (1)
    for dim in _nested(message, (2, 1, 2, 1)):
        size: int | str | None = None
        for number, value in fields(dim):
            if number == 1 and isinstance(value, int):
                size = value
            elif number == 2:
                size = text(value) or None
        dims.append(size)
    kinds = [
        value
        for tensor in _nested(message, (2, 1))
        for number, value in fields(tensor)
        if number == 1 and isinstance(value, int)
    ]
    return Input(name, tuple(dims), NUMBERS.get(kinds[0], "") if kinds else "")


def _nested(message: memoryview, path: tuple[int, ...]) -> Iterator[memoryview]:
    if not path:
        yield message
        return
    for inner in messages(message, path[0]):
        yield from _nested(inner, path[1:])
