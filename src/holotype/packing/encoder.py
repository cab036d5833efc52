"""Which of a network's values is the embedding, and what is added so that the graph gives it."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from holotype.domains.declared import Notes, PictureInput, picture_input
from holotype.errors import PackError
from holotype.model.feed import sizes
from holotype.model.graph import Graph, Input, read_graph
from holotype.model.wiring import Wiring, needed_inputs, rewired, unused, with_outputs
from holotype.pack import TOKENIZER
from holotype.packing import conventions
from holotype.packing.trial import answers
from holotype.preprocessing import Preprocessing

POOLS = ("cls", "mean", "max", "gem", "none")
# What exporters call the vector that a network was trained to give, best first.
_EMBEDDINGS = ("image_embeds", "sentence_embedding", "text_embeds", "embeddings", "embedding")
# Networks whose first token or pooler was not trained give these as well; they come after tokens.
_LAST = ("pooler_output", "logits")
_TOKENS = ("last_hidden_state", "token_embeddings")
_GEM_POWER = 3.0  # Radenovic, Tolias and Chum 2018, where the power was not learned
_SMALLEST = 1e-6
_MASKED = -1e9

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody said of a network's answer, and of its colors."""

    outputs: tuple[str, ...] = ()  # or inner values; NAME or NAME:POOL; none: the likeliest
    pool: str | None = None  # of those that say none
    bgr: bool = False  # whether channels stand in the order blue, green, red


ANY = Chosen()


@dataclass(frozen=True, slots=True)
class Encoder:
    """A network, and what is known of it before its file is read."""

    model: Path
    source: str  # for the card
    license: str = "not stated"
    stated: Mapping[str, Any] = field(default_factory=dict)  # for `preprocessing_for`
    outputs: tuple[str, ...] = ()
    pool: str | None = None
    bgr: bool = False
    tokenizer: bytes | None = None  # of a network that reads texts: its `tokenizer.json`
    text: Encoder | None = None  # of a network of pictures: what puts texts among them
    notes: Notes = field(default_factory=Notes)


def in_file(model: Path) -> Encoder:
    """A network in a file of its own, with the tokenizer that lies beside it, if one does.

    Raises:
        PackError: the tokenizer, or what lies beside it, cannot be read.
    """
    path, notes = model.with_name(TOKENIZER), Notes()
    if not path.is_file():
        return Encoder(model, source=model.name)
    try:
        content = path.read_bytes()
        beside = [model.with_name(name) for name in conventions.LENGTHS]
        facts = [json.loads(one.read_bytes()) for one in beside if one.is_file()]
    except (OSError, ValueError) as error:
        raise PackError(f"what lies beside {model} cannot be read ({error})", "Mend it") from error
    reading = conventions.of_tokenizer(content, facts, None)
    notes.understood.append(f"{TOKENIZER} beside it: texts up to {reading.pieces} pieces of words")
    notes.assumed.append("it reads any language, so no text is doubted for its own")
    return Encoder(
        model, source=model.name, stated={"reading": reading}, tokenizer=content, notes=notes
    )


def one_graph(
    content: bytes,
    preprocessing: Preprocessing,
    chosen: Chosen,
    notes: Notes,
    called: str = "",
) -> tuple[bytes, Preprocessing]:
    """A network as a model of a pack: float32 pictures, or named tensors, to one vector each.

    Args:
        content: the network's ONNX file, which `read_graph` accepts.
        preprocessing: of it.
        chosen: what was said of it.
        notes: where it is written down what was read and what assumed.
        called: what errors name it.

    Returns:
        The model, which is the very file where nothing has to be added; and the preprocessing,
        without the tensors that the answer does not need.

    Raises:
        PackError: an output that was named is not there, a pooling does not fit it, it depends on
            more than pictures, or the network fails.
    """
    graph = read_graph(content)
    picture = picture_input(graph) if preprocessing.inputs is None else None
    inner = {name for node in graph.nodes for name in node.outputs}
    asked = [name for name, _ in _named(chosen) if name in inner]
    shapes = _shapes(with_outputs(content, asked), graph, picture, preprocessing, called)
    plans = _plans(graph, shapes, picture, chosen, notes)
    needed = needed_inputs(content, [name for name, _ in plans])
    _require_pictures_alone(picture, needed, plans)
    if _plain(graph, picture, plans, shapes, chosen):
        return content, preprocessing
    before, after = (Wiring(graph.opset, unused(graph, name)) for name in ("before.", "after."))
    if picture is None:
        kept = {one.name for one in needed}
        stated = tuple(one for one in preprocessing.inputs or () if one.name in kept)
        preprocessing = replace(preprocessing, inputs=stated)
        inputs = [Input(one.name, one.dims, one.number) for one in stated]
        repeated = 1
    else:
        inputs = [_pictures(graph, picture, preprocessing, chosen, before, notes)]
        repeated = picture.batch if isinstance(picture.batch, int) else 1
    mask = _mask(needed, shapes, plans)
    parts = [_pooled(after, name, pool, shapes[name], picture, mask) for name, pool in plans]
    vector = parts[0][0] if len(parts) == 1 else after.add("Concat", *(p for p, _ in parts), axis=1)
    if repeated > 1:
        vector = after.add("Gather", vector, after.constant(np.array([0], np.int64)), axis=0)
    vector = after.cast(vector, "float32", unused(graph, "embeddings"))
    length = sum(length for _, length in parts)
    fixed = any(isinstance(one.dims[0], int) for one in inputs)
    model = rewired(
        content,
        before=before,
        after=after,
        inputs=inputs,
        output=vector,
        dims=(1 if fixed else "batch", length),
    )
    return model, preprocessing


