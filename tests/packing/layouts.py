"""Networks in the layouts that the usual exporters write, small and random.

`optimum` and older scripts use torch's first exporter, with names for free dimensions; tf2onnx puts
channels last; what was made for OpenCV or a camera takes bytes; half precision takes halves.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, external_data_helper, helper, numpy_helper
from torch import Tensor, nn

from holotype.packing.encoder import ANY, Chosen
from toy_photos import photo_model

Arrays = Mapping[str, NDArray[Any]]
SIDE, WIDTH, TOKENS = 32, 16, 17
VOCABULARY = 40


@dataclass(frozen=True)
class Layout:
    """A network, what is said of it, and what its embedding is."""

    write: Callable[[Path], object]
    expected: Callable[[Arrays], NDArray[Any]]  # from all that the network gives
    feed: Callable[[NDArray[np.float32]], Arrays]  # from float32 pictures [B, 3, H, W] in [0, 1]
    chosen: Chosen = ANY
    stated: dict[str, Any] = field(default_factory=dict)
    assumed: str = ""  # a part of what is said to be assumed
    slow: bool = False


class _Vision(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 8, 8)
        self.first = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.places = nn.Parameter(torch.randn(1, TOKENS, WIDTH))
        self.block = nn.TransformerEncoderLayer(WIDTH, 2, 32, batch_first=True)

    def forward(self, pixel_values: Tensor) -> Tensor:
        x = self.patches(pixel_values).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(x.shape[0], -1, -1), x], 1) + self.places
        result: Tensor = self.block(x)
        return result


class Vit(nn.Module):
    """`last_hidden_state` and `pooler_output`."""

    def __init__(self) -> None:
        super().__init__()
        self.vision, self.pool = _Vision(), nn.Linear(WIDTH, WIDTH)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        x = self.vision(pixel_values)
        return x, torch.tanh(self.pool(x[:, 0]))


class ClipVision(nn.Module):
    """`image_embeds` and `last_hidden_state`."""

    def __init__(self) -> None:
        super().__init__()
        self.vision, self.project = _Vision(), nn.Linear(WIDTH, 12, bias=False)

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        x = self.vision(pixel_values)
        return self.project(x[:, 0]), x


class Bert(nn.Module):
    """`last_hidden_state` and `pooler_output` of words, of which some are padding."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.kinds = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(2, WIDTH)
        self.mix, self.pool = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor]:
        x = self.words(input_ids) + self.kinds(token_type_ids)
        seen = x * attention_mask.unsqueeze(-1).to(x.dtype)
        x = torch.tanh(self.mix(x + seen.sum(1, keepdim=True)))
        return x, torch.tanh(self.pool(x[:, 0]))


class Clip(nn.Module):
    """All of it in one graph: pictures and words in, similarities and both embeddings out."""

    def __init__(self) -> None:
        super().__init__()
        self.sight, self.text, self.project = ClipVision(), Bert(), nn.Linear(WIDTH, 12)

    def forward(self, input_ids: Tensor, pixel_values: Tensor, attention_mask: Tensor) -> Any:
        words, _ = self.text(input_ids, attention_mask, torch.zeros_like(input_ids))
        text, image = self.project(words[:, 0]), self.sight(pixel_values)[0]
        alike = image @ text.T
        return alike, alike.T, text, image


class ClipText(nn.Module):
    """`text_embeds` and `last_hidden_state`, of words without a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.project = Bert(), nn.Linear(WIDTH, 12, bias=False)

    def forward(self, input_ids: Tensor) -> tuple[Tensor, Tensor]:
        words, _ = self.text(input_ids, torch.ones_like(input_ids), torch.zeros_like(input_ids))
        return self.project(words[:, 0]), words


class Wav2Vec(nn.Module):
    """`last_hidden_state` of samples of sound."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv1d(1, 8, 10, 5), nn.GELU(), nn.Conv1d(8, WIDTH, 8, 4))
        self.mix = nn.Linear(WIDTH, WIDTH)

    def forward(self, input_values: Tensor) -> Tensor:
        result: Tensor = self.mix(self.features(input_values[:, None]).transpose(1, 2))
        return result


