"""A small folder of color photographs, and a model that a stranger might bring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE_PX = 32


def write_photos(folder: Path, classes: int = 16, each: int = 6, seed: int = 0) -> Path:
    """Classes of two-colored stripes, in slightly other tones and places each time."""
    rng = np.random.default_rng(seed)
    for number in range(classes):
        colors = rng.uniform(40, 215, (2, 3))
        period, tilt = rng.integers(6, 16), rng.uniform(-1, 1)
        for picture in range(each):
            y, x = np.mgrid[:48, :56]
            stripe = ((x + tilt * y + rng.uniform(0, 3)) % period < period / 2).astype(int)
            pixels = colors[stripe] + rng.normal(0, 6, (48, 56, 3))
            path = folder / f"class{number:02d}" / f"{picture}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return folder


def photo_model(batch: int | str = "batch", dim: int = 24, seed: int = 0) -> onnx.ModelProto:
    """Random filters, rectified and pooled: [batch, 3, 32, 32] -> [batch, dim, 1, 1]."""
    kernel = np.random.default_rng(seed).normal(size=(dim, 3, 5, 5)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "kernel"], ["map"], strides=[2, 2]),
            helper.make_node("Relu", ["map"], ["rectified"]),
            helper.make_node("GlobalAveragePool", ["rectified"], ["features"]),
        ],
        "stranger",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [batch, 3, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, dim, 1, 1])],
        [numpy_helper.from_array(kernel, "kernel")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
