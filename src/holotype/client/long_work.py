"""Long work: begun, looked after, and what came of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import quote

from holotype.client.calling import Calling, Picture
from holotype.client.said import record
from holotype.records import Job

_LOOK_S = 0.25


class LongWork(Calling):
    """The jobs of a server."""

    def begin_enroll(
        self,
        pictures: Sequence[tuple[str, Picture]] | Picture,
        *,
        consent: str | None = None,
        retain_until: date | None = None,
        tags: Sequence[str] = (),
        anyway: bool = False,
    ) -> Job:
        """As `holotype.recognizer.enroll_many`, as a job of the server.

        Args:
            pictures: at most 1,000 of label and picture; or a ZIP of a folder for each label.
            consent: as for `enroll`.
            retain_until: likewise.
            tags: likewise.
            anyway: likewise.
        """
        asked = {
            "consent": consent,
            "retain_until": retain_until,
            "tags": [*tags],
            "anyway": anyway,
        }
        return self._begin("enroll", pictures, asked)

    def begin_evaluate(
        self,
        pictures: Sequence[tuple[str, Picture]] | Picture,
        *,
        enrolled: int | None = None,
        galleries: int = 200,
        seed: int = 0,
    ) -> Job:
        """As `holotype evaluate --protocol open-set`, as a job; pictures as for `begin_enroll`."""
        asked = {"enrolled": enrolled, "galleries": galleries, "seed": seed}
        return self._begin("evaluate", pictures, asked)

    def begin_reembed(self, model: str) -> Job:
        """As `holotype reembed`, as a job."""
        return record(Job, self._json("POST", "/v1/jobs/reembed", {"model": model}))

    def jobs(self) -> tuple[Job, ...]:
        """Those that wait, run, or ended within a day, newest first."""
        return tuple(record(Job, one) for one in self._call("GET", "/v1/jobs")["jobs"])

    def job(self, job: Job | str) -> Job:
        """How far a job is.

        Raises:
            ServingError: there is none such.
        """
        return record(Job, self._call("GET", f"/v1/jobs/{_id(job)}"))

    def wait(self, job: Job | str, progress: Callable[[Job], None] | None = None) -> Job:
        """A job once it has ended.

        Args:
            job: the job.
            progress: is shown the job each time it was looked at.
        """
        while True:
            found = self.job(job)
            if progress is not None:
                progress(found)
            if found.ended is not None:
                return found
            time.sleep(_LOOK_S)

    def cancel(self, job: Job | str) -> Job:
        """Let a job end, or erase one that has ended."""
        return record(Job, self._call("DELETE", f"/v1/jobs/{_id(job)}"))

    def report(self, job: Job | str) -> str:
        """The page of a measurement, as HTML."""
        found: bytes = self._call("GET", f"/v1/jobs/{_id(job)}/report")
        return found.decode()

    def _begin(
        self,
        kind: str,
        pictures: Sequence[tuple[str, Picture]] | Picture,
        asked: Mapping[str, Any],
    ) -> Job:
        place = f"/v1/jobs/{kind}"
        if isinstance(pictures, str | bytes | os.PathLike):
            said = self._post(place, [pictures], None, asked, changes=True, part="archive")
        else:
            labels = [label for label, _ in pictures]
            images = [image for _, image in pictures]
            said = self._post(place, images, None, {**asked, "labels": labels}, changes=True)
        return record(Job, said)

    # -- the wire ---------------------------------------------------------------------------


def _id(job: Job | str) -> str:
    return quote(job.id if isinstance(job, Job) else job, safe="")
