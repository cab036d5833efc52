"""What sets the thresholds here, and what people say about the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query, Request
from starlette.responses import Response

from holotype import recognizer as services
from holotype.errors import ImageError
from holotype.gallery import AuditEntry, StrangerBatch
from holotype.recognizer import Recognizer
from holotype.records import Calibration, Lint, MeasuredRate, Reviewed, Scores, UnlabeledCalibration
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import sent
from holotype.server.routes.recognition import Fields
from holotype.server.routing import PENDING, Router, change, house, route

router = Router("Trust")


class Calibrate(Fields):
    """Beside the pictures."""

    classes: list[str] | None = None  # of each picture; else each is another person or thing
    suspects: Literal["refuse", "leave-out", "keep"] = "refuse"
    skip_unusable: bool = False
    dry_run: bool = False


class Unlabeled(Fields):
    """Beside the pictures."""

    skip_unusable: bool = False
    dry_run: bool = False


class Said(Fields):
    """Whether an answer was right."""

    correct: bool
    truth: str | None = None  # the label of who it shows, where the answer was wrong
    stranger: bool = False  # whether it is known to show nobody who is enrolled


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What the strangers change, or that they were stored before."""

    batch: str | None  # under which they are stored; None: they are not
    change: Calibration | None  # None where the call was sent again


@dataclass(frozen=True, slots=True)
class CalibratedUnlabeled:
    """What unlabeled pictures change, or that they were stored before."""

    batch: str | None  # under which they are stored; None: they are not
    change: UnlabeledCalibration | None  # None where the call was sent again


