"""The records that a server has beside those of the library, for it and for who calls it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from holotype.gallery.event_log import Kind
from holotype.records import Status

Scope = Literal["read", "enroll", "admin"]


@dataclass(frozen=True, slots=True)
class Model:
    """What a card says, in short."""

    name: str
    model_id: str
    license: str
    embedding_dim: int
    preprocessing: dict[str, Any]
    background: str  # data set that it learned from
    cohort: str  # data set that plays the strangers
    scores: list[dict[str, Any]]
    promise: list[dict[str, Any]]
    encoder: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GalleryFacts:
    """One gallery, and what it can say of strangers."""

    name: str  # of its file
    kind: str  # of input: ink, frame, photo, face, tensors, or vectors
    model: str  # the name by which it finds its model
    keep_pictures: bool
    status: Status
    card: Model | None  # None of a gallery of bare vectors


@dataclass(frozen=True, slots=True)
class UsablePack:
    """A model that a gallery may be made with, or moved to, by its name."""

    name: str
    kind: str  # of input, as that of a gallery
    reads: str  # in some words
    ready: bool  # False: an extra is not installed
    model_id: str | None  # as all that follows, null where it is made at first use
    license: str | None
    embedding_dim: int | None


@dataclass(frozen=True, slots=True)
class CameraState:
    """One camera, without its address."""

    name: str
    connected: bool  # whether it gives pictures now


@dataclass(frozen=True, slots=True)
class Settings:
    """How the server was started, and what it keeps for how many hours."""

    events_h: float
    told: tuple[str, ...]  # the answers of which events are made, beside those of cameras
    seen_h: float  # the pictures of who came by a camera; 0: none
    inbox_h: float  # who got no match; 0: nobody
    cameras: tuple[CameraState, ...]
    fpir: str | None  # the rate that they were told; None: as for identify
    mqtt: bool  # whether a broker is told of events


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy in the server's own folder for them."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Key:
    """One key, without its secret."""

    name: str  # the actor of the audit lines of what it is used for
    scope: Scope
    created: datetime


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once."""

    name: str
    scope: Scope
    created: datetime
    key: str  # the secret


@dataclass(frozen=True, slots=True)
class Drawing:
    """One character from one hand."""

    label: str
    picture: str  # PNG, in base64


@dataclass(frozen=True, slots=True)
class Sample:
    """Drawings to try a gallery with; none where its model reads something else."""

    enroll: tuple[Drawing, ...]  # one of each character
    known: tuple[Drawing, ...]  # the same characters, from another hand
    strangers: tuple[Drawing, ...]  # other characters of the same alphabets
    license: str
    source: str


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, as it is told."""

    id: str  # of it alone: who gets it twice drops the second
    at: datetime
    kind: Kind
    identity: str | None  # random id of whom it is about
    label: str | None  # as the identity is called now; None where it is not enrolled any more
    facts: dict[str, Any]
    picture: bool  # whether `/v1/events/{id}/picture` has one


@dataclass(frozen=True, slots=True)
class Happenings:
    """Events, oldest first."""

    events: tuple[Happened, ...]
    cursor: str  # `after` of the next call


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook, without its secret."""

    name: str
    url: str
    created: datetime
    inside: bool  # whether it was named on the machine, and may be in a private network


@dataclass(frozen=True, slots=True)
class NewHook:
    """A webhook as it is shown once."""

    name: str
    url: str
    created: datetime
    secret: str  # that signs what is sent


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a receiver did not get."""

    event: str  # its id
    given_up: datetime
    why: str


@dataclass(frozen=True, slots=True)
class HookState:
    """A webhook, and how it stands with it."""

    name: str
    url: str
    created: datetime
    inside: bool  # whether it was named on the machine, and may be in a private network
    waits: str  # why it does not take an event just now; empty where it does
    dead: int  # events that it did not get


@dataclass(frozen=True, slots=True)
class Resent:
    """What came of sending dead letters again."""

    sent: int  # events that it has now
    left: int  # that it still has not: refused again, kept no longer, or it is not there