def _shapes(
    content: bytes,
    graph: Graph,
    picture: PictureInput | None,
    preprocessing: Preprocessing,
    called: str,
) -> dict[str, Shape]:
    """What the network gives for one picture or batch of two, by name; found by running it."""
    inputs = [
        Input(
            one.name, picture.dims(picture.batch or "batch", preprocessing.input_shape), one.number
        )
        if picture is not None and one.name == picture.name
        else one
        for one in graph.inputs
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(content)
        return answers(path, inputs, called)


def _plans(
    graph: Graph,
    shapes: Mapping[str, Shape],
    picture: PictureInput | None,
    chosen: Chosen,
    notes: Notes,
) -> list[tuple[str, str]]:
    """The outputs that make the embedding, each with its pooling."""
    told = ", ".join(f"{name} {['batch', *shape[1:]]}" for name, shape in shapes.items())
    if chosen.pool is not None and chosen.pool not in POOLS:
        raise PackError(f"no pooling {chosen.pool!r}", f"Take one of {', '.join(POOLS)}")
    named = _named(chosen)
    for name, _ in named:
        if name not in shapes:
            raise PackError(
                f"the model has no output {name!r}; it gives {told}",
                "Name one of these, or a value inside its graph",
            )
    if not named:
        likeliest = _likeliest(shapes)
        named = [(likeliest, chosen.pool)]
        if len(shapes) > 1:
            notes.assumed.append(f"{likeliest} is the embedding, of {told} (--output)")
        if likeliest == "logits":
            notes.assumed.append(
                "logits, which name the classes of its training, tell others apart as well; a "
                "network that is exported without its classifier does so better"
            )
    plans = []
    for name, pool in named:
        shape = shapes[name]
        if not 2 <= len(shape) <= 4 or not shape[0]:
            raise PackError(
                f"the model gives {name} {['batch', *shape[1:]]}, which is no vector, no tokens "
                "and no map",
                "Export it with the embedding as its output, or name another with --output",
            )
        if pool is None:
            pool = _usual(shape, picture)
            if pool != "none":
                notes.assumed.append(f"{name} {['batch', *shape[1:]]} is pooled by {pool} (--pool)")
        elif len(shape) == 2 and pool != "none" and chosen.pool is None:
            raise PackError(f"{name} is a vector already; nothing is left to pool", "Leave it out")
        if pool == "cls" and len(shape) == 4:
            raise PackError(
                f"{name} is a map and has no first token", "Pool it by mean, max or gem"
            )
        plans.append((name, "none" if len(shape) == 2 else pool))
    listed = ", ".join(name + (f" by {pool}" if pool != "none" else "") for name, pool in plans)
    notes.understood.append(f"embedding: {listed}")
    return plans


def _named(chosen: Chosen) -> list[tuple[str, str | None]]:
    """The outputs that were named, each with the pooling that was."""
    parts = [(output, *output.rpartition(":")) for output in chosen.outputs]
    return [
        (name, pool) if name and pool in POOLS else (whole, chosen.pool)
        for whole, name, _, pool in parts
    ]


def _likeliest(shapes: Mapping[str, Shape]) -> str:
    vectors = [name for name, shape in shapes.items() if math.prod(shape[2:]) == 1]
    for name in (*_EMBEDDINGS, *_TOKENS):
        if name in shapes:
            return name
    for names in ([name for name in vectors if name not in _LAST], vectors, list(shapes)):
        if names:
            return names[0]
    raise PackError("the model gives nothing", "Export it with the embedding as its output")


def _usual(shape: Shape, picture: PictureInput | None) -> str:
    if len(shape) == 2 or math.prod(shape[2:]) == 1:
        return "none"
    if len(shape) == 3 and picture is not None:
        # One token for each place of a square grid, and one before them that stands for all.
        side = math.isqrt(shape[1] - 1)
        return "cls" if side > 0 and side * side == shape[1] - 1 else "mean"
    return "mean"


def _require_pictures_alone(
    picture: PictureInput | None, needed: Sequence[Input], plans: Sequence[tuple[str, str]]
) -> None:
    others = [one.name for one in needed if picture is not None and one.name != picture.name]
    if others:
        raise PackError(
            f"{plans[0][0]} needs {', '.join(others)} besides the pictures",
            "Name an output that pictures alone give (--output), or export the part of the network "
            "that sees them",
        )


def _plain(
    graph: Graph,
    picture: PictureInput | None,
    plans: Sequence[tuple[str, str]],
    shapes: Mapping[str, Shape],
    chosen: Chosen,
) -> bool:
    """Whether the file is a pack's model as it is."""
    return (
        picture is not None
        and len(graph.inputs) == len(shapes) == len(plans) == 1
        and picture.number == "float32"
        and not picture.channels_last
        and not chosen.bgr
        and not (isinstance(picture.batch, int) and picture.batch > 1)
        and plans[0][1] == "none"
        and (len(shapes[plans[0][0]]) == 2 or shapes[plans[0][0]][2:] == (1, 1))
        and graph.outputs == (plans[0][0],)
    )


def _pictures(
    graph: Graph,
    picture: PictureInput,
    preprocessing: Preprocessing,
    chosen: Chosen,
    before: Wiring,
    notes: Notes,
) -> Input:
    """What turns float32 [batch, C, H, W] into what the network takes; the new input."""
    batch = picture.batch if isinstance(picture.batch, int) else "batch"
    name = value = unused(graph, "pictures")
    if isinstance(batch, int) and batch > 1:
        notes.assumed.append(
            f"the batch is fixed at {batch}, so each picture is computed {batch} times; a free "
            "batch axis would save that"
        )
        whole = before.constant(np.array((batch, *preprocessing.input_shape), np.int64))
        value, batch = before.add("Expand", value, whole), 1
    if chosen.bgr:
        backwards = before.constant(np.array([2, 1, 0], np.int64))
        value = before.add("Gather", value, backwards, axis=1)
        notes.understood.append("colors in the order blue, green, red")
    if picture.number.startswith(("u", "i")):
        # A cast cuts off what lies behind the point, so a half is added to round.
        value = before.add("Mul", value, before.number(255.0))
        value = before.add("Add", value, before.number(0.5))
    if picture.channels_last:
        value = before.add("Transpose", value, perm=[0, 2, 3, 1])
    before.cast(value, picture.number or "float32", picture.name)
    return Input(name, (batch, *preprocessing.input_shape), "float32")


def _mask(
    needed: Sequence[Input], shapes: Mapping[str, Shape], plans: Sequence[tuple[str, str]]
) -> str | None:
    """The input that says which tokens count, where there is one of as many."""
    lengths = {shapes[name][1] for name, _ in plans if len(shapes[name]) == 3}
    given = sizes(needed, 1)
    for one in needed:
        if "attention_mask" in one.name and lengths == {*given[one.name][1:]}:
            return one.name
    return None


def _pooled(
    wiring: Wiring,
    name: str,
    pool: str,
    shape: Shape,
    picture: PictureInput | None,
    mask: str | None,
) -> tuple[str, int]:
    """A value as vectors [batch, D], and D."""
    value = wiring.cast(name, "float32")
    last = picture is not None and picture.channels_last
    if len(shape) == 2:
        return value, shape[1]
    if pool == "none" or math.prod(shape[2:]) == 1:
        length = math.prod(shape[1:])
        whole = wiring.constant(np.array([shape[0] if shape[0] > 1 else -1, length], np.int64))
        return wiring.add("Reshape", value, whole), length
    if len(shape) == 4:
        axes, length = ((1, 2), shape[3]) if last else ((2, 3), shape[1])
        return _over(wiring, value, pool, axes), length
    if pool == "cls":
        return wiring.add("Gather", value, wiring.constant(np.array(0, np.int64)), axis=1), shape[2]
    if mask is None:
        return _over(wiring, value, pool, (1,)), shape[2]
    counted = wiring.cast(mask, "float32")
    counted = wiring.add("Reshape", counted, wiring.constant(np.array([0, -1, 1], np.int64)))
    return _over_those(wiring, value, pool, counted), shape[2]


def _over(wiring: Wiring, value: str, pool: str, axes: tuple[int, ...]) -> str:
    if pool == "gem":
        value = wiring.add("Max", value, wiring.number(_SMALLEST))
        value = wiring.add("Pow", value, wiring.number(_GEM_POWER))
        value = wiring.reduce("ReduceMean", value, axes)
        return wiring.add("Pow", value, wiring.number(1 / _GEM_POWER))
    return wiring.reduce("ReduceMax" if pool == "max" else "ReduceMean", value, axes)


def _over_those(wiring: Wiring, value: str, pool: str, counted: str) -> str:
    """As `_over` the tokens [batch, T, D], of those that count: 1 or 0, [batch, T, 1]."""
    if pool == "max":
        left_out = wiring.add("Sub", wiring.number(1.0), counted)
        left_out = wiring.add("Mul", left_out, wiring.number(_MASKED))
        return wiring.reduce("ReduceMax", wiring.add("Add", value, left_out), (1,))
    if pool == "gem":
        value = wiring.add("Max", value, wiring.number(_SMALLEST))
        value = wiring.add("Pow", value, wiring.number(_GEM_POWER))
    total = wiring.reduce("ReduceSum", wiring.add("Mul", value, counted), (1,))
    count = wiring.reduce("ReduceSum", counted, (1,))
    count = wiring.add("Max", count, wiring.number(_SMALLEST))
    value = wiring.add("Div", total, count)
    return wiring.add("Pow", value, wiring.number(1 / _GEM_POWER)) if pool == "gem" else value
