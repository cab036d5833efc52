"""The routes that programs written for CompreFace call, over the same gallery.

Their answers have the fields of CompreFace (docs/Rest-API-description.md of its repository, version
1.2). Two things differ, and are why this is here: who is not accepted at the stated rate is nobody,
so `subjects` is empty and `similarity` 0, whatever threshold the program has; and `answer` says
which of the three it is. What fails has the form of every other route of this server.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from holotype import recognizer as services
from holotype.errors import ImageError
from holotype.gallery import AuditEntry, Erasure, ExampleRecord, check_label
from holotype.recognizer import Recognizer
from holotype.records import Answer, Decision
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import Sent, sent
from holotype.server.routes.identities import enrolled, picture
from holotype.server.routes.recognition import Fields
from holotype.server.routing import change, house, route, who

router = APIRouter(tags=["CompreFace"])
ROOT = "/api/v1/recognition"
_NO_FACE = 28  # its number for a picture without a face, by which programs know it


@dataclass(frozen=True, slots=True)
class Subject:
    """The name of a subject."""

    subject: str


@dataclass(frozen=True, slots=True)
class Subjects:
    """All of them."""

    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Updated:
    """A subject has another name."""

    updated: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many examples are erased."""

    deleted: int


@dataclass(frozen=True, slots=True)
class Face:
    """One stored example."""

    image_id: str
    subject: str


@dataclass(frozen=True, slots=True)
class Faces:
    """One page of the stored examples."""

    faces: tuple[Face, ...]
    page_number: int
    page_size: int
    total_pages: int
    total_elements: int


@dataclass(frozen=True, slots=True)
class Box:
    """Where a face is, in pixels; all 0 where the model does not look for faces."""

    probability: float
    x_max: int
    y_max: int
    x_min: int
    y_min: int


@dataclass(frozen=True, slots=True)
class Alike:
    """Who is accepted, and how sure that is, in [0, 1]."""

    subject: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Recognized:
    """One face of the picture."""

    box: Box
    subjects: tuple[Alike, ...]  # one, or none: nobody who is enrolled
    answer: Answer


