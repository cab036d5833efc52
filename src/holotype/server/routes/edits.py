"""What is wrong in the gallery, put right: a label, two that are one, one example; and undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from holotype.errors import GalleryError
from holotype.gallery import AuditEntry, Correction, Erasure, IdentityRecord, Undo
from holotype.recognizer import Recognizer
from holotype.server.answers import RefusedError, answer
from holotype.server.forms import sent
from holotype.server.routes.identities import enrolled, receipt_again, require_whole
from holotype.server.routes.recognition import Fields
from holotype.server.routing import (
    Router,
    change,
    etag,
    house,
    require_scope,
    require_unaltered,
    route,
    who,
)

router = Router("Put right")
# What a key of scope `enroll` may do, and so undo.
_ENROLLING = ("enroll", "rename", "merge", "move", "describe", "feedback", "stranger")


class To(Fields):
    """Another label."""

    to: str
    dry_run: bool = False


class Noted(Fields):
    """What is noted beside an identity; what is not named stays as it is."""

    add: list[str] = Field([], description="Tags")
    remove: list[str] = Field([], description="Tags that it has")
    metadata: dict[str, Any] | None = Field(None, description="In place of what is noted")
    quiet: bool | None = Field(None, description="Whether it is known, and not to be announced")


@dataclass(frozen=True, slots=True)
class LastChange:
    """What can be taken back."""

    change: Undo | None
    nothing: str | None  # why there is none


@route(
    router,
    "POST",
    "/v1/identities/{label:path}/rename",
    "enroll",
    Correction,
    body=To,
    changes=True,
)
async def rename(request: Request, label: str) -> Response:
    """Give an identity another label, which nobody has."""
    asked = (await sent(request, To)).fields

    def act(recognizer: Recognizer, actor: str) -> Correction:
        one = enrolled(recognizer, label)
        return recognizer.gallery.rename(one.label, asked.to, dry_run=asked.dry_run, actor=actor)

    return await _correct(request, asked, act, label)


@route(
    router,
    "POST",
    "/v1/identities/{label:path}/merge",
    "enroll",
    Correction,
    body=To,
    changes=True,
)
async def merge(request: Request, label: str) -> Response:
    """Give all examples of an identity to another, which is the same one and stays."""
    asked = (await sent(request, To)).fields

    def act(recognizer: Recognizer, actor: str) -> Correction:
        one = enrolled(recognizer, label)
        return recognizer.gallery.merge(one.label, asked.to, dry_run=asked.dry_run, actor=actor)

    return await _correct(request, asked, act, label)


@route(router, "POST", "/v1/examples/{example}/move", "enroll", Correction, body=To, changes=True)
async def move(request: Request, example: int) -> Response:
    """Give one example to the identity that it shows, which may be new."""
    asked = (await sent(request, To)).fields

    def act(recognizer: Recognizer, actor: str) -> Correction:
        _require_example(recognizer, example)
        return recognizer.gallery.move(example, asked.to, dry_run=asked.dry_run, actor=actor)

    return await _correct(request, asked, act, "")


@route(
    router,
    "DELETE",
    "/v1/examples/{example}",
    "enroll",
    Erasure,
    changes=True,
    status={202: Erasure},
)
async def forget_example(request: Request, example: int) -> Response:
    """Erase one example; an identity that has no other is erased with it."""

    def erase(recognizer: Recognizer, actor: str) -> Erasure:
        _require_example(recognizer, example)
        return recognizer.gallery.remove_example(example, actor=actor)

    return await change(request, house(request).desk.read, erase, receipt_again)


@route(
    router,
    "PATCH",
    "/v1/identities/{label:path}",
    "enroll",
    IdentityRecord,
    body=Noted,
    changes=True,
    guarded=True,
)
async def describe(request: Request, label: str) -> Response:
    """Note tags, metadata, or that somebody is not to be announced."""
    require_whole(request)
    got = await sent(request, Noted)
    asked = got.fields

    def act(recognizer: Recognizer, actor: str) -> IdentityRecord:
        before = enrolled(recognizer, label)
        require_unaltered(request, before)
        recognizer.gallery.describe(
            before.label,
            add=asked.add,
            remove=asked.remove,
            metadata=asked.metadata,
            quiet=asked.quiet,
            expected=before if "if-match" in request.headers else None,
            actor=actor,
        )
        return enrolled(recognizer, label)

    def again(recognizer: Recognizer, _: AuditEntry) -> IdentityRecord:
        return enrolled(recognizer, label)

    return await change(request, house(request).desk.read, act, again, got.content)


@route(router, "GET", "/v1/undo", "read", LastChange)
async def last_change(request: Request) -> Response:
    """What an undo would take back; the `ETag` is that of the change, for `If-Match`."""

    def act(recognizer: Recognizer) -> LastChange:
        try:
            return LastChange(recognizer.gallery.last_change(), None)
        except GalleryError as error:
            if error.__cause__ is not None:
                raise
            return LastChange(None, error.problem)

    found = await house(request).desk.read(act)
    return answer(found, headers={"etag": etag(found.change)})


@route(router, "POST", "/v1/undo", "enroll", Undo, changes=True, guarded=True, status={202: Undo})
async def undo(request: Request) -> Response:
    """Take the last change back that is no erasure; again, and the one before it goes.

    What needs a key of scope `admin` can be undone with such a one alone.
    """

    def act(recognizer: Recognizer, actor: str) -> Undo:
        plan = recognizer.gallery.last_change()
        if plan.action not in _ENROLLING:
            require_scope(request, "admin")
        require_unaltered(request, plan)
        return recognizer.gallery.undo(expected=plan, actor=actor)

    def again(_: Recognizer, line: AuditEntry) -> Undo:
        facts = line.facts
        return Undo(facts["undone"], facts["until"], line.at, who(request), facts["change"])

    return await change(request, house(request).desk.read, act, again)


async def _correct(
    request: Request, asked: To, act: Callable[[Recognizer, str], Correction], label: str
) -> Response:
    def again(recognizer: Recognizer, line: AuditEntry) -> Correction:
        """As things are now."""
        now = {one.id: one for one in recognizer.gallery.records()}
        target = now.get(line.identity or "")
        total = target.examples if target else 0
        source = now.get(line.facts.get("source", ""))
        return Correction(
            line.action,
            label or (source.label if source else ""),
            asked.to,
            line.facts.get("examples", total),
            source.examples if source else 0,
            total,
            line.facts.get("new", line.action == "rename"),
            target.retain_until if target else None,
        )

    def content() -> list[bytes | str]:
        return [asked.to]

    run = house(request).desk.read
    return await change(request, run, act, again, None if asked.dry_run else content)


def _require_example(recognizer: Recognizer, example: int) -> None:
    if all(one.id != example for one in recognizer.gallery.examples()):
        raise RefusedError(
            404,
            "not_found",
            f"there is no example {str(example)[:40]}",
            "Ask for the examples of an identity first",
        )
