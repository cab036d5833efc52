"""A model's file is read as data: what is not allowed is found before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.model import wire
from holotype.model.graph import MAX_NODES, Node, read_graph
from holotype.pack import load_pack, shipped_packs
from hostile_models import HUGE, REFUSED_UNREAD, harmless
from toy_photos import photo_model


def test_what_the_file_says() -> None:
    graph = read_graph(photo_model().SerializeToString())
    assert graph.inputs == (("pixels", ("batch", 3, 32, 32), "float32"),)
    assert graph.outputs == ("features",)
    assert graph.nodes[0] == Node("Conv", ("pixels", "kernel"), ("map",))
    assert [node.operator for node in graph.nodes] == ["Conv", "Relu", "GlobalAveragePool"]


def test_weights_among_the_inputs_are_none() -> None:
    model = photo_model()
    model.graph.input.append(
        onnx.helper.make_tensor_value_info("kernel", onnx.TensorProto.FLOAT, [24, 3, 5, 5])
    )
    assert [name for name, *_ in read_graph(model.SerializeToString()).inputs] == ["pixels"]


@pytest.mark.parametrize("name", shipped_packs())
def test_what_ships_is_allowed(name: str) -> None:
    model = load_pack(name).model()
    graph = read_graph(model)
    known = onnx.load_from_string(model).graph
    assert [node.operator for node in graph.nodes] == [node.op_type for node in known.node]
    assert [name for name, *_ in graph.inputs] == [value.name for value in known.input]


@pytest.mark.parametrize(("make", "said"), REFUSED_UNREAD.values(), ids=REFUSED_UNREAD)
def test_what_is_not_allowed(make: Callable[[], onnx.ModelProto], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_graph(make().SerializeToString())


def test_too_many_operations() -> None:
    model = harmless()
    model.graph.node.extend([model.graph.node[0]] * MAX_NODES)
    with pytest.raises(ValueError, match="more than 20,000 operations"):
        read_graph(model.SerializeToString())


def test_two_graphs_are_not_one() -> None:
    # What reads the model merges them; what checks it must not look at one alone.
    model = harmless().SerializeToString()
    with pytest.raises(ValueError, match="holds 2 graphs"):
        read_graph(model + model)
    with pytest.raises(ValueError, match="holds 0 graphs"):
        read_graph(b"")


def test_a_truncated_file_is_no_model() -> None:
    model = photo_model().SerializeToString()
    for length in range(1, len(model), 97):
        with pytest.raises(ValueError, match=r"ends in the middle|holds 0 graphs|unknown kind"):
            read_graph(model[:length])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for message in (content, wire.tagged(7, content)):
        with suppress(ValueError):
            read_graph(message)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_model_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(harmless().SerializeToString())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        read_graph(bytes(content))


@pytest.mark.parametrize("make", [make for make, _ in HUGE.values()], ids=HUGE)
def test_sizes_are_not_its_business(make: Callable[[], onnx.ModelProto]) -> None:
    assert read_graph(make().SerializeToString()).nodes


def test_numbers_as_they_are_written() -> None:
    assert list(wire.integers(300)) == [300]
    assert list(wire.integers((1 << 64) - 1)) == [-1]
    assert list(
        wire.integers(memoryview(b"\x01\xac\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
    ) == [
        1,
        300,
        -1,
    ]
    assert wire.tagged(12, b"x" * 300)[:3] == bytes([12 << 3 | 2, 0xAC, 0x02])
