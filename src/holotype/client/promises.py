"""What sets the thresholds, and what people say about the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote, urlencode

from numpy.typing import NDArray

from holotype.client.calling import Calling, Picture
from holotype.client.said import record
from holotype.gallery import StrangerBatch
from holotype.records import (
    Calibration,
    Decision,
    Lint,
    MeasuredRate,
    Reviewed,
    Scores,
    StatedRate,
    UnlabeledCalibration,
)


class Promises(Calling):
    """Rates, strangers and reviews."""

    def stated(self, fpir: float | str | None = None) -> StatedRate:
        """As `holotype.recognizer.stated`."""
        asked = "" if fpir is None else f"?{urlencode({'fpir': fpir})}"
        return record(StatedRate, self._call("GET", f"/v1/thresholds{asked}"))

    def scores(self) -> Scores:
        """As `holotype.recognizer.scores`."""
        return record(Scores, self._call("GET", "/v1/scores"))

    def calibrate(
        self,
        images: Sequence[Picture] = (),
        classes: Sequence[str] | None = None,
        *,
        vectors: NDArray[Any] | None = None,
        suspects: Literal["refuse", "leave-out", "keep"] = "refuse",
        skip_unusable: bool = False,
        dry_run: bool = False,
    ) -> Calibration | None:
        """As `holotype.recognizer.calibrate`; None where an earlier try had stored them."""
        asked = {
            "classes": None if classes is None else [*classes],
            "suspects": suspects,
            "skip_unusable": skip_unusable,
            "dry_run": dry_run,
        }
        said = self._post("/v1/calibrate", images, vectors, asked, changes=not dry_run)
        return None if said["change"] is None else record(Calibration, said["change"])

    def calibrate_unlabeled(
        self,
        images: Sequence[Picture] = (),
        *,
        vectors: NDArray[Any] | None = None,
        skip_unusable: bool = False,
        dry_run: bool = False,
    ) -> UnlabeledCalibration | None:
        """As `holotype.recognizer.calibrate_unlabeled`; None as for `calibrate`."""
        asked = {"skip_unusable": skip_unusable, "dry_run": dry_run}
        place = "/v1/calibrate/unlabeled"
        said = self._post(place, images, vectors, asked, changes=not dry_run)
        return None if said["change"] is None else record(UnlabeledCalibration, said["change"])

    def strangers(self) -> tuple[StrangerBatch, ...]:
        """As `Gallery.stranger_batches`."""
        said = self._call("GET", "/v1/strangers")["batches"]
        return tuple(record(StrangerBatch, one) for one in said)

    def remove_strangers(self, batch: str) -> int:
        """As `Gallery.remove_strangers`."""
        place = f"/v1/strangers/{quote(batch, safe='')}"
        return int(self._call("DELETE", place, changes=True)["removed"])

    def feedback(
        self,
        decision: Decision | str,
        correct: bool,
        image: Picture | None = None,
        *,
        truth: str | None = None,
        stranger: bool = False,
    ) -> Reviewed:
        """As `holotype.recognizer.feedback`."""
        token = decision.id if isinstance(decision, Decision) else decision
        place = f"/v1/decisions/{quote(token, safe='')}/feedback"
        images = [] if image is None else [image]
        asked = {"correct": correct, "truth": truth, "stranger": stranger}
        return record(Reviewed, self._post(place, images, None, asked, changes=True))

    def undo_feedback(self, decision: Decision | str) -> int:
        """As `holotype.recognizer.undo_feedback`."""
        token = decision.id if isinstance(decision, Decision) else decision
        place = f"/v1/decisions/{quote(token, safe='')}/feedback"
        return int(self._call("DELETE", place, changes=True)["erased"])

    def review(self) -> tuple[MeasuredRate, ...]:
        """As `holotype.recognizer.review`."""
        said = self._call("GET", "/v1/review")["rates"]
        return tuple(record(MeasuredRate, one) for one in said)

    def lint(self, fpir: float | str | None = None) -> Lint:
        """As `holotype.recognizer.lint`."""
        asked = "" if fpir is None else f"?{urlencode({'fpir': fpir})}"
        return record(Lint, self._call("GET", f"/v1/lint{asked}"))
