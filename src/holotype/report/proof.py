"""An open-set test of one model on one data set, with several numbers of examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holotype.datasets.catalogue import Dataset, load_dataset
from holotype.datasets.splits import split
from holotype.evaluation.galleries import usual_shots
from holotype.evaluation.groups import GroupRates, by_group
from holotype.evaluation.open_set import RATES, Prepare, open_set
from holotype.evaluation.open_set_report import Identification, OpenSetReport
from holotype.records import OnProgress
from holotype.stats.bootstrap import Share, difference
from holotype.stats.scoring import Floats

# What the summary speaks of, if it was promised: one stranger in a hundred.
_USUAL_RATE = 0.01
_BATCH = 64


@dataclass(frozen=True, slots=True)
class OwnStrangers:
    """Who set the thresholds of a model that has no cohort."""

    classes: int
    pictures: int
    default: float | None  # the similarity that is accepted where they cannot promise a rate


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What a summary is about: one stated rate, or the default threshold."""

    rate: float | None  # None: of the default threshold
    rows: tuple[tuple[int, Identification], ...]  # number of examples and figures, fewest first

    def gain(self, position: int) -> Share | None:
        """What the examples of row `position` add to the recognized share of the row before.

        None where both were not measured on the same galleries.
        """
        before, after = (self.rows[i][1] for i in (position - 1, position))
        if before.refused or after.refused:
            return None
        tally = before.tally
        return difference(tally.missed, after.tally.missed, tally.enrolled_probes)


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """What was measured. The reports differ in their number of examples, fewest first.

    All of them are of the same galleries and the same probes, so they can be compared picture by
    picture.
    """

    model: str
    model_id: str
    dataset: Dataset
    reports: tuple[OpenSetReport, ...]
    date: str  # ISO 8601, UTC
    not_acquired: tuple[str, ...] = ()  # pictures that show nothing to compare, such as no face
    own_strangers: OwnStrangers | None = None  # classes of the data that were set aside
    cohort: str = ""  # who set the thresholds, as `pack.strangers_in_words` says it
    group: tuple[str, ...] = ()  # that of each class, where rates are told of each; else empty

    @property
    def subject(self) -> Subject | None:
        """What the summary is about; None where nothing was measured.

        The stated rate nearest to 1 % among those that most galleries support, whatever the number
        of examples; else the default threshold, if the model has one; else the rate that most
        galleries support.
        """
        usual = [row.rate for row in self.reports[0].identification]
        mostly = [rate for rate in usual if all(_mostly(r.at(rate)) for r in self.reports)]
        if mostly:
            return self._at(min(mostly, key=lambda rate: abs(log(rate / _USUAL_RATE))))
        defaults = tuple((r.k_shot, r.default) for r in self.reports if r.default)
        if defaults:
            return Subject(None, defaults)
        support = {rate: sum(r.at(rate).galleries for r in self.reports) for rate in usual}
        best = max(usual, key=lambda rate: support[rate])
        return self._at(best) if support[best] else None

    @property
    def groups(self) -> tuple[tuple[int, GroupRates], ...]:
        """Number of examples and rates of each group, at each stated rate."""
        if not self.group:
            return ()
        return tuple(
            (report.k_shot, rates)
            for report in self.reports
            for row in report.identification
            for rates in by_group(row, self.group)
        )

    def _at(self, rate: float) -> Subject:
        rows = tuple((report.k_shot, report.at(rate)) for report in self.reports)
        return Subject(rate, tuple((k_shot, row) for k_shot, row in rows if row.galleries))

    def to_json(self) -> dict[str, Any]:
        """Every figure, ready for `json.dumps`, in the terms of ISO/IEC 19795-1."""
        first = self.reports[0]
        return {
            "protocol": "open-set",
            "terms": "ISO/IEC 19795-1; shares and rates are fractions; intervals are 95 %, from "
            "resampling classes",
            "model": self.model,
            "model_id": self.model_id,
            "data": self.dataset.name,
            "classes": first.classes,
            "pictures": first.pictures,
            "date": self.date,
            "failures_to_acquire": list(self.not_acquired),
            "cohort": self.cohort,
            "own_strangers": None if self.own_strangers is None else asdict(self.own_strangers),
            "results": [
                {
                    **report.to_json(),
                    "worst": [
                        {
                            "stated_fpir": row.rate,
                            "kind": mistake.kind,
                            "probe": self.dataset.picture(mistake.probe),
                            "true_class": self.dataset.class_names[mistake.true_class],
                            "nearest_class": self.dataset.class_names[mistake.nearest_class],
                            "similarity": round(mistake.similarity, 6),
                            "threshold": round(mistake.threshold, 6),
                        }
                        for row in report.identification
                        for mistake in row.mistakes
                    ],
                }
                for report in self.reports
            ],
            **self._groups_json(),
        }

    def _groups_json(self) -> dict[str, Any]:
        told = [{"k_shot": shots, **rates.to_json()} for shots, rates in self.groups]
        return {"groups": told} if self.group else {}


