"""A network and what stands around it, made one graph: so that serving stays one call.

Networks differ in how they want pictures and in what they give. What lies between that and
"float32 pictures in, one vector out" is added to the graph itself, as standard operators; what the
chosen answer does not need is left out. The file is edited as the protocol buffer that it is, since
the base install has no `onnx`. Field numbers: `onnx.proto`, IR version 13.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.model.graph import NUMBERS, Graph, Input, read_graph
from holotype.model.wire import content, field, fields, messages, tagged, text

# ModelProto
_IR, _GRAPH, _OPSETS = 1, 7, 8
# GraphProto
_NODE, _GRAPH_NAME, _INITIALIZER, _INPUT, _OUTPUT, _VALUE = 1, 2, 5, 11, 12, 13
# TensorProto
_DIMS, _TYPE, _NAME, _RAW, _EXTERNAL, _LOCATION = 1, 2, 8, 9, 13, 14
_MADE_IR = 8  # of models that are written here: what opset 17 came with
_OLDEST_IR = 4  # the first in which weights need not stand among the inputs
_CODES = {name: code for code, name in NUMBERS.items()}


class Wiring:
    """Operators to be added to a graph, in the order of their computation.

    Args:
        opset: of the graph: some operators changed how they are told their axes.
        prefix: of all names that are made here, which no name of the graph may begin with.
    """

    def __init__(self, opset: int, prefix: str) -> None:
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self._opset, self._prefix = opset, prefix

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """An operator; its output's name, made up unless it is given."""
        output = output or f"{self._prefix}{len(self.nodes)}"
        node = b"".join(field(1, name.encode()) for name in inputs)
        node += field(2, output.encode()) + field(4, operator.encode())
        for name, value in attributes.items():
            node += field(5, _attribute(name, value))
        self.nodes.append(node)
        return output

    def constant(self, values: NDArray[np.generic]) -> str:
        """A constant; its name."""
        name = f"{self._prefix}constant{len(self.constants)}"
        self.constants.append(_tensor(name, values))
        return name

    def number(self, value: float) -> str:
        """A constant of one float32."""
        return self.constant(np.array(value, np.float32))

    def cast(self, value: str, number: str, output: str = "") -> str:
        """A value as another type of number, by numpy's name."""
        return self.add("Cast", value, output=output, to=_CODES[number])

    def reduce(self, operator: str, value: str, axes: Sequence[int]) -> str:
        """`ReduceSum`, `ReduceMean` or `ReduceMax` over axes that are dropped."""
        since = 13 if operator == "ReduceSum" else 18
        if self._opset < since:
            return self.add(operator, value, axes=list(axes), keepdims=0)
        told = self.constant(np.array(axes, np.int64))
        return self.add(operator, value, told, keepdims=0)

    def model(
        self,
        inputs: Sequence[Input],
        output: str,
        dims: Sequence[int | str],
        number: str = "float32",
    ) -> bytes:
        """A model of these operators alone.

        Args:
            inputs: of it.
            output: the value that it answers with.
            dims: of that value.
            number: its type of number, by numpy's name.
        """
        graph = b"".join(tagged(_NODE, node) for node in self.nodes)
        graph += field(_GRAPH_NAME, b"graph")
        graph += b"".join(tagged(_INITIALIZER, constant) for constant in self.constants)
        for one in inputs:
            graph += tagged(_INPUT, _value(one.name, one.number, one.dims))
        graph += tagged(_OUTPUT, _value(output, number, dims))
        opset = field(1, b"") + field(2, self._opset)
        return field(_IR, _MADE_IR) + tagged(_GRAPH, graph) + field(_OPSETS, opset)


def rewired(
    model: bytes,
    *,
    before: Wiring,
    after: Wiring,
    inputs: Sequence[Input],
    output: str,
    dims: Sequence[int | str],
) -> bytes:
    """A model with operators before and after it, and without what its answer does not need.

    Args:
        model: the ONNX file, which `read_graph` accepts.
        before: operators that make the model's inputs of the new ones.
        after: operators that make the answer of the model's outputs.
        inputs: of the new model.
        output: the value that it answers with, float32.
        dims: of that value.
    """
    graph = read_graph(model)
    needed = {output}
    ending = _leading_to(after.nodes, needed)
    kept = set[int]()
    for row in range(len(graph.nodes) - 1, -1, -1):
        if needed.intersection(graph.nodes[row].outputs):
            kept.add(row)
            needed.update(graph.nodes[row].inputs)
    beginning = _leading_to(before.nodes, needed)
    (message,) = messages(memoryview(model), _GRAPH)
    own = {name for node in graph.nodes for name in node.outputs}
    row, inner = 0, bytearray()
    for node in beginning:
        inner += tagged(_NODE, node)
    for number, value in fields(message):
        if number == _NODE:
            if row in kept:
                inner += field(number, value)
            row += 1
        elif number == _INITIALIZER:
            if next(map(text, messages(content(value), _NAME)), "") in needed:
                inner += field(number, value)
        elif number == _VALUE:
            name = next(map(text, messages(content(value), 1)), "")
            if name in needed and name in own and name != output:
                inner += field(number, value)
        elif number not in (_INPUT, _OUTPUT):
            inner += field(number, value)
    for constant in (*before.constants, *after.constants):
        inner += tagged(_INITIALIZER, constant)
    for node in ending:
        inner += tagged(_NODE, node)
    for one in inputs:
        inner += tagged(_INPUT, _value(one.name, one.number, one.dims))
    inner += tagged(_OUTPUT, _value(output, "float32", dims))
    result = bytearray()
    for number, value in fields(memoryview(model)):
        if number == _GRAPH:
            result += tagged(number, bytes(inner))
        elif number == _IR and isinstance(value, int):
            result += field(number, max(value, _OLDEST_IR))
        else:
            result += field(number, value)
    return bytes(result)


