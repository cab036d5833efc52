"""The demo's measurement: real galleries, the real Recognizer, counted answers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.demo.outcomes import Outcome, outcome
from holotype.demo.trials import STRANGER, Plan, Trial, plans
from holotype.embedder import Embedder
from holotype.errors import RateError
from holotype.gallery import SqliteGallery
from holotype.image.prepare import ImageSource, prepare_batch
from holotype.pack import Card, Pack, load_pack
from holotype.rate_basis import grounds, in_galleries
from holotype.recognizer import DEFAULT_MODEL, Recognizer
from holotype.recognizer.detection import detect
from holotype.recognizer.opening import cohort_model
from holotype.records import Basis, Decision, Known, OnProgress
from holotype.stats.bootstrap import share
from holotype.stats.scoring import Floats

SHOTS = (1, 2, 5)
RATES = (0.1, 0.01)
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of the table. Shares are percent."""

    k_shot: int
    rate: float  # the stated share of strangers, a fraction
    recognized: float  # of the enrolled, like the next three: together all of them
    taken_for_another: float
    missed: float  # answered "unknown"
    cannot_tell: float
    strangers_accepted: float  # of the strangers, like the next: the others were turned away
    strangers_cannot_tell: float
    accepted_low: float  # 95 % interval of the strangers accepted, over classes
    accepted_high: float
    refused: str | None = None  # why the rate is not supported; then nothing was measured
    known: tuple[Known, ...] = ()  # how well, in any gallery
    rests_on: str = ""  # in words: how well, and by whom

    @property
    def kept(self) -> bool:
        """Whether the measurement is compatible with the stated rate."""
        return self.accepted_low <= 100 * self.rate


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What was measured on one source of drawings."""

    plan: Plan
    rows: tuple[Figures, ...]
    shown_rate: float  # the smallest guaranteed for the first gallery; if none is, as is usual
    first_decisions: tuple[Decision, ...]  # of the first gallery, one example each, at that rate

    @property
    def first(self) -> Trial:
        """The first gallery, which the page shows."""
        return self.plan.trials[0]


@dataclass(frozen=True, slots=True, eq=False)
class Demo:
    """Everything that was measured."""

    card: Card
    parts: tuple[Part, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The figures, ready for `json.dumps`: shares in percent, stated rates as fractions."""
        return {
            "model": self.card.name,
            "model_id": self.card.model_id,
            "seconds": round(self.seconds, 1),
            "rows": [
                {
                    "part": part.plan.key,
                    "galleries": len(part.plan.trials),
                    "examples": row.k_shot,
                    "stated_rate": row.rate,
                    "refused": row.refused,
                    "rests_on": row.rests_on,
                    **(_shares(row) if row.refused is None else {}),
                }
                for part in self.parts
                for row in part.rows
            ],
        }


def run(progress: OnProgress, model: str = DEFAULT_MODEL) -> Demo:
    """Measure everything that the demo shows.

    Args:
        progress: called with what is being done, how much is done, and how much there is.
        model: name or folder of the model pack.

    Raises:
        PackError: the pack is missing or broken.
        DataError: the shipped drawings are missing or damaged.
    """
    began = perf_counter()
    pack = load_pack(model)
    parts = []
    for plan in plans():
        embedder = _Remembering(pack, partial(progress, plan.key))
        embedder.meet(plan.trials)
        parts.append(_measured(plan, pack, embedder))
    return Demo(pack.card, tuple(parts), perf_counter() - began)


class _Remembering(Embedder):
    """Embeds each drawing once, however often it is enrolled or asked about."""

    def __init__(self, pack: Pack, progress: Callable[[int, int], None]) -> None:
        super().__init__(pack)
        self._known: dict[bytes, Floats] = {}
        self._progress = progress

    def meet(self, trials: Sequence[Trial]) -> None:
        """Embed the drawings of these trials, telling how far it is."""
        drawings = [
            drawing
            for trial in trials
            for drawing in (*trial.examples.reshape(-1, *trial.probes.shape[1:]), *trial.probes)
        ]
        prepared = {one.tobytes(): one for one in prepare_batch(drawings, self.preprocessing)}
        rows = list(prepared.values())
        for start in range(0, len(rows), _BATCH):
            batch = np.stack(rows[start : start + _BATCH])
            for one, vector in zip(batch, super().embed_prepared(batch), strict=True):
                self._known[one.tobytes()] = vector
            self._progress(start + len(batch), len(rows))

    def embed_prepared(self, batch: Floats) -> Floats:
        return np.stack([self._known[one.tobytes()] for one in batch])


def _measured(plan: Plan, pack: Pack, embedder: Embedder) -> Part:
    answers: dict[tuple[int, float], list[list[Decision]]] = {}
    refused: dict[tuple[int, float], str] = {}
    for trial in plan.trials:
        _ask(trial, pack, embedder, answers, refused)
    rows = tuple(
        _refused(k_shot, rate, refused[k_shot, rate])
        if (k_shot, rate) in refused
        else _counted(k_shot, rate, plan.trials, answers[k_shot, rate])
        for k_shot in SHOTS
        for rate in RATES
    )
    supported = [rate for rate in RATES if (1, rate) not in refused]
    guaranteed = [rate for rate in supported if _is_guaranteed(answers[1, rate][0])]
    if guaranteed:
        rate = min(guaranteed)
    else:
        # As who states no rate would be answered, or nearly: at one of the rates of the table.
        usual = _usual_rate(plan.trials[0], pack, embedder)
        rate = min((rate for rate in supported if rate >= usual), default=max(RATES))
    decisions = tuple(answers[1, rate][0]) if rate in supported else ()
    return Part(plan, rows, rate, decisions)


