"""Whatever a model asks for, it gets bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from hanging import HANGS_S
from holotype.model import session
from holotype.model.graph import read_graph
from holotype.model.session import Session, _working_bytes, open_session
from hostile_models import HUGE, HUGE_IN_SECRET, SHAPE, harmless, huge_by_value
from toy_photos import photo_model

SIZES = {"batch": 2}
_PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from holotype.model.graph import read_graph
from holotype.model.session import open_session
content = Path(sys.argv[1]).read_bytes()
try:
    session = open_session(content, read_graph(content), {"batch": 2}, threads=1)
    session.run(None, {"images": np.zeros((2, 3, 8, 8), np.float32)})
    print("ran")
except Exception as error:
    print(type(error).__name__, str(error).splitlines()[0])
# What getrusage says would include the process that this one was forked from.
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def needed(model: onnx.ModelProto) -> int | None:
    content = model.SerializeToString()
    return _working_bytes(content, read_graph(content), SIZES)


def test_what_a_model_needs() -> None:
    # The pictures, and beside them the largest two maps, which the rectifier holds together.
    pictures, one_map = 2 * 3 * 32 * 32 * 4, 2 * 24 * 14 * 14 * 4
    assert needed(photo_model()) == 2 * one_map
    assert 2 * one_map > pictures + one_map
    assert needed(harmless()) is not None


def test_a_size_that_follows_from_values_is_not_known() -> None:
    assert needed(huge_by_value()) is None


@pytest.mark.parametrize(("make", "said"), HUGE.values(), ids=HUGE)
def test_too_much_is_refused_before_it_is_asked_for(
    make: Callable[[], onnx.ModelProto], said: str
) -> None:
    content = make().SerializeToString()
    with pytest.raises(ValueError, match=said):
        open_session(content, read_graph(content), SIZES)


@pytest.mark.parametrize("make", HUGE_IN_SECRET.values(), ids=HUGE_IN_SECRET)
def test_what_is_not_known_gets_a_limited_store(
    tmp_path: Path, make: Callable[[], onnx.ModelProto]
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(make().SerializeToString())
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path)],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    outcome, peak = done.stdout.splitlines()
    assert "ConstantOfShape" in outcome
    assert int(peak) * (1 if sys.platform == "darwin" else 1024) < 400e6


def test_what_is_not_known_and_harmless_runs() -> None:
    """A reshape to a computed size, as transformers have it."""
    model = photo_model()
    model.graph.node[-1].output[0] = "pooled"
    model.graph.node.extend(
        [
            helper.make_node("ReduceMax", ["pixels"], ["top"], keepdims=0),
            helper.make_node("Mul", ["top", "zero"], ["none"]),
            helper.make_node("Cast", ["none"], ["shift"], to=onnx.TensorProto.INT64),
            helper.make_node("Shape", ["pooled"], ["shape"]),
            helper.make_node("Add", ["shape", "shift"], ["same"]),
            helper.make_node("Reshape", ["pooled", "same"], ["features"]),
        ]
    )
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(0), "zero"))
    assert needed(model) is None
    pictures = np.random.default_rng(0).random((2, 3, 32, 32), dtype=np.float32)
    answers = []
    for each in (model, photo_model()):
        content = each.SerializeToString()
        session = open_session(content, read_graph(content), SIZES, threads=1)
        answers.append(session.run(None, {"pixels": pictures})[0])
    np.testing.assert_allclose(*answers, atol=1e-6)


def test_what_is_harmless_runs() -> None:
    content = harmless().SerializeToString()
    session = open_session(content, read_graph(content), SIZES)
    pictures = np.random.default_rng(0).random((2, *SHAPE), dtype=np.float32)
    (answer,) = session.run(None, {"images": pictures})
    np.testing.assert_array_equal(answer, pictures.reshape(2, -1))


def shared_session(monkeypatch: pytest.MonkeyPatch) -> tuple[Session, list[int], str]:
    """One that opens another for a crowd, the threads of each as it is opened, and its input."""
    monkeypatch.setattr(session, "usable_cores", lambda: 2)
    content = photo_model().SerializeToString()
    opened: list[int] = []

    def make(threads: int) -> onnxruntime.InferenceSession:
        opened.append(threads)
        return open_session(content, read_graph(content), SIZES, threads)

    shared = Session(lambda: make(2), lambda: make(1))
    (given,) = shared.inner.get_inputs()
    return shared, opened, given.name


def test_a_crowd_gets_the_same_numbers_from_sessions_of_one_thread(monkeypatch) -> None:
    shared, opened, name = shared_session(monkeypatch)
    pictures = np.random.default_rng(0).random((2, 3, 32, 32), np.float32)
    (alone,) = shared.run(None, {name: pictures})
    assert opened == [2]
    begun = threading.Barrier(2)

    def one(_: int) -> list[np.ndarray]:
        begun.wait(HANGS_S)
        found = []
        while len(opened) < 2 or len(found) < 3:
            found += shared.run(None, {name: pictures})
        return found

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(one, range(2)))
    assert opened == [2, 1]
    assert all((answer == alone).all() for found in answers for answer in found)


def test_a_crowd_that_is_announced_begins_with_one_thread(monkeypatch) -> None:
    shared, opened, name = shared_session(monkeypatch)
    pictures = {name: np.random.default_rng(0).random((2, 3, 32, 32), np.float32)}
    shared.run(None, pictures)
    assert opened == [2]
    with shared.crowd():
        shared.run(None, pictures)
    assert opened == [2, 1]
