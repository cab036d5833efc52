"""A stranger's model, run once where it can do no harm: in a process of its own, within limits.

What a model needs in memory is worked out before it runs (`model.session`), but not how long it
takes, and sizes that follow from values show only then. The process may take so much address
space and time and no more, and may write no file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from holotype.errors import PackError
from holotype.model.feed import made_up, sizes
from holotype.model.graph import Graph, Input, read_graph
from holotype.model.session import MAX_WORKING_BYTES, open_session
from holotype.preprocessing import Preprocessing

TIME_LIMIT_S = 60
# Python, the libraries and threads take address space without using the memory.
_OVERHEAD_BYTES = 3 * 2**30
_BATCHES = (1, 2)


def try_out(
    model: Path,
    inputs: tuple[int, ...] | Sequence[Input],
    time_limit_s: float = TIME_LIMIT_S,
    called: str = "",
) -> tuple[int, ...]:
    """Run a model on what nobody took, and see what comes out.

    Args:
        model: the ONNX file.
        inputs: (C, H, W) of its one picture, or all that it asks for.
        time_limit_s: after which it is stopped.
        called: what errors name it; its path where nothing is said.

    Returns:
        The shape of its answer to one picture, without the batch.

    Raises:
        PackError: it takes too long or too much memory, fails, gives numbers that are not finite,
            or anything but one tensor with one row for each picture.
    """
    (shape,) = _asked(model, inputs, time_limit_s, called, strict=True).values()
    return shape[1:]


def asked(preprocessing: Preprocessing) -> tuple[int, ...] | list[Input]:
    """What the model of a pack takes, as `try_out` wants it told."""
    if preprocessing.inputs is None:
        return preprocessing.input_shape
    return [Input(one.name, one.dims, one.number) for one in preprocessing.inputs]


def answers(model: Path, inputs: Sequence[Input], called: str = "") -> dict[str, tuple[int, ...]]:
    """Run a network as it is, once.

    Args:
        model: the ONNX file.
        inputs: all that it asks for.
        called: as for `try_out`.

    Returns:
        The shapes of all that it gives, by name.

    Raises:
        PackError: it takes too long or too much memory, or fails.
    """
    return _asked(model, inputs, TIME_LIMIT_S, called, strict=False)


def _asked(
    model: Path, inputs: Sequence[Any], time_limit_s: float, called: str, strict: bool
) -> dict[str, tuple[int, ...]]:
    named = called or model
    task = json.dumps({"model": os.fspath(model), "inputs": inputs, "strict": strict})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "holotype.packing.trial"],
            input=task,
            capture_output=True,
            text=True,
            timeout=time_limit_s,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        raise _refusal(
            called or model, f"has not answered on one picture after {time_limit_s:g} s"
        ) from None
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        memory = MAX_WORKING_BYTES / 2**30
        raise _refusal(
            called or model,
            f"ended its process (code {done.returncode}), as with more than {memory:g} GiB",
        ) from None
    if "problem" in answer:
        raise _refusal(named, answer["problem"])
    return {name: tuple(shape) for name, shape in answer["shapes"].items()}


def _refusal(model: str | Path, problem: str) -> PackError:
    return PackError(
        f"the model {str(model)!r} {problem}",
        "Export it anew, as a plain network of standard operators; do not use it if you do not "
        "know where it comes from",
    )


def _run(task: dict[str, Any]) -> dict[str, Any]:
    content = Path(task["model"]).read_bytes()
    _limit(len(content))
    try:
        graph = read_graph(content)
        inputs = _inputs(graph, task["inputs"])
        shapes = sizes(inputs, _BATCHES[-1])
        named = {
            dim: size
            for declared in graph.inputs
            for dim, size in zip(declared.dims, shapes.get(declared.name, ()), strict=False)
            if isinstance(dim, str)
        }
        session = open_session(content, graph, named, threads=1)
        if task["strict"]:
            _require_one_answer(session)
        fixed = any(isinstance(one.dims[0], int) for one in inputs)
        for count in (1,) if fixed or not task["strict"] else _BATCHES:
            given = session.run(None, dict(made_up(inputs, count)))
            if task["strict"] and given[0].shape[:1] != (count,):
                raise ValueError(f"gives {list(given[0].shape)} for {count} pictures")
            if task["strict"] and not np.isfinite(given[0]).all():
                raise ValueError("gives numbers that are not finite (NaN or infinite)")
    except Exception as error:  # the kinds of ONNX Runtime have no common public base
        line = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return {"problem": line if isinstance(error, ValueError) else f"cannot be run ({line})"}
    names = [one.name for one in session.get_outputs()]
    return {"shapes": {name: one.shape for name, one in zip(names, given, strict=True)}}


def _inputs(graph: Graph, told: list[Any]) -> list[Input]:
    if told and isinstance(told[0], list):
        return [Input(name, tuple(dims), number) for name, dims, number in told]
    (name, dims, _), *_ = graph.inputs or [Input("", ())]
    return [Input(name, (*(dims[:1] or ("batch",)), *told))]


def _require_one_answer(session: Any) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(outputs) != 1:
        raise ValueError(
            f"has {len(inputs)} inputs and {len(outputs)} outputs; it takes one output, the "
            "embeddings"
        )


def _limit(model_bytes: int) -> None:
    try:
        import resource
    except ModuleNotFoundError:  # on Windows only the time is limited
        return
    space = MAX_WORKING_BYTES + _OVERHEAD_BYTES + 6 * model_bytes
    for what, limit in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, TIME_LIMIT_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    print(json.dumps(_run(json.load(sys.stdin))))