def unused(graph: Graph, name: str) -> str:
    """A name that no value of a graph begins with."""
    taken: set[str] = {one.name for one in graph.inputs}
    for node in graph.nodes:
        taken.update(node.inputs, node.outputs)
    while any(other.startswith(name) for other in taken):
        name = f"holotype.{name}"
    return name


def with_outputs(model: bytes, names: Iterable[str]) -> bytes:
    """A model that gives some of its inner values too, whatever their shape and type."""
    graph = read_graph(model)
    added = b"".join(
        tagged(_OUTPUT, field(1, name.encode())) for name in names if name not in graph.outputs
    )
    return b"".join(
        tagged(number, bytes(content(value)) + added) if number == _GRAPH else field(number, value)
        for number, value in fields(memoryview(model))
    )


def needed_inputs(model: bytes, outputs: Iterable[str]) -> tuple[Input, ...]:
    """Those inputs of a model that some of its values depend on."""
    graph = read_graph(model)
    needed = set(outputs)
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            needed.update(node.inputs)
    return tuple(one for one in graph.inputs if one.name in needed)


def outside_files(model: bytes) -> list[str]:
    """The files beside a model that hold its weights, by the names that it gives them."""
    names = {
        where["location"]
        for graph in messages(memoryview(model), _GRAPH)
        for tensor in messages(graph, _INITIALIZER)
        if (where := _outside(tensor))
    }
    return sorted(names)


def with_weights_inside(model: bytes, read: Callable[[str, int, int | None], bytes]) -> bytes:
    """A model with all of its weights in its own file.

    Args:
        model: the ONNX file.
        read: of a file beside it so many bytes (None: all) from an offset on.

    Raises:
        ValueError: it is no ONNX file.
    """
    result = bytearray()
    for number, value in fields(memoryview(model)):
        if number != _GRAPH:
            result += field(number, value)
            continue
        inner = bytearray()
        for part, held in fields(content(value)):
            where = _outside(content(held)) if part == _INITIALIZER else None
            if where:
                length = where.get("length")
                raw = read(
                    where["location"],
                    int(where.get("offset") or 0),
                    int(length) if length else None,
                )
                told = b"".join(
                    field(at, one)
                    for at, one in fields(content(held))
                    if at not in (_EXTERNAL, _LOCATION, _RAW)
                )
                inner += tagged(part, told + tagged(_RAW, raw))
            else:
                inner += field(part, held)
        result += tagged(number, bytes(inner))
    return bytes(result)


def _outside(tensor: memoryview) -> dict[str, str] | None:
    """Where the values of a tensor lie, if not in the file: location, offset, length."""
    where, elsewhere = dict[str, str](), False
    for number, value in fields(tensor):
        if number == _EXTERNAL:
            key, told = ("".join(map(text, messages(content(value), at))) for at in (1, 2))
            where[key] = told
        elif number == _LOCATION:
            elsewhere = value == 1
    return where if elsewhere and "location" in where else None


def _leading_to(nodes: Sequence[bytes], needed: set[str]) -> list[bytes]:
    """Those of some nodes whose outputs are needed, and what they need in turn is noted."""
    kept = []
    for node in reversed(nodes):
        if needed.intersection(_strings(node, 2)):
            kept.append(node)
            needed.update(_strings(node, 1))
    return kept[::-1]


def _strings(message: bytes, number: int) -> list[str]:
    return [text(value) for value in messages(memoryview(message), number)]


def _attribute(name: str, value: Any) -> bytes:
    head = field(1, name.encode())
    if isinstance(value, float):
        return head + bytes([2 << 3 | 5]) + struct.pack("<f", value) + field(20, 1)
    if isinstance(value, int):
        return head + field(3, value % 2**64) + field(20, 2)
    return head + b"".join(field(8, one % 2**64) for one in value) + field(20, 7)


def _tensor(name: str, values: NDArray[np.generic]) -> bytes:
    told = b"".join(field(_DIMS, size) for size in values.shape)
    told += field(_TYPE, _CODES[values.dtype.name]) + field(_NAME, name.encode())
    return told + tagged(_RAW, np.ascontiguousarray(values).tobytes())


def _value(name: str, number: str, dims: Iterable[int | str | None]) -> bytes:
    shape = b"".join(
        field(1, field(1, size) if isinstance(size, int) else field(2, (size or "").encode()))
        for size in dims
    )
    tensor = field(1, _CODES[number]) + field(2, shape)
    return field(1, name.encode()) + field(2, field(1, tensor))
