"""Who is it, is it that one, are these two the same?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from holotype import recognizer as services
from holotype.domains.domain import Detected
from holotype.errors import ImageError, VectorError
from holotype.recognizer import Recognizer
from holotype.recognizer.detection import detect, given
from holotype.records import Decision, Shown, StatedRate
from holotype.server.answers import answer
from holotype.server.cameras import jpeg
from holotype.server.forms import Sent, sent
from holotype.server.routing import Router, house, route, who
from holotype.watching.watch import cut

router = Router("Ask")

Rate = Annotated[
    float | str | None,
    Field(description="A fraction such as 0.01, or 1%; unless it is stated: 1 %, or the smallest "
    "share that anything is known of"),
]  # fmt: skip
Confidence = Annotated[
    float | str | None,
    Field(description="Of galleries, such as 0.8: so many of those like this keep the rate; unless "
    "it is stated, the rate is kept on average"),
]  # fmt: skip
Prior = Annotated[
    float,
    Field(ge=0, le=1, description="The share of strangers that is expected; only the probability "
    "depends on it"),
]  # fmt: skip


class Fields(BaseModel):
    """Of a body: nothing else is taken."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, defer_build=True)


class Identify(Fields):
    """1:N."""

    fpir: Rate = None
    confidence: Confidence = None
    stranger_prior: Prior = 0.5
    tag: str | None = Field(None, description="Those alone who have it are compared")
    again: bool = Field(False, description="The same were asked about before, at another rate: "
                        "they are not counted, kept or told once more")  # fmt: skip

    def of_the_library(self) -> dict[str, Any]:
        """What `Recognizer.identify` takes."""
        return self.model_dump(exclude={"again"})


class Verify(Fields):
    """1:1 with somebody enrolled."""

    label: str
    fmr: Rate = None
    confidence: Confidence = None
    stranger_prior: Prior = 0.5


class Same(Fields):
    """1:1 of two pictures, or of a picture and a text."""

    text: str | None = Field(None, description="What the one picture may show, in place of a "
                             "second picture, where the model has a text side")  # fmt: skip
    fmr: Rate = None
    stranger_prior: Prior = 0.5


@dataclass(frozen=True, slots=True)
class Answers:
    """One decision for each picture or vector, in the order in which they were sent."""

    answers: tuple[Decision, ...]


@dataclass(frozen=True, slots=True)
class Detections:
    """What each picture shows, largest first, in the order in which they were sent."""

    detected: tuple[tuple[Shown, ...], ...]


@route(
    router,
    "POST",
    "/v1/detect",
    "read",
    Detections,
    body=Fields,
    pictures="Each shows at least one thing, or why it shows none",
)
async def detect_all(request: Request) -> Response:
    """What is shown that can be recognized, what speaks against it, and its embedding."""
    got = await sent(request, Fields)

    def act(recognizer: Recognizer) -> tuple[tuple[Shown, ...], ...]:
        found = detect(recognizer.embedder, _some(got), everybody=True)
        return tuple(tuple(map(_shown, each)) for each in found)

    return answer(Detections(await house(request).desk.embed(act)))


def _shown(one: Detected) -> Shown:
    vector = None if one.vector is None else tuple(one.vector.tolist())
    return Shown(one.box, one.reasons, vector)


@route(
    router,
    "POST",
    "/v1/identify",
    "read",
    Answers,
    body=Identify,
    pictures="The probes; each gets its own answer, also beside one that cannot be read",
    vectors=True,
)
async def identify(request: Request) -> Response:
    """1:N: who is it, or is it nobody? 200 with `cannot_tell` where a picture shows nothing."""
    got = await sent(request, Identify)
    asked, visitors = got.fields, house(request).outlets.visitors

    def act(recognizer: Recognizer) -> list[Decision]:
        pictures: list[bytes | None]
        if got.vectors is not None:
            seen = given(got.vectors, recognizer.embedding_dim)
            pictures = [None] * len(seen)
            found = recognizer.identify(vectors=got.vectors, **asked.of_the_library())
            decisions = found if isinstance(found, list) else [found]
        else:
            images = _some(got)
            pictures = [*images]
            seen = [one for (one,) in detect(recognizer.embedder, images)]
            decisions = recognizer.identify(seen, **asked.of_the_library())
        vectors = [one.vector for one in seen]
        if visitors is not None and asked.again:
            visitors.answered_again(recognizer, decisions, vectors)
        elif visitors is not None:
            visitors.keep(recognizer, decisions, vectors, pictures, {"actor": who(request)})
        return decisions

    return await _answered(request, asked, await house(request).desk.embed(act))