def data_for(name_or_path: str | Path) -> Dataset:
    """The data of an open-set test: Omniglot's evaluation alphabets, or all of any other data.

    Raises:
        DataError: as for `load_dataset`.
    """
    dataset = load_dataset(name_or_path)
    return split(dataset, "evaluation") if dataset.divided else dataset


def embed_all(
    dataset: Dataset,
    embed: Callable[[Sequence[Any]], Floats],
    progress: OnProgress | None = None,
) -> Floats:
    """Embed every picture of a data set.

    Args:
        dataset: M pictures.
        embed: b raw pictures (paths or arrays) -> float32 unit [b, D], as `Embedder.embed`.
        progress: called with "pictures", the number done and M.

    Returns:
        float32 unit [M, D], in the order of the data set.

    Raises:
        ImageError: a picture cannot be read or shows nothing.
    """
    parts = []
    for start in range(0, len(dataset), _BATCH):
        stop = min(start + _BATCH, len(dataset))
        parts.append(embed([dataset.images[row] for row in range(start, stop)]))
        if progress is not None:
            progress("pictures", stop, len(dataset))
    return np.concatenate(parts)


def prove(
    dataset: Dataset,
    embeddings: Floats,
    prepare: Prepare,
    *,
    model: str,
    model_id: str,
    k_shots: Sequence[int] | None = None,
    enrolled: int | None = None,
    galleries: int = 200,
    rates: Sequence[float] = RATES,
    seed: int = 0,
    impostor_prior: float = 0.5,
    doubtful: NDArray[np.bool_] | None = None,
    not_acquired: tuple[str, ...] = (),
    own_strangers: OwnStrangers | None = None,
    cohort: str = "",
    progress: OnProgress | None = None,
) -> Proof:
    """Run the open-set test with each number of examples, on the same galleries and probes.

    Args:
        dataset: M pictures.
        embeddings: float32 unit [M, D], one for each picture.
        prepare: enrolls a gallery; see `open_set` for it and for all arguments that are not named
            here.
        model: what the report calls the model.
        model_id: of its pack.
        k_shots: numbers of examples. None: those of 1, 2 and 5 that the data allow.
        not_acquired: pictures that are not among them, since they show nothing to compare.
        own_strangers: who set the thresholds, if it was no cohort.
        cohort: who set them otherwise, in words.
        progress: called with "galleries", the number done and the number of all.

    Raises:
        DataError: the data cannot be divided as asked.
        RateError: a rate outside (0, 1).
    """
    index: NDArray[np.int64] = dataset.class_index
    shots = sorted(set(usual_shots(index) if k_shots is None else k_shots))
    total = galleries * len(shots)

    def told(before: int, done: int, _: int) -> None:
        if progress is not None:
            progress("galleries", galleries * before + done, total)

    reports = tuple(
        open_set(
            embeddings,
            index,
            prepare,
            doubtful=doubtful,
            enrolled=enrolled,
            k_shot=k_shot,
            reserved=shots[-1],
            galleries=galleries,
            rates=rates,
            seed=seed,
            impostor_prior=impostor_prior,
            progress=partial(told, before),
        )
        for before, k_shot in enumerate(shots)
    )
    date = datetime.now(UTC).replace(microsecond=0).isoformat()
    return Proof(model, model_id, dataset, reports, date, not_acquired, own_strangers, cohort)


def _mostly(row: Identification) -> bool:
    return row.galleries > row.refused
