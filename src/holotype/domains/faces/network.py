"""dlib's face recognition network as ONNX.

The architecture is read off the weight file: convolutions with their affine layers folded in, and
residual blocks after He et al. 2016 (arXiv:1512.03385). Where a block halves the picture, dlib
adds an average of the block's input to its output, filling up with zeros what is smaller, in pixels
or in channels. Prepared faces float32 [batch, 3, 150, 150] -> vectors [batch, 128], of which dlib
takes Euclidean distances; ours are made unit vectors by whoever runs the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from holotype.domains.faces.weights import Layer, layers

SIZE_PX = 150
DIMENSIONS = 128
# What the network takes is (255 x - mean) / 256 (dlib/dnn/input.h, input_rgb_image_sized).
MEAN = tuple(tone / 255 for tone in (122.782, 117.001, 104.298))
STD = (256 / 255,) * 3
_OPSET, _IR = 17, 8  # fixed: the model's bytes, and so its id, do not follow the installed onnx


def face_network(content: bytes) -> bytes:
    """The ONNX file for a weight file of dlib's face recognition network.

    Args:
        content: of `dlib_face_recognition_resnet_model_v1.dat`.

    Raises:
        ValueError: it is no such file.
    """
    graph = _Graph()
    pending: Layer | None = None  # a convolution that waits for the affine layer after it
    for layer in layers(content):
        match layer.kind:
            case "con":
                pending = layer
            case "affine":
                if pending is None or layer.weights is None:
                    raise ValueError("an affine layer does not follow a convolution")
                graph.convolution(pending, layer.weights)
                pending = None
            case "relu":
                graph.relu()
            case "max_pool":
                graph.pool("MaxPool", layer.sizes)
                graph.begin_block()
            case "avg_pool" if layer.sizes[0]:
                graph.shortcut(layer.sizes)
            case "avg_pool":
                graph.average()
            case "add_prev":
                graph.add_shortcut()
            case "fc":
                graph.project(layer)
    if graph.outputs != DIMENSIONS:
        raise ValueError(f"the file gives {graph.outputs} dimensions, not {DIMENSIONS}")
    return graph.model()


class _Graph:
    """The network as far as it was read; `shape` is that of the current value, [C, H, W]."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._at = "faces"
        self._shape: tuple[int, ...] = (3, SIZE_PX, SIZE_PX)
        # What the present residual block started from.
        self._block: tuple[str, tuple[int, ...]] = (self._at, self._shape)
        self._after_sum = False
        self.outputs = 0

    def convolution(self, layer: Layer, affine: NDArray[np.float32]) -> None:
        """Convolution and affine layer in one: gamma * (W x + b) + beta."""
        assert layer.weights is not None
        filters, rows, columns, stride, _, pad, _ = layer.sizes
        channels = self._shape[0]
        values = layer.weights.astype(np.float64)
        kernel = values[: filters * channels * rows * columns]
        kernel = kernel.reshape(filters, channels, rows, columns)
        bias = values[kernel.size :]
        gamma, beta = affine.astype(np.float64).reshape(2, filters)
        inputs = [
            self._at,
            self._constant(gamma[:, None, None, None] * kernel),
            self._constant(gamma * bias + beta),
        ]
        self._add("Conv", inputs, strides=[stride, stride], pads=[pad] * 4)
        self._shape = (filters, *(_reduced(side, rows, stride, pad) for side in self._shape[1:]))

    def relu(self) -> None:
        self._add("Relu", [self._at])
        if self._after_sum:
            self._after_sum = False
            self.begin_block()

    def begin_block(self) -> None:
        self._block = (self._at, self._shape)

    def pool(self, kind: str, sizes: tuple[int, ...]) -> None:
        window, _, stride, _, pad, _ = sizes
        self._add(kind, [self._at], kernel_shape=[window] * 2, strides=[stride] * 2, pads=[pad] * 4)
        self._shape = (
            self._shape[0],
            *(_reduced(side, window, stride, pad) for side in self._shape[1:]),
        )

    def shortcut(self, sizes: tuple[int, ...]) -> None:
        """Halve the block's input as its output was halved."""
        output = (self._at, self._shape)
        self._at, self._shape = self._block
        self.pool("AveragePool", sizes)
        self._block, (self._at, self._shape) = (self._at, self._shape), output

    def add_shortcut(self) -> None:
        """Add the block's input, shortened or not, to its output."""
        output = (self._at, self._shape)
        shape = tuple(max(pair) for pair in zip(self._block[1], self._shape, strict=True))
        terms = [self._filled(*value, shape) for value in (self._block, output)]
        self._add("Add", terms)
        self._shape, self._after_sum = shape, True

    def average(self) -> None:
        self._add("GlobalAveragePool", [self._at])
        self._add("Flatten", [self._at], axis=1)

    def project(self, layer: Layer) -> None:
        assert layer.weights is not None
        self.outputs, inputs = layer.sizes
        self._add("MatMul", [self._at, self._constant(layer.weights.reshape(inputs, self.outputs))])

    def model(self) -> bytes:
        shapes: dict[str, list[str | int | None]] = {
            "faces": ["batch", 3, SIZE_PX, SIZE_PX],
            self._at: ["batch", self.outputs],
        }
        (source, target) = (
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        )
        graph = helper.make_graph(self._nodes, "faces", [source], [target], self._constants)
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))

    def _filled(self, name: str, have: tuple[int, ...], want: tuple[int, ...]) -> str:
        if have == want:
            return name
        missing = [0, *(w - h for w, h in zip(want, have, strict=True))]
        pads = self._constant(np.array([0] * 4 + missing), np.int64)
        self._add("Pad", [name, pads])
        return self._at

    def _constant(self, values: NDArray[np.generic], dtype: type = np.float32) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values.astype(dtype), name))
        return name

    def _add(self, kind: str, inputs: list[str], **attributes: Any) -> None:
        self._at = f"value{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [self._at], **attributes))


def _reduced(side: int, window: int, stride: int, pad: int) -> int:
    return 1 + (side + 2 * pad - window) // stride
