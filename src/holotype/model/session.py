"""ONNX Runtime at a model, in bounded memory."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import onnxruntime

from holotype.cores import usable_cores
from holotype.forking import Forked, Lock, abandon
from holotype.model.graph import Graph
from holotype.model.providers import CPU, Providers, started
from holotype.model.wire import tagged

# What the values that a model computes may take at one time, for one batch.
MAX_WORKING_BYTES = 2 * 2**30
_CROWD_S = 1.0  # after which a crowd is over: between two runs each does other work
_SILENT = 4  # ONNX Runtime's highest severity: its errors arrive as exceptions, not on stderr
_NUMBER_BYTES = {"float": 4, "float16": 2, "double": 8, "int64": 8, "int32": 4, "bool": 1}
_MOST_NUMBER_BYTES = 8
# GraphProto.output in ModelProto.graph, and ValueInfoProto.name in that.
_GRAPH, _OUTPUT, _NAME = 7, 12, 1
# For whoever has imported it before holotype, which sees to it beforehand.
onnxruntime.disable_telemetry_events()


class Session(Forked):
    """A model that is ready to run, also in a child made by fork.

    ONNX Runtime computes with threads, which a child does not have: a session that was inherited
    waits for them when it is let go of. So the child keeps that one as it is, and opens its own
    when it first runs the model.

    One run is quickest with a thread on each core. Where as many run at once, these threads only
    wait for each other: each of such runs has one thread, in a session that is opened for them.
    Both compute the same numbers.

    Args:
        make: opens the model (`open_session`); called once now, and once in each child.
        make_narrow: opens it with one thread; None: one session does for all.
    """

    def __init__(
        self,
        make: Callable[[], onnxruntime.InferenceSession],
        make_narrow: Callable[[], onnxruntime.InferenceSession] | None = None,
    ) -> None:
        self._make, self._make_narrow = make, make_narrow
        self._lock, self._opening = Lock(), Lock()
        self._cores = math.inf if make_narrow is None else usable_cores()
        self._running, self._crowds, self._crowded_s = 0, 0, -math.inf
        self._session: onnxruntime.InferenceSession | None = make()
        self._narrow: onnxruntime.InferenceSession | None = None
        super().__init__()

    @property
    def inner(self) -> onnxruntime.InferenceSession:
        """The session of this process.

        Raises:
            Exception: as `make` does, where a child cannot open the model any more.
        """
        with self._lock:
            if self._session is None:
                self._session = self._make()
            return self._session

    def run(self, outputs: list[str] | None, inputs: dict[str, Any]) -> Any:
        """As `InferenceSession.run`."""
        wide = self.inner
        with self._lock:
            self._running += 1
            if self._running >= self._cores:
                self._crowded_s = time.monotonic()
            crowded = self._crowds > 0 or time.monotonic() - self._crowded_s < _CROWD_S
        try:
            return (self._for_a_crowd() if crowded else wide).run(outputs, inputs)
        finally:
            with self._lock:
                self._running -= 1

    @contextmanager
    def crowd(self) -> Iterator[None]:
        """As long as this lasts, there are as many runs as cores, or will be."""
        with self._lock:
            self._crowds += 1
        try:
            yield
        finally:
            with self._lock:
                self._crowds -= 1

    def _for_a_crowd(self) -> onnxruntime.InferenceSession:
        with self._opening:
            if self._narrow is None and self._make_narrow is not None:
                self._narrow = self._make_narrow()
            return self._narrow or self.inner

    def after_fork_in_child(self) -> None:
        """Leave the parent's sessions alone."""
        for session in (self._session, self._narrow):
            if session is not None:
                abandon(session)
        self._session = self._narrow = None
        self._running = self._crowds = 0