def _ask(
    trial: Trial,
    pack: Pack,
    embedder: Embedder,
    answers: dict[tuple[int, float], list[list[Decision]]],
    refused: dict[tuple[int, float], str],
) -> None:
    """Enroll one example of each, then more, and identify every probe at every rate."""
    probes = [found for (found,) in detect(embedder, list(trial.probes))]
    with _empty(pack, embedder) as recognizer:
        enrolled = 0
        for k_shot in SHOTS:
            for label, examples in zip(trial.labels, trial.examples, strict=True):
                recognizer.enroll(label, *examples[enrolled:k_shot])
            enrolled = k_shot
            for rate in RATES:
                try:
                    decisions = recognizer.identify(probes, fpir=rate)
                except RateError as error:
                    refused[k_shot, rate] = _supported(error)
                else:
                    answers.setdefault((k_shot, rate), []).append(decisions)


def _usual_rate(trial: Trial, pack: Pack, embedder: Embedder) -> float:
    """At which rate one example of each is answered where nobody states any."""
    with _empty(pack, embedder) as recognizer:
        for label, examples in zip(trial.labels, trial.examples, strict=True):
            recognizer.enroll(label, examples[0])
        asked: list[ImageSource] = [trial.probes[0]]
        return recognizer.identify(asked)[0].rate


@contextmanager
def _empty(pack: Pack, embedder: Embedder) -> Iterator[Recognizer]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteGallery.open(
            Path(folder) / "demo.gallery",
            model_id=pack.card.model_id,
            model_name=pack.card.name,
            embedding_dim=pack.card.embedding_dim,
        )
        with Recognizer(embedder, store, cohort_model(pack)) as recognizer:
            yield recognizer


def _counted(
    k_shot: int, rate: float, trials: Sequence[Trial], answers: Sequence[Sequence[Decision]]
) -> Figures:
    found: list[Outcome] = []
    accepted: list[bool] = []
    kinds: list[int] = []
    for trial, decisions in zip(trials, answers, strict=True):
        for decision, truth, kind in zip(decisions, trial.truth, trial.kind, strict=True):
            found.append(outcome(trial.labels, int(truth), decision))
            if truth == STRANGER:
                accepted.append(found[-1] == "accepted")
                kinds.append(int(kind))
    low, high = _interval(np.array(accepted), np.array(kinds))
    bases = [basis for one in answers if (basis := _basis(one)) is not None]
    strangers = len(accepted)
    enrolled = len(found) - strangers
    return Figures(
        k_shot=k_shot,
        rate=rate,
        recognized=100 * found.count("recognized") / enrolled,
        taken_for_another=100 * found.count("taken for another") / enrolled,
        missed=100 * found.count("missed") / enrolled,
        cannot_tell=100 * found.count("cannot tell") / enrolled,
        strangers_accepted=100 * found.count("accepted") / strangers,
        strangers_cannot_tell=100 * found.count("stranger, cannot tell") / strangers,
        accepted_low=low,
        accepted_high=high,
        known=tuple(dict.fromkeys(basis.known for basis in bases)),
        rests_on=in_galleries(map(grounds, bases)) if bases else "",
    )


def _basis(decisions: Sequence[Decision]) -> Basis | None:
    """What the threshold of one gallery rests on."""
    return decisions[0].basis if decisions else None


def _is_guaranteed(decisions: Sequence[Decision]) -> bool:
    basis = _basis(decisions)
    return basis is not None and basis.known == "guaranteed"


def _interval(accepted: NDArray[np.bool_], kind: NDArray[np.int64]) -> tuple[float, float]:
    """95 % interval of a share in percent, over classes."""
    _, member = np.unique(kind, return_inverse=True)
    found = share(np.bincount(member, weights=accepted), np.bincount(member))
    return 100 * found.low, 100 * found.high


def _refused(k_shot: int, rate: float, why: str) -> Figures:
    nothing = float("nan")
    return Figures(k_shot, rate, *(nothing,) * 8, refused=why)


def _supported(error: RateError) -> str:
    smallest = "none" if error.smallest is None else f"{100 * error.smallest:.2g} %"
    return f"not supported by who is enrolled or the pack (smallest supported rate: {smallest})"


def _shares(row: Figures) -> dict[str, Any]:
    names = (
        "recognized",
        "taken_for_another",
        "missed",
        "cannot_tell",
        "strangers_accepted",
        "strangers_cannot_tell",
    )
    return {
        **{name: round(getattr(row, name), 2) for name in names},
        "strangers_accepted_ci95": [round(row.accepted_low, 2), round(row.accepted_high, 2)],
        "kept": row.kept,
    }
