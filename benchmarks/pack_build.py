"""`holotype pack build` beside the bare embedding of the same pictures, in one run.

    python benchmarks/pack_build.py [--pictures 5000] [--check]

The pictures are those of Grocery Store (81 products, 112 px JPEG files, from `HOLOTYPE_DATA`), the
model a convolutional network of random weights at 128 px. Bare embedding reads, prepares and embeds
every picture once, by the same `Embedder`. Times are CPU seconds of the process and its children;
what is asserted with --check is their ratio, at most 1.2.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from holotype.datasets.catalogue import load_dataset
from holotype.embedder import Embedder
from holotype.pack import load_pack
from holotype.packing.build import build_pack
from holotype.packing.model_input import preprocessing_for

MOST = 1.2
SIDE_PX, DIM = 128, 128
WIDTHS = (24, 48, 96, 192)
RESULT = Path(__file__).parent.parent / "results" / "pack_build.json"


def network(seed: int = 0) -> bytes:
    """[batch, 3, 128, 128] -> [batch, 128, 1, 1]: two convolutions and a pooling at each width."""
    rng = np.random.default_rng(seed)
    nodes, weights, value, inputs = [], [], "images", 3

    def add(operator: str, *more: str, **attributes: Any) -> None:
        nonlocal value
        nodes.append(helper.make_node(operator, [value, *more], [f"v{len(nodes)}"], **attributes))
        value = nodes[-1].output[0]

    def convolve(outputs: int) -> None:
        nonlocal inputs
        kernel = rng.normal(size=(outputs, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{len(weights)}"))
        add("Conv", weights[-1].name, pads=[1, 1, 1, 1])
        add("Relu")
        inputs = outputs

    for width in WIDTHS:
        convolve(width)
        convolve(width)
        add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    convolve(DIM)
    add("GlobalAveragePool")
    graph = helper.make_graph(
        nodes,
        "bench",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, SIDE_PX, SIDE_PX])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["b", DIM, 1, 1])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def unpack(folder: Path, most: int) -> None:
    """The photos as one folder per product."""
    count = 0
    with zipfile.ZipFile(Path(os.environ["HOLOTYPE_DATA"]) / "grocery_112.zip") as archive:
        for name in archive.namelist():
            part, _, rest = name.partition("/")
            if part not in ("train", "val", "test") or not name.endswith(".jpg") or count == most:
                continue
            product, _, file = rest.partition("/")
            path = folder / product / f"{part}_{file}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
            count += 1


def cpu_s() -> float:
    """CPU seconds of this process and of the children that ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        unpack(folder / "photos", arguments.pictures)
        model = folder / "model.onnx"
        model.write_bytes(network())

        began = cpu_s()
        built = build_pack(
            model,
            str(folder / "photos"),
            folder / "mine",
            name="mine",
            preprocess=preprocessing_for,
            license="none",
            command="benchmarks/pack_build.py",
        )
        build_s = cpu_s() - began

        dataset = load_dataset(folder / "photos")
        embedder = Embedder(load_pack(folder / "mine"))  # with the threads that the build had
        began = cpu_s()
        embedder.embed(list(dataset.images))
        embed_s = cpu_s() - began
    ratio = build_s / embed_s
    found = {
        "pictures": built.pictures,
        "classes": built.classes,
        "embed_s": round(embed_s, 2),
        "build_s": round(build_s, 2),
        "ratio": round(ratio, 3),
        "most": MOST,
        "embed_ms_each": round(1000 * embed_s / built.pictures, 2),
    }
    print(json.dumps(found, indent=2))
    if arguments.pictures >= 5000:
        RESULT.write_text(json.dumps(found, indent=2) + "\n")
    if arguments.check and not ratio <= MOST:
        raise SystemExit(f"pack build takes {ratio:.2f}x the bare embedding; at most {MOST}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