@dataclass(frozen=True, slots=True)
class Recognition:
    """The faces of a picture, largest first."""

    result: tuple[Recognized, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """One face beside another; `similarity` is 0 where they are not accepted as the same."""

    box: Box
    similarity: float
    answer: Answer


@dataclass(frozen=True, slots=True)
class Verification:
    """Faces beside a stored one."""

    result: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The face that others are compared with."""

    box: Box


@dataclass(frozen=True, slots=True)
class Pair:
    """Faces beside that of another picture."""

    source_image_face: Source
    face_matches: tuple[Compared, ...]


@dataclass(frozen=True, slots=True)
class Pairs:
    """One picture beside another."""

    result: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class NoFace:
    """The picture shows no face."""

    message: str
    code: int


class Name(Fields):
    """Of a subject."""

    subject: str


class File(Fields):
    """A picture, where it is not a part of a form."""

    file: str | None = None


class Two(Fields):
    """Two pictures."""

    source_image: str | None = None
    target_image: str | None = None


_ONE, _BOTH = ("file",), ("source_image", "target_image")
_NONE: dict[int, Any] = {400: NoFace}


@route(router, "POST", f"{ROOT}/recognize", "read", Recognition, parts=_ONE, status=_NONE)
async def recognize(
    request: Request, limit: Annotated[int, Query(ge=0, description="Faces; 0: all")] = 0
) -> Response:
    """Who is on a picture: for each face the one who is accepted, or nobody."""
    (image,) = _pictures(await sent(request, File, parts=_ONE), _ONE)
    seen = await house(request).desk.embed(lambda at: at.identify_all(image))
    decisions = [one.decision for one in seen]
    house(request).metrics.decided("identify", decisions)
    await house(request).feed.answered(decisions, who(request))
    if _is_empty(decisions):
        return _no_face()
    found = tuple(
        Recognized(
            _box(one),
            () if one.label is None else (Alike(one.label, _sure(one)),),
            one.answer,
        )
        for one in decisions[: limit or None]
    )
    return answer(Recognition(found))


@route(router, "GET", f"{ROOT}/subjects", "read", Subjects)
async def subjects(request: Request) -> Response:
    """Who is enrolled."""
    return answer(Subjects(tuple(await house(request).desk.read(lambda at: at.list()))))


@route(router, "POST", f"{ROOT}/subjects", "enroll", Subject, body=Name)
async def add_subject(request: Request) -> Response:
    """Whether a name can be given; it is there with its first face."""
    return answer(Subject(check_label((await sent(request, Name)).fields.subject)))


@route(router, "PUT", f"{ROOT}/subjects/{{subject:path}}", "enroll", Updated, body=Name)
async def rename(request: Request, subject: str) -> Response:
    """Give a subject another name; where somebody has it, the two become one."""
    new, actor = check_label((await sent(request, Name)).fields.subject), who(request)

    def act(recognizer: Recognizer) -> Updated:
        one = enrolled(recognizer, subject)
        if new == one.label:
            return Updated(False)
        there = new in recognizer.list()
        (recognizer.gallery.merge if there else recognizer.gallery.rename)(
            one.label, new, actor=actor
        )
        return Updated(True)

    return answer(await house(request).desk.read(act))


@route(router, "DELETE", f"{ROOT}/subjects/{{subject:path}}", "enroll", Subject,
       status={202: Subject})  # fmt: skip
async def delete_subject(request: Request, subject: str) -> Response:
    """Erase a subject with all examples."""

    def act(recognizer: Recognizer) -> Erasure:
        return recognizer.forget(enrolled(recognizer, subject).label, actor=who(request))

    erased = await house(request).desk.read(act)
    return answer(Subject(subject), 202 if erased.pending else 200)


@route(router, "GET", f"{ROOT}/faces", "read", Faces)
async def faces(
    request: Request,
    page: Annotated[int, Query(ge=0, le=10**9)] = 0,
    size: Annotated[int, Query(ge=1, le=1000)] = 20,
    subject: Annotated[str | None, Query(description="Those of one alone")] = None,
) -> Response:
    """The stored examples, page by page."""

    def act(recognizer: Recognizer) -> list[Face]:
        labels = recognizer.list() if subject is None else [enrolled(recognizer, subject).label]
        return [
            Face(str(one.id), label)
            for label in labels
            for one in recognizer.gallery.examples(label)
        ]

    found = await house(request).desk.survey(act)
    some = tuple(found[page * size : (page + 1) * size])
    return answer(Faces(some, page, size, -(-len(found) // size), len(found)))


@route(router, "POST", f"{ROOT}/faces", "enroll", Face, parts=_ONE, changes=True)
async def add_face(
    request: Request, subject: Annotated[str, Query(description="Who it is")]
) -> Response:
    """Store one more example of a subject, who may be new."""
    got = await sent(request, File, parts=_ONE)

    def add(recognizer: Recognizer, actor: str) -> Face:
        (image,) = _pictures(got, _ONE)
        done = recognizer.enroll(subject, image, actor=actor)
        return Face(str(recognizer.gallery.examples(done.label)[-1].id), done.label)

    def again(recognizer: Recognizer, line: AuditEntry) -> Face:
        one = enrolled(recognizer, subject)
        return Face(str(recognizer.gallery.examples(one.label)[-1].id), one.label)

    return await change(request, house(request).desk.embed, add, again, got.content)


@route(router, "DELETE", f"{ROOT}/faces", "enroll", Deleted)
async def delete_faces(
    request: Request, subject: Annotated[str, Query(description="Whose")]
) -> Response:
    """Erase all examples of a subject, and so the subject."""

    def act(recognizer: Recognizer) -> Deleted:
        label = enrolled(recognizer, subject).label
        return Deleted(recognizer.forget(label, actor=who(request)).examples)

    return answer(await house(request).desk.read(act))


@route(router, "DELETE", f"{ROOT}/faces/{{image_id}}", "enroll", Face)
async def delete_face(request: Request, image_id: int) -> Response:
    """Erase one example; a subject that has no other is erased with it."""

    def act(recognizer: Recognizer) -> Face:
        label, one = _example(recognizer, image_id)
        recognizer.gallery.remove_example(one.id, actor=who(request))
        return Face(str(one.id), label)

    return answer(await house(request).desk.read(act))


@route(router, "GET", f"{ROOT}/faces/{{image_id}}/img", "read", None, media="image/*")
async def image(request: Request, image_id: int) -> Response:
    """The picture of an example, where it is kept."""
    found: Response = await picture(request, image_id)
    return found


@route(router, "POST", f"{ROOT}/faces/{{image_id}}/verify", "read", Verification, parts=_ONE,
       status=_NONE)  # fmt: skip
async def verify(request: Request, image_id: int) -> Response:
    """Whether a picture shows the subject of a stored example."""
    (image,) = _pictures(await sent(request, File, parts=_ONE), _ONE)

    def act(recognizer: Recognizer) -> Decision:
        label, _ = _example(recognizer, image_id)
        return recognizer.verify(label, image)

    one = await house(request).desk.embed(act)
    house(request).metrics.decided("verify", [one])
    return _no_face() if _is_empty([one]) else answer(Verification((_compared(one),)))


@route(router, "POST", "/api/v1/verification/verify", "read", Pairs, parts=_BOTH, status=_NONE)
async def verify_pair(request: Request) -> Response:
    """Whether two pictures show the same one; nobody who is enrolled is asked."""
    first, second = _pictures(await sent(request, Two, parts=_BOTH), _BOTH)
    one = await house(request).desk.embed(lambda at: services.same(first, second, at))
    house(request).metrics.decided("same", [one])
    if _is_empty([one]):
        return _no_face()
    return answer(Pairs((Pair(Source(_nowhere()), (_compared(one),)),)))


def _pictures(got: Sent[Any], parts: tuple[str, ...]) -> list[bytes]:
    """The pictures of a call, whether as parts of a form or in base64."""
    images = got.images()
    try:
        for text in (getattr(got.fields, part) for part in parts):
            if text is not None:
                images.append(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise ImageError("a picture is not in base64", "Send it as it is, in a form") from None
    if len(images) != len(parts):
        raise ImageError(f"{len(images)} pictures were sent", f"Send {' and '.join(parts)}")
    return images


def _example(recognizer: Recognizer, number: int) -> tuple[str, ExampleRecord]:
    for label in recognizer.list():
        for one in recognizer.gallery.examples(label):
            if one.id == number:
                return label, one
    raise RefusedError(404, "not_found", f"there is no example {number}", f"See {ROOT}/faces")


def _is_empty(decisions: list[Decision]) -> bool:
    return any(reason.code == "no_face" for one in decisions for reason in one.reasons)


def _no_face() -> Response:
    return answer(NoFace("No face is found in the given image", _NO_FACE), 400)


def _sure(one: Decision) -> float:
    if one.answer != "match":
        return 0.0
    return max(one.similarity or 0.0, 0.0) if one.probability is None else one.probability


def _compared(one: Decision) -> Compared:
    return Compared(_box(one), _sure(one), one.answer)


def _box(one: Decision) -> Box:
    if one.box is None:
        return _nowhere()
    left, top, right, bottom = one.box
    return Box(1.0, right, bottom, left, top)


def _nowhere() -> Box:
    return Box(1.0, 0, 0, 0, 0)
