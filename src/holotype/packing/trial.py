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
from pathlib import Path
from typing import Any

import numpy as np

from holotype.errors import PackError
from holotype.model.graph import read_graph
from holotype.model.session import MAX_WORKING_BYTES, open_session

TIME_LIMIT_S = 60
# Python, the libraries and threads take address space without using the memory.
_OVERHEAD_BYTES = 3 * 2**30
_BATCHES = (1, 2)


def try_out(
    model: Path, input_shape: tuple[int, int, int], time_limit_s: float = TIME_LIMIT_S
) -> tuple[int, ...]:
    """Run a model on noise, and see what comes out.

    Args:
        model: the ONNX file.
        input_shape: (C, S, S).
        time_limit_s: after which it is stopped.

    Returns:
        The shape of its answer to one picture, without the batch.

    Raises:
        PackError: it takes too long or too much memory, fails, or gives anything but one tensor
            with one row for each picture.
    """
    task = json.dumps({"model": os.fspath(model), "input_shape": input_shape})
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
        raise _refusal(model, f"has not answered on one picture after {time_limit_s:g} s") from None
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        memory = MAX_WORKING_BYTES / 2**30
        raise _refusal(
            model, f"ended its process (code {done.returncode}), as with more than {memory:g} GiB"
        ) from None
    if "problem" in answer:
        raise _refusal(model, answer["problem"])
    return tuple(answer["shape"])


def _refusal(model: Path, problem: str) -> PackError:
    return PackError(
        f"the model {str(model)!r} {problem}",
        "Export it anew, as a plain network of standard operators; do not use it if you do not "
        "know where it comes from",
    )


def _run(task: dict[str, Any]) -> dict[str, Any]:
    content = Path(task["model"]).read_bytes()
    _limit(len(content))
    shape = tuple(task["input_shape"])
    try:
        graph = read_graph(content)
        dims = graph.inputs[0][1] if graph.inputs else ()
        named = {
            dim: size
            for dim, size in zip(dims, (_BATCHES[-1], *shape), strict=False)
            if isinstance(dim, str)
        }
        session = open_session(content, graph, named, threads=1)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if (len(inputs), len(outputs)) != (1, 1):
            raise ValueError(
                f"has {len(inputs)} inputs and {len(outputs)} outputs; it takes one of each, the "
                "pictures and the embeddings"
            )
        fixed = inputs[0].shape and isinstance(inputs[0].shape[0], int)
        for count in (1,) if fixed else _BATCHES:
            noise = np.random.default_rng(0).random((count, *shape), dtype=np.float32)
            (answer,) = session.run(None, {inputs[0].name: noise})
            if answer.shape[:1] != (count,):
                raise ValueError(f"gives {list(answer.shape)} for {count} pictures")
    except Exception as error:  # the kinds of ONNX Runtime have no common public base
        line = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return {"problem": line if isinstance(error, ValueError) else f"cannot be run ({line})"}
    return {"shape": answer.shape[1:]}


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