def exported(
    module: nn.Module,
    path: Path,
    inputs: Mapping[str, Tensor],
    outputs: tuple[str, ...],
    opset: int = 14,
    axes: Mapping[str, dict[int, str]] | None = None,
) -> None:
    """As `optimum-cli export onnx` does it: torch's first exporter, free batch and length."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    free = {0: "batch_size"}
    words = {0: "batch_size", 1: "sequence_length"}
    named = {name: words if value.ndim == 2 else free for name, value in inputs.items()}
    named |= {name: {0: "batch_size"} for name in outputs}
    buffer: Any = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            buffer,
            dynamo=False,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={**named, **(axes or {})},
            opset_version=opset,
        )
    path.write_bytes(buffer.getvalue())


PICTURE = {"pixel_values": torch.zeros(2, 3, SIDE, SIDE)}
WORDS = {
    "input_ids": torch.ones(2, 5, dtype=torch.int64),
    "attention_mask": torch.ones(2, 5, dtype=torch.int64),
    "token_type_ids": torch.zeros(2, 5, dtype=torch.int64),
}


def vit(path: Path, opset: int = 14) -> None:
    exported(Vit(), path, PICTURE, ("last_hidden_state", "pooler_output"), opset)


def clip_vision(path: Path) -> None:
    exported(ClipVision(), path, PICTURE, ("image_embeds", "last_hidden_state"), 17)


def clip_text(path: Path, opset: int = 17) -> None:
    words = {"input_ids": WORDS["input_ids"]}
    exported(ClipText(), path, words, ("text_embeds", "last_hidden_state"), opset)


def clip(path: Path) -> None:
    words, mask = WORDS["input_ids"], WORDS["attention_mask"]
    inputs = {"input_ids": words, **PICTURE, "attention_mask": mask}
    names = ("logits_per_image", "logits_per_text", "text_embeds", "image_embeds")
    exported(Clip(), path, inputs, names)


def bert(path: Path) -> None:
    exported(Bert(), path, WORDS, ("last_hidden_state", "pooler_output"))


def wav2vec(path: Path) -> None:
    exported(Wav2Vec(), path, {"input_values": torch.zeros(2, 4000)}, ("last_hidden_state",))


def newer_vit(path: Path) -> None:
    """By torch's second exporter."""
    from holotype.train.export import export_onnx

    torch.manual_seed(0)
    path.write_bytes(export_onnx(_Vision().eval(), (3, SIDE, SIDE)))