@dataclass(frozen=True, slots=True)
class Batches:
    """The owner's own strangers."""

    batches: tuple[StrangerBatch, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """What is gone."""

    removed: int  # vectors


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of a review is gone with it."""

    erased: int  # examples


@dataclass(frozen=True, slots=True)
class Review:
    """What the reviews show, for each stated rate."""

    rates: tuple[MeasuredRate, ...]


@route(
    router,
    "POST",
    "/v1/calibrate",
    "admin",
    Calibrated,
    body=Calibrate,
    pictures="Of people or things that are not enrolled, taken where the probes are",
    vectors=True,
    changes=True,
)
async def calibrate(request: Request) -> Response:
    """Let strangers of your own set the thresholds; with `dry_run`, see what would change."""
    got = await sent(request, Calibrate)
    asked = got.fields

    def add(recognizer: Recognizer, actor: str) -> Calibrated:
        found = services.calibrate(
            recognizer,
            got.one_kind(),
            asked.classes,
            vectors=got.vectors,
            suspects=asked.suspects,
            skip_unusable=asked.skip_unusable,
            accept=(lambda _: False) if asked.dry_run else None,
            actor=actor,
        )
        return Calibrated(found.batch, found)

    def again(_: Recognizer, line: AuditEntry) -> Calibrated:
        return Calibrated(line.facts["batch"], None)

    content = None if asked.dry_run else got.content
    return await change(request, house(request).desk.embed, add, again, content)


@route(
    router,
    "POST",
    "/v1/calibrate/unlabeled",
    "admin",
    CalibratedUnlabeled,
    body=Unlabeled,
    pictures="From where the probes come, whoever is on them",
    vectors=True,
    changes=True,
)
async def calibrate_unlabeled(request: Request) -> Response:
    """Let pictures of which nobody says whom they show set the thresholds."""
    got = await sent(request, Unlabeled)
    asked = got.fields

    def add(recognizer: Recognizer, actor: str) -> CalibratedUnlabeled:
        found = services.calibrate_unlabeled(
            recognizer,
            got.one_kind(),
            vectors=got.vectors,
            skip_unusable=asked.skip_unusable,
            accept=(lambda _: False) if asked.dry_run else None,
            actor=actor,
        )
        return CalibratedUnlabeled(found.batch, found)

    def again(_: Recognizer, line: AuditEntry) -> CalibratedUnlabeled:
        return CalibratedUnlabeled(line.facts["batch"], None)

    content = None if asked.dry_run else got.content
    return await change(request, house(request).desk.embed, add, again, content)


@route(router, "GET", "/v1/strangers", "read", Batches)
async def strangers(request: Request) -> Response:
    """The batches of own strangers, oldest first."""
    batches = await house(request).desk.read(lambda at: at.gallery.stranger_batches())
    return answer({"batches": batches})


@route(
    router,
    "DELETE",
    "/v1/strangers/{batch}",
    "admin",
    Removed,
    changes=True,
    status=PENDING,
)
async def remove_strangers(request: Request, batch: str) -> Response:
    """Erase a batch."""

    def erase(recognizer: Recognizer, actor: str) -> Removed:
        if all(one.id != batch for one in recognizer.gallery.stranger_batches()):
            raise RefusedError(404, "not_found", "there is no such batch", "See /v1/strangers")
        return Removed(recognizer.gallery.remove_strangers(batch, actor=actor))

    def again(_: Recognizer, line: AuditEntry) -> Removed:
        return Removed(line.facts["strangers"])

    return await change(request, house(request).desk.read, erase, again)


@route(
    router,
    "POST",
    "/v1/decisions/{decision}/feedback",
    "enroll",
    Reviewed,
    body=Said,
    pictures="The probe, to be learned from if the answer was a sure match",
    vectors=False,
    changes=True,
)
async def feedback(request: Request, decision: str) -> Response:
    """Say whether a decision was right; a decision is reviewed once."""
    got = await sent(request, Said)
    asked, visitors = got.fields, house(request).outlets.visitors

    def say(recognizer: Recognizer, actor: str) -> Reviewed:
        images = got.images()
        if len(images) > 1:
            raise ImageError(f"{len(images)} images were sent", "Send the one probe, or none")
        done = services.feedback(
            recognizer,
            decision,
            asked.correct,
            *images,
            truth=asked.truth,
            stranger=asked.stranger,
            actor=actor,
        )
        if visitors is not None:
            visitors.reviewed(decision)
        return done

    return await change(request, house(request).desk.embed, say, reviewed_again, got.content)


@route(
    router,
    "DELETE",
    "/v1/decisions/{decision}/feedback",
    "enroll",
    Undone,
    changes=True,
    status=PENDING,
)
async def undo_feedback(request: Request, decision: str) -> Response:
    """Take feedback back, and erase the example or the stranger that came of it."""

    def act(recognizer: Recognizer, actor: str) -> Undone:
        return Undone(services.undo_feedback(recognizer, decision, actor=actor))

    def again(_: Recognizer, line: AuditEntry) -> Undone:
        return Undone(line.facts["examples"])

    return await change(request, house(request).desk.read, act, again)


@route(router, "GET", "/v1/scores", "read", Scores)
async def scores(request: Request) -> Response:
    """What the enrolled, strangers and probes reach, as histograms, and where thresholds lie."""
    return answer(await house(request).desk.read(services.scores))


@route(router, "GET", "/v1/lint", "read", Lint)
async def lint(
    request: Request, fpir: Annotated[str | None, Query(description="As for identify")] = None
) -> Response:
    """Which pictures would be missed, who would be taken for whom, who needs another picture."""
    return answer(await house(request).desk.survey(lambda at: services.lint(at, fpir)))


@route(router, "GET", "/v1/review", "read", Review)
async def review(request: Request) -> Response:
    """What reviews show about this installation: above all the measured false accepts."""
    return answer({"rates": await house(request).desk.read(services.review)})


def reviewed_again(recognizer: Recognizer, line: AuditEntry) -> Reviewed:
    """What became of a review, from its line."""
    name = line.facts["decision"]
    given = [one for one in recognizer.gallery.feedbacks() if one.decision == name]
    examples = recognizer.gallery.examples()
    return Reviewed(
        name,
        line.facts["correct"],
        sum(one.examples for one in given),
        label=next((one.label for one in examples if one.decision == name), None),
        strangers=sum(one.strangers for one in given),
    )
