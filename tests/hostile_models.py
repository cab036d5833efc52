"""Models that mean harm, each valid as far as its kind allows. [batch, 3, 8, 8] -> [batch, 192]."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

SHAPE = (3, 8, 8)


def _model(nodes: list[NodeProto], weights: list[onnx.TensorProto]) -> onnx.ModelProto:
    """What `nodes` leave in the scalar `r`, added to the flattened pictures."""
    flat = helper.make_node("Flatten", ["images"], ["flat"])
    add = helper.make_node("Add", ["flat", "r"], ["embeddings"])
    graph = helper.make_graph(
        [*nodes, flat, add],
        "hostile",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *SHAPE])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["batch", 192])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _ints(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def _sum(value: str) -> NodeProto:
    return helper.make_node("ReduceSum", [value], ["r"], keepdims=0)


def harmless() -> onnx.ModelProto:
    return _model([], [numpy_helper.from_array(np.float32(0), "r")])


def huge_constant() -> onnx.ModelProto:
    """160 GB, from eight bytes twice."""
    fill = helper.make_node("ConstantOfShape", ["s"], ["big"])
    return _model([fill, _sum("big")], [_ints("s", 200_000, 200_000)])


def huge_by_doubling() -> onnx.ModelProto:
    """Each of forty operations is harmless."""
    nodes, value = [], "flat0"
    nodes.append(helper.make_node("Flatten", ["images"], [value]))
    for i in range(40):
        nodes.append(helper.make_node("Concat", [value, value], [f"d{i}"], axis=0))
        value = f"d{i}"
    return _model([*nodes, _sum(value)], [])


def huge_by_value() -> onnx.ModelProto:
    """The size follows from the pictures, so nothing is known of it before it is computed."""
    nodes = [
        helper.make_node("ReduceMin", ["images"], ["least"], keepdims=0),
        helper.make_node("Floor", ["least"], ["zero"]),
        helper.make_node("Cast", ["zero"], ["none"], to=TensorProto.INT64),
        helper.make_node("Add", ["none", "s"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["big"]),
    ]
    return _model([*nodes, _sum("big")], [_ints("s", 200_000, 200_000)])


def huge_by_constant_value() -> onnx.ModelProto:
    """Likewise, and constant: what simplifies graphs would compute it when the model is loaded."""
    nodes = [
        helper.make_node("Exp", ["x"], ["y"]),
        helper.make_node("Cast", ["y"], ["size"], to=TensorProto.INT64),
        helper.make_node("ConstantOfShape", ["size"], ["big"]),
    ]
    return _model([*nodes, _sum("big")], [numpy_helper.from_array(np.full(2, 12, np.float32), "x")])


def endless_loop() -> onnx.ModelProto:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Identity", ["v"], ["w"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, []),
        ],
    )
    weights = [
        numpy_helper.from_array(np.array(True), "yes"),
        numpy_helper.from_array(np.float32(0), "x"),
    ]
    return _model([helper.make_node("Loop", ["", "yes", "x"], ["r"], body=body)], weights)


def hours_of_work() -> onnx.ModelProto:
    """Small in memory, and without a loop: products of matrices, one after the other."""
    nodes, value = [helper.make_node("Expand", ["zero", "s"], ["m"])], "m"
    for i in range(3000):
        nodes.append(helper.make_node("MatMul", [value, "m"], [f"m{i}"]))
        value = f"m{i}"
    # What depends on the pictures cannot be computed beforehand.
    first = helper.make_node("ReduceMean", ["images"], ["zero"], keepdims=0)
    return _model([first, *nodes, _sum(value)], [_ints("s", 2000, 2000)])


def custom_operator() -> onnx.ModelProto:
    model = _model([helper.make_node("Shell", ["images"], ["r"], domain="com.evil")], [])
    model.opset_import.append(helper.make_opsetid("com.evil", 1))
    return model


def local_function() -> onnx.ModelProto:
    model = harmless()
    function = helper.make_function(
        "local", "F", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], model.opset_import
    )
    model.functions.append(function)
    return model


def outside_weights(target: Path) -> onnx.ModelProto:
    model = harmless()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(target))
    return model


def empty_promise() -> onnx.ModelProto:
    """Weights that declare a terabyte and hold four bytes."""
    model = harmless()
    model.graph.initializer[0].dims.extend([10**6, 10**6])
    return model


def sparse() -> onnx.ModelProto:
    model = harmless()
    values = numpy_helper.from_array(np.ones(1, np.float32), "sparse")
    model.graph.sparse_initializer.append(
        helper.make_sparse_tensor(values, _ints("", 5), [10**6, 10**6])
    )
    return model


REFUSED_UNREAD: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "an endless loop": (endless_loop, "operator 'Loop' runs a graph of its own"),
    "a custom operator": (custom_operator, "'Shell' is of domain 'com.evil'"),
    "a function": (local_function, "functions of its own"),
    "outside weights": (lambda: outside_weights(Path("/etc/passwd")), "names another file"),
    "an empty promise": (empty_promise, r"declare \[1000000, 1000000\] values"),
    "sparse weights": (sparse, "sparse weights"),
}
HUGE: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "a huge constant": (huge_constant, "needs 149.0 GiB for a batch"),
    "doubling": (huge_by_doubling, "GiB for a batch"),
}
HUGE_IN_SECRET: dict[str, Callable[[], onnx.ModelProto]] = {
    "a size from the pictures": huge_by_value,
    "a size from constants": huge_by_constant_value,
}
