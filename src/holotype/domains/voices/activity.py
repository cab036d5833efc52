"""Where in a recording somebody speaks: Silero VAD, which ships with holotype (see NOTICE)."""

from __future__ import annotations

from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from holotype.model.graph import read_graph
from holotype.model.session import Session, open_session

CHUNK_SAMPLES = 512  # at 16 kHz: one answer each
_BEFORE = 64  # samples of the chunk before, which the model sees as well
_STATE = (1, 1, 128)


class SpeechActivity:
    """The probability of speech, of samples at 16 kHz that come in blocks."""

    def __init__(self) -> None:
        self._kept = np.empty(0, np.float32)
        self._before = np.zeros(_BEFORE, np.float32)
        self._hidden, self._cell = np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32)

    def add(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """The answers to the chunks that are complete with this block.

        Args:
            block: float32 [n].

        Returns:
            float32 [chunks] in [0, 1].
        """
        samples = np.concatenate([self._kept, block])
        count = len(samples) // CHUNK_SAMPLES
        self._kept = samples[count * CHUNK_SAMPLES :]
        if not count:
            return np.empty(0, np.float32)
        chunks = samples[: count * CHUNK_SAMPLES].reshape(count, CHUNK_SAMPLES)
        before = np.concatenate([self._before[None], chunks[:-1, -_BEFORE:]])
        self._before = chunks[-1, -_BEFORE:]
        answer, self._hidden, self._cell = _session().run(
            ["speech_probs", "hn", "cn"],
            {
                "input": np.concatenate([before, chunks], axis=1),
                "h": self._hidden,
                "c": self._cell,
            },
        )
        return np.asarray(answer, dtype=np.float32)

    def end(self) -> NDArray[np.float32]:
        """That to the last chunk, filled up with silence."""
        return self.add(np.zeros(-len(self._kept) % CHUNK_SAMPLES, np.float32))


@cache
def _session() -> Session:
    model = resources.files("holotype.domains.voices").joinpath("speech.onnx").read_bytes()
    graph = read_graph(model)
    return Session(lambda: open_session(model, graph, None, threads=1))
