"""A gallery that another process serves (`holotype serve`), with the records of the library.

    from holotype.client import Client

    with Client("http://127.0.0.1:8470", key) as desk:
        desk.enroll("Ada", "ada.png")
        print(desk.identify("visitor.png").answer)

It needs nothing beside Python and NumPy. A change is sent under an `Idempotency-Key`, so where the
connection is lost it is sent once more, and happens once.
"""

from __future__ import annotations

import builtins
import errno
import http.client
import json
import os
import secrets
import ssl
import time
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload
from urllib.parse import quote, urlencode, urlsplit

import numpy as np
from numpy.typing import NDArray

from holotype import errors
from holotype.files import write_whole
from holotype.gallery import Correction, Erasure, ExampleRecord, IdentityRecord, Undo
from holotype.records import (
    Calibration,
    Decision,
    Enrollment,
    Job,
    Lint,
    Reviewed,
    Scores,
    Shown,
    StatedRate,
    UnlabeledCalibration,
    Visitor,
)

Picture = str | os.PathLike[str] | bytes
_TRIES = 3
_LOOK_S = 0.25
_T = TypeVar("_T")
_KINDS: dict[str, type[errors.HolotypeError]] = {
    "image": errors.ImageError,
    "recording": errors.RecordingError,
    "text": errors.TextError,
    "another_kind": errors.AnotherKindError,
    "vector": errors.VectorError,
    "label": errors.LabelError,
    "rate": errors.RateError,
    "gallery": errors.GalleryError,
    "gallery_replaced": errors.GalleryReplacedError,
    "erasure_pending": errors.ErasurePendingError,
    "alike": errors.AlikeError,
    "pack": errors.PackError,
    "data": errors.DataError,
    "missing_extra": errors.MissingExtraError,
}