def convolution(
    path: Path,
    *,
    number: int = TensorProto.FLOAT,
    batch: int | str = "batch",
    last: bool = False,
    size: tuple[int, int] = (SIDE, SIDE),
    maps: int = 1,
) -> onnx.ModelProto:
    """Rectified filters as maps `map0`, `map1`: what feature extractors give."""
    rng = np.random.default_rng(0)
    half = number == TensorProto.FLOAT16
    kind, numpy_kind = (number, np.float16) if half else (TensorProto.FLOAT, np.float32)
    nodes, weights, outputs = [], [], []
    value, channels = "pixels", 3
    if number == TensorProto.UINT8:
        nodes.append(helper.make_node("Cast", [value], ["numbers"], to=TensorProto.FLOAT))
        value = "numbers"
    if last:
        nodes.append(helper.make_node("Transpose", [value], ["first"], perm=[0, 3, 1, 2]))
        value = "first"
    for i in range(maps):
        kernel = rng.normal(size=(8, channels, 3, 3)).astype(numpy_kind)
        weights.append(numpy_helper.from_array(kernel, f"kernel{i}"))
        nodes += [
            helper.make_node("Conv", [value, f"kernel{i}"], [f"conv{i}"], strides=[2, 2]),
            helper.make_node("Relu", [f"conv{i}"], [f"map{i}" if not last else f"own{i}"]),
        ]
        if last:
            nodes.append(helper.make_node("Transpose", [f"own{i}"], [f"map{i}"], perm=[0, 2, 3, 1]))
        value, channels = f"map{i}" if not last else f"own{i}", 8
        outputs.append(helper.make_tensor_value_info(f"map{i}", kind, [batch, *[None] * 3]))
    shape = [batch, *size, 3] if last else [batch, 3, *size]
    graph = helper.make_graph(
        nodes, "maps", [helper.make_tensor_value_info("pixels", number, shape)], outputs, weights
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    path.write_bytes(model.SerializeToString())
    return model


def mxnet(path: Path) -> None:
    """As networks of faces came out of MXNet: IR version 3, and weights among the inputs."""
    model = photo_model()
    model.ir_version = 3
    (kernel,) = model.graph.initializer
    model.graph.input.append(
        helper.make_tensor_value_info("kernel", TensorProto.FLOAT, list(kernel.dims))
    )
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", 8))
    path.write_bytes(model.SerializeToString())


def outside(path: Path) -> None:
    """A ViT whose weights lie in a file beside it, as optimum writes the large ones."""
    vit(path)
    model = onnx.load(path)
    external_data_helper.convert_model_to_external_data(
        model, location=f"{path.name}_data", size_threshold=0
    )
    onnx.save(model, path)


def _first(name: str) -> Callable[[Arrays], NDArray[Any]]:
    return lambda given: given[name][:, 0]


def _mean(name: str, *axes: int) -> Callable[[Arrays], NDArray[Any]]:
    return lambda given: given[name].mean(axes)


def _same(name: str) -> Callable[[Arrays], NDArray[Any]]:
    return lambda given: given[name].reshape(len(given[name]), -1)


def _gem(given: Arrays) -> NDArray[Any]:
    return np.asarray((np.maximum(given["map0"], 1e-6) ** 3).mean((2, 3)) ** (1 / 3))


def _pixels(name: str = "pixels") -> Callable[[NDArray[np.float32]], Arrays]:
    return lambda pictures: {name: pictures}


PIXEL_VALUES = _pixels("pixel_values")
LAYOUTS: dict[str, Layout] = {
    "a vector": Layout(
        lambda path: path.write_bytes(photo_model().SerializeToString()),
        _same("features"),
        _pixels(),
    ),
    "a ViT": Layout(vit, _first("last_hidden_state"), PIXEL_VALUES, assumed="pooled by cls"),
    "a ViT, opset 18": Layout(
        lambda path: vit(path, 18),
        _mean("last_hidden_state", 1),
        PIXEL_VALUES,
        Chosen(pool="mean"),
    ),
    "a ViT, pooler": Layout(vit, _same("pooler_output"), PIXEL_VALUES, Chosen(("pooler_output",))),
    "a ViT, first token beside the mean": Layout(
        vit,
        lambda given: np.concatenate(
            [given["last_hidden_state"][:, 0], given["last_hidden_state"].mean(1)], axis=1
        ),
        PIXEL_VALUES,
        Chosen(("last_hidden_state:cls", "last_hidden_state:mean")),
    ),
    "a ViT, torch's second exporter": Layout(
        newer_vit, _first("embeddings"), _pixels("images"), assumed="pooled by cls", slow=True
    ),
    "weights beside it": Layout(outside, _first("last_hidden_state"), PIXEL_VALUES),
    "CLIP's eye": Layout(clip_vision, _same("image_embeds"), PIXEL_VALUES, assumed="image_embeds"),
    "all of CLIP": Layout(
        clip,
        _same("image_embeds"),
        lambda pictures: {
            "pixel_values": pictures,
            "input_ids": np.ones((1, 4), np.int64),
            "attention_mask": np.ones((1, 4), np.int64),
        },
    ),
    "a map": Layout(convolution, _mean("map0", 2, 3), _pixels(), assumed="pooled by mean"),
    "a map by gem": Layout(convolution, _gem, _pixels(), Chosen(pool="gem")),
    "two maps": Layout(
        lambda path: convolution(path, maps=2),
        lambda given: np.concatenate([given["map0"].max((2, 3)), given["map1"].max((2, 3))], 1),
        _pixels(),
        Chosen(("map0", "map1"), pool="max"),
    ),
    "channels last, not square": Layout(
        lambda path: convolution(path, last=True, size=(24, 40)),
        _mean("map0", 1, 2),
        lambda pictures: {"pixels": pictures.transpose(0, 2, 3, 1)},
    ),
    "any size": Layout(
        lambda path: convolution(path, size=("h", "w")),  # type: ignore[arg-type]
        _mean("map0", 2, 3),
        _pixels(),
        stated={"size_px": 20, "width_px": 28},
    ),
    "half precision": Layout(
        lambda path: convolution(path, number=TensorProto.FLOAT16),
        lambda given: given["map0"].astype(np.float32).mean((2, 3)),
        lambda pictures: {"pixels": pictures.astype(np.float16)},
    ),
    "bytes": Layout(
        lambda path: convolution(path, number=TensorProto.UINT8),
        _mean("map0", 2, 3),
        lambda pictures: {"pixels": np.floor(255 * pictures + 0.5).astype(np.uint8)},
    ),
    "blue, green, red": Layout(
        convolution,
        _mean("map0", 2, 3),
        lambda pictures: {"pixels": np.ascontiguousarray(pictures[:, ::-1])},
        Chosen(bgr=True),
    ),
    "one picture": Layout(lambda path: convolution(path, batch=1), _mean("map0", 2, 3), _pixels()),
    "four pictures": Layout(
        lambda path: convolution(path, batch=4),
        lambda given: given["map0"][:1].mean((2, 3)),
        lambda pictures: {"pixels": np.repeat(pictures, 4, axis=0)},
        assumed="each picture is computed 4 times",
    ),
    "weights among the inputs": Layout(mxnet, _same("features"), _pixels()),
}