def open_session(
    model: bytes,
    graph: Graph,
    sizes: Mapping[str, int] | None,
    threads: int | None = None,
    providers: Providers = (CPU,),
) -> onnxruntime.InferenceSession:
    """Make a model ready to run.

    The sizes of all values that it will compute are worked out first, without computing any; a
    model that needs more than 2 GiB for a batch is refused before that is asked for. Where a size
    follows from values (a reshape to what another operation gave), it cannot be worked out; such a
    model is run with memory from a store of that size, which ends with an error when it is used
    up, and without computing constants beforehand, which would ask for memory elsewhere. Such a
    store bounds the memory of the CPU alone.

    Args:
        model: the ONNX file.
        graph: of it, from `read_graph`.
        sizes: what the named dimensions of its input will be; None: the model is trusted, and
            its memory not bounded, which saves a third of the time that this takes.
        threads: of the CPU for one run; None: ONNX Runtime chooses, within the share of the
            machine that this process may use.
        providers: which processors compute, from `providers.chosen`.

    Raises:
        ProviderError: a provider does not start, or computes only a part of the model.
        ValueError: it needs more memory than is allowed, as one clause.
        Exception: of ONNX Runtime, whose kinds have no common public base: it cannot be run.
    """
    needed_bytes = 0 if sizes is None else _working_bytes(model, graph, sizes)
    if needed_bytes is not None and needed_bytes > MAX_WORKING_BYTES:
        raise ValueError(
            f"it needs {needed_bytes / 2**30:,.1f} GiB for a batch; at most "
            f"{MAX_WORKING_BYTES / 2**30:g} GiB are allowed"
        )
    options = _options()
    options.intra_op_num_threads = threads or _share()
    # The arena keeps what a batch once needed for good; without it memory is handed back.
    options.enable_cpu_mem_arena = needed_bytes is None
    disabled = []
    if needed_bytes is None:
        _limited_store()
        options.add_session_config_entry("session.use_env_allocators", "1")
        disabled = ["ConstantFolding"]
    return started(model, options, providers, disabled)


def _share() -> int:
    """0, which is a thread for each core, or fewer where this process may not use them all."""
    cores = usable_cores()
    return cores if cores < (os.cpu_count() or 1) else 0


def _working_bytes(model: bytes, graph: Graph, sizes: Mapping[str, int]) -> int | None:
    """The most that is held at a time, computing in the order of the file; None: not known."""
    produced = [name for node in graph.nodes for name in node.outputs]
    inner = [name for name in produced if name not in graph.outputs]
    # A message that is appended to another is merged with it: here, all values become outputs.
    asked = b"".join(tagged(_OUTPUT, tagged(_NAME, name.encode())) for name in inner)
    options = _options()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.disable_prepacking", "1")
    for name, size in sizes.items():
        options.add_free_dimension_override_by_name(name, size)
    session = started(model + tagged(_GRAPH, asked), options, (CPU,))
    held = {}
    for value in (*session.get_inputs(), *session.get_outputs()):
        if value.shape is None or not all(isinstance(size, int) for size in value.shape):
            return None
        number = value.type.removeprefix("tensor(").removesuffix(")")
        held[value.name] = math.prod(value.shape) * _NUMBER_BYTES.get(number, _MOST_NUMBER_BYTES)
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    uses.update(graph.outputs)
    now: int = sum(held.get(value.name, 0) for value in graph.inputs)
    most = now
    for node in graph.nodes:
        now += sum(held.get(name, 0) for name in node.outputs)
        most = max(most, now)
        for name in node.inputs:
            uses[name] -= 1
            if not uses[name]:
                now -= held.get(name, 0)
    return most


def _options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT
    # A model may name outside files as weights; `read_graph` refuses that. They would be looked
    # up below this path, and below a device there is nothing.
    options.add_session_config_entry(
        "session.model_external_initializers_file_folder_path", os.devnull
    )
    return options


@cache
def _limited_store() -> None:
    """Make the store that sessions with `use_env_allocators` share; once in a process."""
    onnxruntime.create_and_register_allocator(
        onnxruntime.OrtMemoryInfo(
            "Cpu",
            onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
            0,
            onnxruntime.OrtMemType.DEFAULT,
        ),
        onnxruntime.OrtArenaCfg(
            {
                "max_mem": MAX_WORKING_BYTES,
                "arena_extend_strategy": 1,  # by what is asked for, not by powers of two
                "initial_chunk_size_bytes": -1,
                "max_dead_bytes_per_chunk": -1,
            }
        ),
    )