class Client:
    """One connection to a server; to be used by one thread at a time.

    Args:
        address: as the server prints it, such as http://127.0.0.1:8470.
        key: one of its keys.
        timeout_s: how long to wait for an answer.
        trust: for TLS with a certificate of your own; None: those of the system.

    Every method raises the error of the library that the server met, with the same words; or a
    ServingError where the server cannot be reached, or takes no such call from this key.
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        timeout_s: float = 60.0,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise errors.ServingError(
                f"{address!r} is no address of a server", "Pass one as it prints it"
            )
        self._key = key
        self._connection: http.client.HTTPConnection = (
            http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=timeout_s, context=trust
            )
            if parts.scheme == "https"
            else http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        )

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def enroll(
        self,
        label: str,
        *images: Picture,
        vectors: NDArray[Any] | None = None,
        descriptions: Sequence[str] = (),
        consent: str | None = None,
        retain_until: date | None = None,
        tags: Sequence[str] = (),
        strict: bool = False,
        anyway: bool = False,
    ) -> Enrollment:
        """As `Recognizer.enroll`."""
        asked = {
            "text": [*descriptions],
            "consent": consent,
            "retain_until": None if retain_until is None else retain_until.isoformat(),
            "tags": [*tags],
            "strict": strict,
            "anyway": anyway,
        }
        return _record(
            Enrollment, self._post(f"{_of(label)}/examples", images, vectors, asked, changes=True)
        )

    def detect(self, *images: Picture) -> builtins.list[tuple[Shown, ...]]:
        """What each picture shows, largest first, or why it shows nothing; with the embeddings."""
        said = self._post("/v1/detect", images, None, {})["detected"]
        return [tuple(_record(Shown, one) for one in each) for each in said]

    @overload
    def identify(
        self,
        images: Picture,
        fpir: float | str | None = ...,
        *,
        stranger_prior: float = ...,
        confidence: float | str | None = ...,
        tag: str | None = ...,
    ) -> Decision: ...

    @overload
    def identify(
        self,
        images: list[Picture] | tuple[Picture, ...],
        fpir: float | str | None = ...,
        *,
        stranger_prior: float = ...,
        confidence: float | str | None = ...,
        tag: str | None = ...,
    ) -> list[Decision]: ...

    @overload
    def identify(
        self,
        images: None = ...,
        fpir: float | str | None = ...,
        *,
        vectors: NDArray[Any],
        stranger_prior: float = ...,
        confidence: float | str | None = ...,
        tag: str | None = ...,
    ) -> Decision | list[Decision]: ...

    def identify(
        self,
        images: Picture | Sequence[Picture] | None = None,
        fpir: float | str | None = None,
        *,
        vectors: NDArray[Any] | None = None,
        stranger_prior: float = 0.5,
        confidence: float | str | None = None,
        tag: str | None = None,
    ) -> Decision | list[Decision]:
        """As `Recognizer.identify`; also one picture that cannot be read gets `cannot_tell`."""
        many = (
            isinstance(images, list | tuple) or np.ndim(vectors if vectors is not None else 0) > 1
        )
        batch: Sequence[Any] = images if isinstance(images, list | tuple) else [images]
        asked = {"fpir": fpir, "stranger_prior": stranger_prior}
        asked |= {"confidence": confidence, "tag": tag}
        said = self._post("/v1/identify", [] if images is None else batch, vectors, asked)
        decisions = [_record(Decision, one) for one in said["answers"]]
        return decisions if many else decisions[0]

    def identify_all(
        self,
        image: Picture,
        fpir: float | str | None = None,
        *,
        stranger_prior: float = 0.5,
        tag: str | None = None,
    ) -> list[Decision]:
        """As `Recognizer.identify_all`, without the vectors."""
        asked = {"fpir": fpir, "stranger_prior": stranger_prior, "tag": tag}
        said = self._post("/v1/identify/all", [image], None, asked)
        return [_record(Decision, one) for one in said["answers"]]

    def verify(
        self,
        label: str,
        image: Picture | None = None,
        fmr: float | str | None = None,
        *,
        vectors: NDArray[Any] | None = None,
        stranger_prior: float = 0.5,
        confidence: float | str | None = None,
    ) -> Decision:
        """As `Recognizer.verify`."""
        asked = {
            "label": label,
            "fmr": fmr,
            "confidence": confidence,
            "stranger_prior": stranger_prior,
        }
        images = [] if image is None else [image]
        return _record(Decision, self._post("/v1/verify", images, vectors, asked))

    def same(
        self,
        first: Picture,
        second: Picture | None = None,
        fmr: float | str | None = None,
        *,
        description: str | None = None,
    ) -> Decision:
        """As `holotype.recognizer.same`, with the model of the gallery."""
        images = [first] if second is None else [first, second]
        asked = {"text": description, "fmr": fmr}
        return _record(Decision, self._post("/v1/same", images, None, asked))

    def forget(self, label: str) -> Erasure:
        """As `Recognizer.forget`; a receipt that is `pending` says that bytes are left."""
        return _record(Erasure, self._call("DELETE", _of(label), changes=True))

    def examples(self, label: str) -> tuple[ExampleRecord, ...]:
        """As `Gallery.examples`."""
        said = self._call("GET", f"{_of(label)}/examples")
        return tuple(_record(ExampleRecord, one) for one in said["stored"])

    def forget_example(self, example: int) -> Erasure:
        """As `Gallery.remove_example`."""
        return _record(Erasure, self._call("DELETE", f"/v1/examples/{example}", changes=True))

    def rename(self, label: str, new: str, *, dry_run: bool = False) -> Correction:
        """As `Gallery.rename`."""
        return self._correct(f"{_of(label)}/rename", new, dry_run)

    def merge(self, label: str, into: str, *, dry_run: bool = False) -> Correction:
        """As `Gallery.merge`."""
        return self._correct(f"{_of(label)}/merge", into, dry_run)

    def move(self, example: int, label: str, *, dry_run: bool = False) -> Correction:
        """As `Gallery.move`."""
        return self._correct(f"/v1/examples/{example}/move", label, dry_run)

    def describe(
        self,
        label: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        quiet: bool | None = None,
    ) -> IdentityRecord:
        """As `Gallery.describe`; what is noted then."""
        asked = {"add": [*add], "remove": [*remove], "metadata": metadata, "quiet": quiet}
        return _record(IdentityRecord, self._json("PATCH", _of(label), asked))

    def last_change(self) -> Undo | None:
        """As `Gallery.last_change`; None where there is nothing to undo."""
        said = self._call("GET", "/v1/undo")["change"]
        return None if said is None else _record(Undo, said)

    def undo(self) -> Undo:
        """As `Gallery.undo`."""
        return _record(Undo, self._call("POST", "/v1/undo", changes=True))

    def list(self) -> dict[str, int]:
        """As `Recognizer.list`."""
        return {one.label: one.examples for one in self.records()}

    def records(self) -> tuple[IdentityRecord, ...]:
        """As `Gallery.records`."""
        found: list[IdentityRecord] = []
        asked: dict[str, Any] = {"limit": 1000}
        while True:
            said = self._call("GET", f"/v1/identities?{urlencode(asked)}")
            found += [_record(IdentityRecord, one) for one in said["identities"]]
            if said["cursor"] is None:
                return tuple(found)
            asked["cursor"] = said["cursor"]

    def stated(self, fpir: float | str | None = None) -> StatedRate:
        """As `holotype.recognizer.stated`."""
        asked = "" if fpir is None else f"?{urlencode({'fpir': fpir})}"
        return _record(StatedRate, self._call("GET", f"/v1/thresholds{asked}"))

    def scores(self) -> Scores:
        """As `holotype.recognizer.scores`."""
        return _record(Scores, self._call("GET", "/v1/scores"))

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
        return None if said["change"] is None else _record(Calibration, said["change"])

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
        return None if said["change"] is None else _record(UnlabeledCalibration, said["change"])

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
        return _record(Reviewed, self._post(place, images, None, asked, changes=True))

    def undo_feedback(self, decision: Decision | str) -> int:
        """As `holotype.recognizer.undo_feedback`."""
        token = decision.id if isinstance(decision, Decision) else decision
        place = f"/v1/decisions/{quote(token, safe='')}/feedback"
        return int(self._call("DELETE", place, changes=True)["erased"])

    def inbox(self) -> tuple[Visitor, ...]:
        """Who came by and got no match, the last one first; nobody where the inbox is off."""
        found: builtins.list[Visitor] = []
        asked: dict[str, Any] = {"limit": 1000}
        while True:
            said = self._call("GET", f"/v1/inbox?{urlencode(asked)}")
            found += [_record(Visitor, one) for one in said["visitors"]]
            if said["cursor"] is None:
                return tuple(found)
            asked["cursor"] = said["cursor"]

    def inbox_picture(self, picture: str) -> bytes:
        """One picture of a visitor, by its id."""
        return bytes(self._call("GET", f"{_seen(picture)}/picture"))

    def name_visitor(self, visitor: Visitor | str, label: str) -> Reviewed:
        """Say which of the enrolled a visitor is; or a picture, by its id, as with the others."""
        said = self._json("POST", f"{_seen(visitor)}/name", {"label": label})
        return _record(Reviewed, said)

    def enroll_visitor(
        self, visitor: Visitor | str, label: str, *, consent: str | None = None
    ) -> Enrollment:
        """Enroll a visitor under a label that nobody has."""
        asked = {"label": label, "consent": consent}
        return _record(Enrollment, self._json("POST", f"{_seen(visitor)}/enroll", asked))

    def turn_away_visitor(self, visitor: Visitor | str) -> Reviewed:
        """Say that a visitor is none of the enrolled: whoever looks like it is turned away."""
        return _record(Reviewed, self._call("POST", f"{_seen(visitor)}/stranger", changes=True))

    def dismiss_visitor(self, visitor: Visitor | str) -> int:
        """Erase the pictures of a visitor, who is not kept again for as long; how many."""
        return int(self._call("POST", f"{_seen(visitor)}/dismiss")["erased"])

    def erase_visitor(self, visitor: Visitor | str) -> int:
        """Erase all of a visitor, who is a new one next time; how many pictures."""
        return int(self._call("DELETE", _seen(visitor))["erased"])

    def lint(self, fpir: float | str | None = None) -> Lint:
        """As `holotype.recognizer.lint`."""
        asked = "" if fpir is None else f"?{urlencode({'fpir': fpir})}"
        return _record(Lint, self._call("GET", f"/v1/lint{asked}"))

    def export(self, out: str | os.PathLike[str], label: str | None = None) -> None:
        """As `SqliteGallery.export`, as one ZIP file in place of a folder.

        Raises:
            GalleryError: there is something at `out`, or it cannot be written.
        """
        content = self._call("GET", "/v1/export" if label is None else f"{_of(label)}/export")
        try:
            if os.path.lexists(out):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            write_whole(Path(out), content, private=True)
        except OSError as error:
            raise errors.GalleryError(
                f"{os.fspath(out)!r} cannot be written ({error.strerror or error})",
                "Name a file that does not exist yet",
            ) from error

    def _correct(self, place: str, to: str, dry_run: bool) -> Correction:
        return _record(Correction, self._json("POST", place, {"to": to, "dry_run": dry_run}))

    # -- long work ---------------------------------------------------------------------------

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
        return _record(Job, self._json("POST", "/v1/jobs/reembed", {"model": model}))

    def jobs(self) -> tuple[Job, ...]:
        """Those that wait, run, or ended within a day, newest first."""
        return tuple(_record(Job, one) for one in self._call("GET", "/v1/jobs")["jobs"])

    def job(self, job: Job | str) -> Job:
        """How far a job is.

        Raises:
            ServingError: there is none such.
        """
        return _record(Job, self._call("GET", f"/v1/jobs/{_id(job)}"))

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
        return _record(Job, self._call("DELETE", f"/v1/jobs/{_id(job)}"))

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
        return _record(Job, said)

    # -- the wire ---------------------------------------------------------------------------

    def _post(
        self,
        place: str,
        images: Sequence[Picture],
        vectors: NDArray[Any] | None,
        asked: Mapping[str, Any],
        *,
        changes: bool = False,
        part: str = "images",
    ) -> Any:
        stated = {name: value for name, value in asked.items() if value is not None}
        if vectors is not None:
            stated["vectors"] = np.atleast_2d(vectors).tolist()
            body = json.dumps(stated).encode()
            return self._call("POST", place, body, "application/json", changes=changes)
        boundary = secrets.token_hex(16)
        body = _form(boundary, [_content(image) for image in images], stated, part)
        kind = f"multipart/form-data; boundary={boundary}"
        return self._call("POST", place, body, kind, changes=changes)

    def _json(self, method: str, place: str, asked: Mapping[str, Any]) -> Any:
        return self._call(
            method, place, json.dumps(asked).encode(), "application/json", changes=True
        )

    def _call(
        self, method: str, place: str, body: bytes = b"", kind: str = "", *, changes: bool = False
    ) -> Any:
        headers = {"authorization": f"Bearer {self._key}"}
        if kind:
            headers["content-type"] = kind
        if changes:
            headers["idempotency-key"] = secrets.token_hex(16)
        for left in reversed(range(_TRIES)):
            try:
                self._connection.request(method, place, body, headers)
                answer = self._connection.getresponse()
                said: Any = answer.read()
                if answer.headers.get_content_subtype() == "json":
                    said = json.loads(said)
                break
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._connection.close()
                if not left:
                    raise errors.ServingError(
                        f"the server gives no answer ({error or type(error).__name__})",
                        "Check that it runs, and its address",
                    ) from error
        if isinstance(said, dict) and "error" in said:
            raise _error(said["error"])
        return said


def _id(job: Job | str) -> str:
    return quote(job.id if isinstance(job, Job) else job, safe="")


def _of(label: str) -> str:
    return f"/v1/identities/{quote(label, safe='')}"


def _seen(visitor: Visitor | str) -> str:
    name = visitor.id if isinstance(visitor, Visitor) else visitor
    return f"/v1/inbox/{quote(name, safe='')}"


def _form(boundary: str, pictures: Sequence[bytes], stated: Mapping[str, Any], part: str) -> bytes:
    parts = [(part, "; filename=picture", picture) for picture in pictures]
    parts += [
        (name, "", (str(one).lower() if isinstance(one, bool) else str(one)).encode())
        for name, value in stated.items()
        for one in (value if isinstance(value, list) else [value])
    ]
    head = "content-disposition: form-data; name="
    form = b"".join(
        f'--{boundary}\r\n{head}"{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
        for name, more, content in parts
    )
    return form + f"--{boundary}--\r\n".encode()


def _content(image: Picture) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return Path(image).read_bytes()
    except OSError as error:
        raise errors.ImageError(
            f"{os.fspath(image)!r}: cannot be opened ({error.strerror or error})",
            "Check the path and its rights",
        ) from error


def _error(said: Mapping[str, Any]) -> errors.HolotypeError:
    kind = _KINDS.get(said["code"], errors.ServingError)
    problem, remedy = said["problem"], said["remedy"]
    if kind is errors.RateError:
        return errors.RateError(problem, remedy, said.get("smallest"))
    if kind is errors.AnotherKindError:
        return errors.AnotherKindError(problem, remedy, tuple(said.get("packs") or ()))
    return kind(problem, remedy)


def _record(kind: type[_T], said: Any) -> _T:
    """A record from what `json.loads` made of it."""
    hints = typing.get_type_hints(kind)
    values = {
        one.name: _value(hints[one.name], said[one.name])
        for one in fields(kind)  # type: ignore[arg-type]
        if one.name in said
    }
    return kind(**values)


def _value(kind: Any, said: Any) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if said is None:
        return None
    if origin in (types.UnionType, typing.Union):
        (kind,) = (one for one in inner if one is not types.NoneType)
        return _value(kind, said)
    if origin is tuple:
        each = inner[:1] * len(said) if inner[-1] is Ellipsis else inner
        return tuple(_value(one, value) for one, value in zip(each, said, strict=True))
    if isinstance(kind, type):
        if is_dataclass(kind):
            return _record(kind, said)
        if issubclass(kind, date):
            return kind.fromisoformat(said)
    return said


__all__ = ["Client", "Picture"]
