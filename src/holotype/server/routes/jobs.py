"""Long work: begun by one call, looked at by others, ended by itself or by one more."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from fastapi import Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from holotype.errors import GalleryError, HolotypeError
from holotype.pack import load_pack, shipped_packs
from holotype.recognizer import BARE, Recognizer, enroll_many, reembed
from holotype.records import Job, JobKind
from holotype.server.answers import RefusedError, answer, as_json
from holotype.server.forms import MAX_BULK, Sent, sent
from holotype.server.jobs import Outcome, Progress, Work
from holotype.server.routes.happening import HEARTBEAT_S, STREAM
from holotype.server.routes.recognition import Fields
from holotype.server.routing import REPLAYED, Router, asked_once, house, is_valid, route, who
from holotype.server.upload import Upload

router = Router("Jobs")
_LOOK_S = 0.25
_PICTURES = "Pictures, each with its label"
_BEGUN: dict[int, Any] = {202: Job}


@dataclass(frozen=True, slots=True)
class AllJobs:
    """The jobs of the last day, newest first."""

    jobs: tuple[Job, ...]


class Labeled(Fields):
    """Pictures of many labels."""

    labels: list[str] = Field([], description="Of each picture; none with an archive")


class Many(Labeled):
    """Whom to enroll, and on which terms."""

    consent: str | None = None
    retain_until: date | None = None
    tags: list[str] = Field([])
    anyway: bool = False


class Measure(Labeled):
    """How to measure."""

    groups: list[str] = Field([], description="Of each picture, where rates are told of each")
    enrolled: int | None = Field(None, ge=1, le=100_000, description="Identities in a gallery")
    galleries: int = Field(200, ge=2, le=1000)
    seed: int = Field(0, ge=0, le=2**31 - 1)


class Target(Fields):
    """Another model."""

    model: str = Field(description="The name of a pack that comes with the server")


@route(router, "POST", "/v1/jobs/enroll", "enroll", None, body=Many, pictures=_PICTURES,
       archive=True, changes=True, status=_BEGUN, instead=True)  # fmt: skip
async def enroll(request: Request) -> Response:
    """Enroll many pictures: parts of a form with a label each, or a ZIP of a folder for each label.

    A picture that cannot be stored is left out and named in the result; the others are stored, some
    hundreds in one change. Asked for again, nothing is stored twice.
    """
    got = await sent(request, Many, MAX_BULK)
    upload, terms, actor, desk = _upload(got), got.fields, who(request), house(request).desk

    def work(progress: Progress) -> Outcome:
        def act(recognizer: Recognizer) -> Outcome:
            done = 0

            def pictures() -> Any:
                for one in upload:
                    progress(done, len(upload))  # also where it is canceled in between
                    yield one

            def stored(count: int) -> None:
                nonlocal done
                done = count
                progress(done, len(upload))

            found = enroll_many(
                recognizer,
                pictures(),
                consent=terms.consent,
                retain_until=terms.retain_until,
                tags=terms.tags,
                anyway=terms.anyway,
                progress=stored,
                actor=actor,
            )
            return Outcome(found, names=frozenset(pair.other for pair in found.alike))

        return desk.call(act)

    return await _begun(request, "enroll", got, work, upload.labels)


@route(router, "POST", "/v1/jobs/evaluate", "enroll", None, body=Measure, pictures=_PICTURES,
       archive=True, changes=True, status=_BEGUN, instead=True)  # fmt: skip
async def evaluate(request: Request) -> Response:
    """Measure on your own labeled pictures what the stated rates are worth; nothing is stored.

    The result has every figure; `/v1/jobs/{job}/report` is a page of them.
    """
    got = await sent(request, Measure, MAX_BULK)
    upload, asked, desk = _upload(got), got.fields, house(request).desk
    groups = upload.groups(asked.groups)

    def work(progress: Progress) -> Outcome:
        from holotype import report
        from holotype.report.page import render

        if desk.card is None:
            raise GalleryError(
                f"a gallery of {BARE} has no model that could look at a picture",
                "Measure where the vectors are made",
            )
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "pictures"
            data.mkdir()
            upload.unpack(data)
            try:
                proof = report.measure(
                    load_pack(desk.model),
                    data,
                    enrolled=asked.enrolled,
                    galleries=asked.galleries,
                    seed=asked.seed,
                    progress=lambda _, done, total: progress(done, total),
                )
            except HolotypeError as error:  # no path of the server is told
                error.problem = error.problem.replace(f"{data}{os.sep}", "")
                raise
            if groups:
                named = proof.dataset.class_names
                proof = replace(proof, group=tuple(groups[one] for one in named))
            # The page shows pictures of mistakes.
            return Outcome(proof.to_json(), render(proof, "the result of the job"))

    return await _begun(request, "evaluate", got, work, upload.labels)


@route(
    router,
    "POST",
    "/v1/jobs/reembed",
    "admin",
    None,
    body=Target,
    changes=True,
    status=_BEGUN,
    instead=True,
)
async def move(request: Request) -> Response:
    """Move the gallery to another model, from the pictures that it keeps; see `holotype reembed`.

    Until the last step the gallery is used as before. Own strangers are dropped: calibrate anew.
    """
    got = await sent(request, Target)
    model, desk, actor = got.fields.model, house(request).desk, who(request)
    if model not in shipped_packs():  # no path of the server is taken from a call
        raise RefusedError(
            422,
            "pack",
            f"no pack named {model[:100]!r} comes with the server",
            f"Name one of {', '.join(shipped_packs())}",
        )

    def work(progress: Progress) -> Outcome:
        return Outcome(reembed(desk.path, model, progress=progress, actor=actor))

    return await _begun(request, "reembed", got, work)


@route(router, "GET", "/v1/jobs", "read", AllJobs)
async def jobs(request: Request) -> Response:
    """The jobs that wait, run, or ended within a day."""
    found = house(request).jobs
    return answer({"jobs": await house(request).desk.read(lambda _: found.all())})


@route(router, "GET", "/v1/jobs/{job}", "read", Job, stream=True)
async def one_job(request: Request, job: str) -> Response:
    """How far it is. With `Accept: text/event-stream`, each time it is further, until it ends."""
    found = await _find(request, job)
    if STREAM in request.headers.get("accept", ""):
        return StreamingResponse(_stream(request, found), media_type=STREAM)
    return answer(found)


@route(router, "GET", "/v1/jobs/{job}/report", "read", None, media="text/html")
async def page(request: Request, job: str) -> Response:
    """The report of a measurement, as a page of its own that needs no other address."""
    content = await house(request).desk.read(lambda _: house(request).jobs.page(job))
    if content is None:
        raise RefusedError(404, "not_found", "there is no report of such a job", "See /v1/jobs")
    return Response(
        content,
        media_type="text/html",
        headers={"content-disposition": 'attachment; filename="holotype-report.html"'},
    )


@route(router, "DELETE", "/v1/jobs/{job}", "enroll", Job)
async def cancel(request: Request, job: str) -> Response:
    """Let a job end; what it stored stays. One that has ended is erased with its result."""
    found = await house(request).desk.read(lambda _: house(request).jobs.remove(job))
    if found is None:
        raise _unknown()
    return answer(found)


def _upload(got: Sent[Any]) -> Upload:
    return Upload(got.pictures, got.fields.labels, got.archive)


async def _begun(
    request: Request, kind: JobKind, got: Sent[Any], work: Work, names: Iterable[str] = ()
) -> Response:
    found = house(request)
    job, before = await found.desk.read(
        lambda _: found.jobs.add(kind, who(request), asked_once(request, got.content), work, names)
    )
    where = {"location": f"/v1/jobs/{job.id}"}
    return answer(job, 202, {**where, **REPLAYED} if before else where)


async def _find(request: Request, job: str) -> Job:
    found = await house(request).desk.read(lambda _: house(request).jobs.find(job))
    if found is None:
        raise _unknown()
    return found


def _unknown() -> RefusedError:
    return RefusedError(404, "not_found", "there is no such job", "See /v1/jobs")


async def _stream(request: Request, job: Job) -> AsyncIterator[bytes]:
    feed, told, silent_s = house(request).feed, None, 0.0
    while not feed.closing and is_valid(request):
        if job != told:
            yield b"data: %s\n\n" % as_json(job)
            told, silent_s = job, 0.0
        elif silent_s > HEARTBEAT_S:
            yield b": \n\n"
            silent_s = 0.0
        if job.ended is not None:
            return
        await asyncio.sleep(_LOOK_S)
        silent_s += _LOOK_S
        try:
            job = await _find(request, job.id)
        except RefusedError:  # erased, or too much is going on
            continue
