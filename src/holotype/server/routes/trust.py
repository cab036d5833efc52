"""What sets the thresholds here, and what people say about the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from holotype import recognizer as services
from holotype.errors import ImageError
from holotype.gallery import AuditEntry, StrangerBatch
from holotype.recognizer import Recognizer
from holotype.records import Calibration, MeasuredRate, Reviewed
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import sent
from holotype.server.routes.asking import Fields
from holotype.server.routing import PENDING, asked_again, house, route, who

router = APIRouter(tags=["Trust"])
_REPLAYED = {"idempotent-replay": "true"}


class Calibrate(Fields):
    """Beside the pictures."""

    classes: list[str] | None = None  # of each picture; else each is another person or thing
    suspects: Literal["refuse", "leave-out", "keep"] = "refuse"
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
    here = house(request)

    def act(recognizer: Recognizer) -> tuple[Calibrated, bool]:
        images = got.images()
        if got.vectors is not None and images:
            raise ImageError("both images and vectors were sent", "Send one of them")

        def add(actor: str) -> Calibrated:
            change = services.calibrate(
                recognizer,
                images,
                asked.classes,
                vectors=got.vectors,
                suspects=asked.suspects,
                skip_unusable=asked.skip_unusable,
                accept=(lambda _: False) if asked.dry_run else None,
                actor=actor,
            )
            return Calibrated(change.batch, change)

        def again(line: AuditEntry) -> Calibrated:
            return Calibrated(line.facts["batch"], None)

        repeat = None if asked.dry_run else asked_again(request, *got.content())
        return here.repeats.once(recognizer, repeat, who(request), add, again)

    found, before = await here.desk.embed(act)
    return answer(found, headers=_REPLAYED if before else None)


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
    here = house(request)

    def act(recognizer: Recognizer) -> tuple[Removed, bool]:
        def erase(actor: str) -> Removed:
            if all(one.id != batch for one in recognizer.gallery.stranger_batches()):
                raise RefusedError(404, "not_found", "there is no such batch", "See /v1/strangers")
            return Removed(recognizer.gallery.remove_strangers(batch, actor=actor))

        def again(line: AuditEntry) -> Removed:
            return Removed(line.facts["strangers"])

        return here.repeats.once(recognizer, asked_again(request), who(request), erase, again)

    found, before = await here.desk.read(act)
    return answer(found, headers=_REPLAYED if before else None)


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
    here = house(request)

    def act(recognizer: Recognizer) -> tuple[Reviewed, bool]:
        images = got.images()
        if len(images) > 1:
            raise ImageError(f"{len(images)} images were sent", "Send the one probe, or none")

        def say(actor: str) -> Reviewed:
            return services.feedback(
                recognizer,
                decision,
                got.fields.correct,
                *images,
                truth=got.fields.truth,
                stranger=got.fields.stranger,
                actor=actor,
            )

        def again(line: AuditEntry) -> Reviewed:
            name = line.facts["decision"]
            given = [one for one in recognizer.gallery.feedbacks() if one.decision == name]
            return Reviewed(name, line.facts["correct"], sum(one.examples for one in given))

        repeat = asked_again(request, *got.content())
        return here.repeats.once(recognizer, repeat, who(request), say, again)

    found, before = await here.desk.embed(act)
    return answer(found, headers=_REPLAYED if before else None)


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
    """Take feedback back, and erase the example that came of it."""
    here = house(request)

    def act(recognizer: Recognizer) -> tuple[Undone, bool]:
        def undo(actor: str) -> Undone:
            return Undone(services.undo_feedback(recognizer, decision, actor=actor))

        def again(line: AuditEntry) -> Undone:
            return Undone(line.facts["examples"])

        return here.repeats.once(recognizer, asked_again(request), who(request), undo, again)

    found, before = await here.desk.read(act)
    return answer(found, headers=_REPLAYED if before else None)


@route(router, "GET", "/v1/review", "read", Review)
async def review(request: Request) -> Response:
    """What reviews show about this installation: above all the measured false accepts."""
    return answer({"rates": await house(request).desk.read(services.review)})