@route(
    router,
    "POST",
    "/v1/identify/all",
    "read",
    Answers,
    body=Identify,
    pictures="The one picture",
)
async def identify_all(request: Request) -> Response:
    """1:N for each face of one picture, largest first; nobody is on a picture twice."""
    got = await sent(request, Identify)
    asked, visitors = got.fields, house(request).outlets.visitors

    def act(recognizer: Recognizer) -> list[Decision]:
        (image,) = _so_many(got, 1)
        seen = recognizer.identify_all(image, **asked.of_the_library())
        decisions = [one.decision for one in seen]
        if visitors is not None and asked.again:
            visitors.answered_again(recognizer, decisions, [one.vector for one in seen])
        elif visitors is not None:
            for one in seen:  # nobody else of the picture is kept along
                shown = image if one.decision.box is None else jpeg(cut(image, one.decision))
                facts = {"actor": who(request)} | ({"cut": True} if one.decision.box else {})
                visitors.keep(recognizer, [one.decision], [one.vector], [shown], facts)
        return decisions

    return await _answered(request, asked, await house(request).desk.embed(act))


async def _answered(request: Request, asked: Identify, answers: list[Decision]) -> Response:
    if not asked.again:
        house(request).metrics.decided("identify", answers)
        await house(request).feed.answered(answers, who(request))
    return answer({"answers": answers})


@route(
    router,
    "POST",
    "/v1/verify",
    "read",
    Decision,
    body=Verify,
    pictures="The one probe",
    vectors=True,
)
async def verify(request: Request) -> Response:
    """1:1: is it the one that it claims to be?"""
    got = await sent(request, Verify)
    asked = got.fields

    def act(recognizer: Recognizer) -> Decision:
        if got.vectors is not None:
            if len(got.vectors) != 1:
                raise VectorError(f"verify got {len(got.vectors)} vectors", "Send one")
            (vector,) = got.vectors
            return recognizer.verify(vectors=vector, **asked.model_dump())
        (image,) = _so_many(got, 1)
        return recognizer.verify(image=image, **asked.model_dump())

    decision = await house(request).desk.embed(act)
    house(request).metrics.decided("verify", [decision])
    return answer(decision)


@route(router, "POST", "/v1/same", "read", Decision, body=Same, pictures="The two pictures")
async def same(request: Request) -> Response:
    """Do two pictures show the same, or one what a text says? Nobody who is enrolled is asked."""
    got = await sent(request, Same)
    asked = got.fields

    def act(recognizer: Recognizer) -> Decision:
        first, *others = _so_many(got, 2 if asked.text is None else 1)
        return services.same(
            first,
            next(iter(others), None),
            recognizer,
            description=asked.text,
            fmr=asked.fmr,
            stranger_prior=asked.stranger_prior,
        )

    decision = await house(request).desk.embed(act)
    house(request).metrics.decided("same", [decision])
    return answer(decision)


@route(router, "GET", "/v1/thresholds", "read", StatedRate)
async def thresholds(
    request: Request, fpir: Annotated[str | None, Query(description="As for identify")] = None
) -> Response:
    """What a stated rate means here: who sets it, from where it accepts, and whom it misses."""
    return answer(await house(request).desk.read(lambda at: services.stated(at, fpir)))


def _some(got: Sent[Any]) -> list[bytes]:
    images = got.images()
    if not images:
        raise ImageError("no image was sent", "Send at least one as images, or vectors to identify")
    return images


def _so_many(got: Sent[Any], count: int) -> list[bytes]:
    images = got.images()
    if len(images) != count:
        raise ImageError(f"{len(images)} images were sent", f"Send {count}")
    return images
