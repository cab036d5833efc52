"""Make the pack `voices`: the encoder of Resemblyzer as ONNX, with a cohort of LibriSpeech.

    pip download resemblyzer==0.1.4 --no-deps
    unzip Resemblyzer-0.1.4-py3-none-any.whl resemblyzer/pretrained.pt
    python build_packs/voices_pack.py --weights resemblyzer/pretrained.pt \\
        --out src/holotype/packs/voices

The weights (Apache-2.0) are an encoder of voices after Wan et al. 2018, "Generalized end-to-end
loss for speaker verification" (arXiv:1710.10467). The same weights always give the same bytes. What
the model answers is compared with torch on the windows of the cohort before the pack is written.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from holotype.datasets.voices import COHORT, load_librispeech
from holotype.domains.voices.hearing import hear
from holotype.domains.voices.mel import Hearing
from holotype.embedder import Embedder
from holotype.pack import Pack, write_pack
from holotype.preprocessing import Preprocessing
from holotype.train.export import halved

WEIGHTS_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
HEARING = Hearing(
    rate_hz=16_000, window_samples=400, hop_samples=160, bands=40, frames=160, level_db=-30.0
)
LAYERS, HIDDEN = 3, 256
LEAST_AGREEMENT = 1 - 1e-3
_OPSET, _IR = 17, 8  # fixed: the model's bytes, and so its id, do not follow the installed onnx

Weights = Mapping[str, NDArray[np.float32]]


def network(weights: Weights) -> bytes:
    """Windows float32 [batch, frames, bands] -> float32 [batch, 256], not yet of unit length."""
    nodes, constants = [], []

    def constant(name: str, values: NDArray[Any]) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        outputs = [output] if kind != "LSTM" else [output, f"{output}.last"]
        nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return output

    direction, first = constant("axis1", np.array([1])), constant("axis0", np.array([0]))
    at = add("Transpose", ["windows"], "steps", perm=[1, 0, 2])
    for layer in range(LAYERS):
        name = f"layer{layer}"
        inputs = [
            at,
            constant(f"{name}.input", gates(weights[f"lstm.weight_ih_l{layer}"])[None]),
            constant(f"{name}.state", gates(weights[f"lstm.weight_hh_l{layer}"])[None]),
            constant(
                f"{name}.bias",
                np.concatenate(
                    [gates(weights[f"lstm.bias_{way}_l{layer}"]) for way in ("ih", "hh")]
                )[None],
            ),
        ]
        at = add("LSTM", inputs, name, hidden_size=HIDDEN)
        at = add("Squeeze", [at, direction], f"{name}.steps")
    last = add("Squeeze", [f"layer{LAYERS - 1}.last", first], "last")
    linear = [
        constant("linear", weights["linear.weight"].T),
        constant("shift", weights["linear.bias"]),
    ]
    projected = add("Add", [add("MatMul", [last, linear[0]], "projected"), linear[1]], "shifted")
    add("Relu", [projected], "vectors")
    shapes: dict[str, list[str | int | None]] = {
        "windows": ["batch", HEARING.frames, HEARING.bands],
        "vectors": ["batch", HIDDEN],
    }
    (source, target) = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )
    graph = helper.make_graph(nodes, "voices", [source], [target], constants)
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR)
    onnx.checker.check_model(model)
    return halved(bytes(model.SerializeToString(deterministic=True)))


def gates(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Input, forget, cell, output (torch) -> input, output, forget, cell (ONNX)."""
    into, forget, cell, out = np.split(values, 4)
    return np.concatenate([into, out, forget, cell])


def reference(weights: Weights, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What torch answers: float32 unit [B, 256]."""
    encoder = torch.nn.LSTM(HEARING.bands, HIDDEN, LAYERS, batch_first=True)
    linear = torch.nn.Linear(HIDDEN, HIDDEN)
    for module, prefix in ((encoder, "lstm."), (linear, "linear.")):
        module.load_state_dict(
            {
                name.removeprefix(prefix): torch.from_numpy(values)
                for name, values in weights.items()
                if name.startswith(prefix)
            }
        )
    with torch.inference_mode():
        _, (hidden, _) = encoder(torch.from_numpy(windows))
        return torch.nn.functional.normalize(torch.relu(linear(hidden[-1])), dim=1).numpy()


def read_weights(path: Path) -> Weights:
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_SHA256:
        raise SystemExit(f"{path} has the SHA-256 digest {found}, not {WEIGHTS_SHA256}")
    state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
    return {name: values.numpy() for name, values in state.items()}


def write(out: Path, model: bytes, vectors: NDArray[np.float32], names: list[str]) -> Pack:
    return write_pack(
        out,
        name="voices",
        model=model,
        preprocessing=Preprocessing("voice", own=HEARING),
        embeddings=vectors.astype(np.float16),
        class_index=np.arange(len(vectors)),
        prototypes=np.empty((0, HIDDEN), np.float16),
        cohort={
            "data": "librispeech (train-clean-100)",
            "class_names": names,
            "examples_each": 1,
            "held_back": False,  # as far as is known it was; nobody can tell from the weights
        },
        background={
            "data": "not published with the weights; LibriSpeech train-other-500, VoxCeleb1 and "
            "VoxCeleb2 as far as is known",
            "class_names": [],
        },
        training={
            "command": "none: pretrained.pt of Resemblyzer 0.1.4 (Corentin Jemine, Resemble.AI)",
            "weights_sha256": WEIGHTS_SHA256,
            "converted": "python build_packs/voices_pack.py",
        },
        license="Apache-2.0; the cohort: embeddings of LibriSpeech (CC BY 4.0, Panayotov et al. "
        "2015, https://www.openslr.org/12)",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="resemblyzer/pretrained.pt")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    options = parser.parse_args()
    weights = read_weights(options.weights)
    model = network(weights)
    cohort = load_librispeech(COHORT)
    recordings, names = list(cohort.recordings), list(cohort.class_names)
    windows = np.concatenate(
        [part for one in recordings for part in hear(one, HEARING).windows(len(recordings))]
    )
    with tempfile.TemporaryDirectory() as folder:
        anybody = np.eye(1, HIDDEN, dtype=np.float32)
        embedder = Embedder(write(Path(folder) / "draft", model, anybody, ["nobody"]))
        agreement = (embedder.embed_prepared(windows) * reference(weights, windows)).sum(axis=1)
        if not agreement.min() >= LEAST_AGREEMENT:
            raise SystemExit(f"the model agrees with torch by {agreement.min()}")
        vectors = embedder.embed(recordings)
    pack = write(options.out, model, vectors, names)
    print(
        f"{pack.card.model_id}: {len(model):,} bytes; {len(windows):,} windows agree with torch by "
        f"{agreement.min():.6f} or more; {len(vectors)} speakers"
    )


if __name__ == "__main__":
    main()
