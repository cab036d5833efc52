"""The routes that programs written for CompreFace call, over the same gallery.

Their answers have the fields of CompreFace (docs/Rest-API-description.md of its repository, version
1.2). Two things differ, and are why this is here: who is not accepted at the stated rate is nobody,
so `subjects` is empty and `similarity` 0, whatever threshold the program has; and `answer` says
which of the three it is. What fails has the form of every other route of this server.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query, Request
from starlette.responses import Response
from typing_extensions import TypedDict

from holotype import recognizer as services
from holotype.errors import ImageError
from holotype.gallery import AuditEntry, Erasure, ExampleRecord, check_label
from holotype.recognizer import Recognizer
from holotype.records import Answer, Decision
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import Sent, sent
from holotype.server.routes.identities import enrolled, picture
from holotype.server.routes.recognition import Fields
from holotype.server.routing import Router, change, house, route, who

router = Router("CompreFace")
ROOT = "/api/v1/recognition"
_NO_FACE = 28  # its number for a picture without a face, by which programs know it
_T = TypeVar("_T")


class Subject(TypedDict):
    """The name of a subject."""

    subject: str


class Subjects(TypedDict):
    """All of them."""

    subjects: list[str]


class Updated(TypedDict):
    """A subject has another name."""

    updated: bool


class Deleted(TypedDict):
    """How many examples are erased."""

    deleted: int


class Face(Subject):
    """One stored example."""

    image_id: str


class Faces(TypedDict):
    """One page of the stored examples."""

    faces: list[Face]
    page_number: int
    page_size: int
    total_pages: int
    total_elements: int


class Box(TypedDict):
    """Where a face is, in pixels; all 0 where the model does not look for faces."""

    probability: float
    x_max: int
    y_max: int
    x_min: int
    y_min: int


class Source(TypedDict):
    """A face of a picture."""

    box: Box


class Alike(Subject):
    """Who is accepted, and how sure that is, in [0, 1]."""

    similarity: float


class Recognized(Source):
    """One face; with one subject, or none: nobody who is enrolled."""

    subjects: list[Alike]
    answer: Answer


class Compared(Source):
    """One face beside another; `similarity` is 0 where they are not accepted as the same."""

    similarity: float
    answer: Answer


class Pair(TypedDict):
    """The faces of a picture beside that of another."""

    source_image_face: Source
    face_matches: list[Compared]


class Result(TypedDict, Generic[_T]):
    """What was found; of faces, the largest first."""

    result: list[_T]


class NoFace(TypedDict):
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


@route(router, "POST", f"{ROOT}/recognize", "read", Result[Recognized], parts=_ONE, status=_NONE)
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
    return answer({"result": [_recognized(one) for one in decisions[: limit or None]]})


@route(router, "GET", f"{ROOT}/subjects", "read", Subjects)
async def subjects(request: Request) -> Response:
    """Who is enrolled."""
    return answer({"subjects": list(await house(request).desk.read(lambda at: at.list()))})


@route(router, "POST", f"{ROOT}/subjects", "enroll", Subject, body=Name)
async def add_subject(request: Request) -> Response:
    """Whether a name can be given; it is there with its first face."""
    return answer({"subject": check_label((await sent(request, Name)).fields.subject)})


@route(router, "PUT", f"{ROOT}/subjects/{{subject:path}}", "enroll", Updated, body=Name)
async def rename(request: Request, subject: str) -> Response:
    """Give a subject another name; where somebody has it, the two become one."""
    new, actor = check_label((await sent(request, Name)).fields.subject), who(request)

    def act(recognizer: Recognizer) -> Updated:
        one = enrolled(recognizer, subject)
        if new == one.label:
            return {"updated": False}
        there = new in recognizer.list()
        (recognizer.gallery.merge if there else recognizer.gallery.rename)(
            one.label, new, actor=actor
        )
        return {"updated": True}

    return answer(await house(request).desk.read(act))


@route(router, "DELETE", f"{ROOT}/subjects/{{subject:path}}", "enroll", Subject,
       status={202: Subject})  # fmt: skip
async def delete_subject(request: Request, subject: str) -> Response:
    """Erase a subject with all examples."""

    def act(recognizer: Recognizer) -> Erasure:
        return recognizer.forget(enrolled(recognizer, subject).label, actor=who(request))

    erased = await house(request).desk.read(act)
    return answer({"subject": subject}, 202 if erased.pending else 200)


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
        return [_face(one, label) for label in labels for one in recognizer.gallery.examples(label)]

    found = await house(request).desk.survey(act)
    some: Faces = {
        "faces": found[page * size : (page + 1) * size],
        "page_number": page,
        "page_size": size,
        "total_pages": -(-len(found) // size),
        "total_elements": len(found),
    }
    return answer(some)


@route(router, "POST", f"{ROOT}/faces", "enroll", Face, parts=_ONE, changes=True)
async def add_face(
    request: Request, subject: Annotated[str, Query(description="Who it is")]
) -> Response:
    """Store one more example of a subject, who may be new."""
    got = await sent(request, File, parts=_ONE)

    def add(recognizer: Recognizer, actor: str) -> Face:
        (image,) = _pictures(got, _ONE)
        done = recognizer.enroll(subject, image, actor=actor)
        return _face(recognizer.gallery.examples(done.label)[-1], done.label)

    def again(recognizer: Recognizer, line: AuditEntry) -> Face:
        one = enrolled(recognizer, subject)
        return _face(recognizer.gallery.examples(one.label)[-1], one.label)

    return await change(request, house(request).desk.embed, add, again, got.content)


@route(router, "DELETE", f"{ROOT}/faces", "enroll", Deleted)
async def delete_faces(
    request: Request, subject: Annotated[str, Query(description="Whose")]
) -> Response:
    """Erase all examples of a subject, and so the subject."""

    def act(recognizer: Recognizer) -> Deleted:
        label = enrolled(recognizer, subject).label
        return {"deleted": recognizer.forget(label, actor=who(request)).examples}

    return answer(await house(request).desk.read(act))


@route(router, "DELETE", f"{ROOT}/faces/{{image_id}}", "enroll", Face)
async def delete_face(request: Request, image_id: int) -> Response:
    """Erase one example; a subject that has no other is erased with it."""

    def act(recognizer: Recognizer) -> Face:
        label, one = _example(recognizer, image_id)
        recognizer.gallery.remove_example(one.id, actor=who(request))
        return _face(one, label)

    return answer(await house(request).desk.read(act))


@route(router, "GET", f"{ROOT}/faces/{{image_id}}/img", "read", None, media="image/*")
async def image(request: Request, image_id: int) -> Response:
    """The picture of an example, where it is kept."""
    found: Response = await picture(request, image_id)
    return found


@route(router, "POST", f"{ROOT}/faces/{{image_id}}/verify", "read", Result[Compared], parts=_ONE,
       status=_NONE)  # fmt: skip
async def verify(request: Request, image_id: int) -> Response:
    """Whether a picture shows the subject of a stored example."""
    (image,) = _pictures(await sent(request, File, parts=_ONE), _ONE)

    def act(recognizer: Recognizer) -> Decision:
        label, _ = _example(recognizer, image_id)
        return recognizer.verify(label, image)

    one = await house(request).desk.embed(act)
    house(request).metrics.decided("verify", [one])
    return _no_face() if _is_empty([one]) else answer({"result": [_compared(one)]})


@route(
    router, "POST", "/api/v1/verification/verify", "read", Result[Pair], parts=_BOTH, status=_NONE
)
async def verify_pair(request: Request) -> Response:
    """Whether two pictures show the same one; nobody who is enrolled is asked."""
    first, second = _pictures(await sent(request, Two, parts=_BOTH), _BOTH)
    one = await house(request).desk.embed(lambda at: services.same(first, second, at))
    house(request).metrics.decided("same", [one])
    if _is_empty([one]):
        return _no_face()
    pair: Pair = {"source_image_face": {"box": _NOWHERE}, "face_matches": [_compared(one)]}
    return answer({"result": [pair]})


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
    said: NoFace = {"message": "No face is found in the given image", "code": _NO_FACE}
    return answer(said, 400)


def _sure(one: Decision) -> float:
    if one.answer != "match":
        return 0.0
    return max(one.similarity or 0.0, 0.0) if one.probability is None else one.probability


def _face(example: ExampleRecord, label: str) -> Face:
    return {"image_id": str(example.id), "subject": label}


def _recognized(one: Decision) -> Recognized:
    alike: list[Alike] = (
        [] if one.label is None else [{"subject": one.label, "similarity": _sure(one)}]
    )
    return {"box": _box(one), "subjects": alike, "answer": one.answer}


def _compared(one: Decision) -> Compared:
    return {"box": _box(one), "similarity": _sure(one), "answer": one.answer}


def _box(one: Decision) -> Box:
    if one.box is None:
        return _NOWHERE
    left, top, right, bottom = one.box
    return {"probability": 1.0, "x_max": right, "y_max": bottom, "x_min": left, "y_min": top}


_NOWHERE: Box = {"probability": 1.0, "x_max": 0, "y_max": 0, "x_min": 0, "y_min": 0}
