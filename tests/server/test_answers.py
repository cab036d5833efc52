"""Which status and code each kind of error gets."""

from __future__ import annotations

import json
import sqlite3

import pytest

from holotype import errors
from holotype.errors import AlikeError, AnotherKindError, GalleryError, HolotypeError, RateError
from holotype.records import Candidate
from holotype.server.answers import code_of, failed_as

STATUS = {
    "image": 422,
    "vector": 422,
    "another_kind": 422,
    "label": 422,
    "rate": 422,
    "data": 422,
    "training": 422,
    "gallery": 409,
    "repeated": 409,
    "alike": 409,
    "erasure_pending": 202,
    "missing_extra": 501,
    "pack": 503,
    "provider": 503,
    "recording": 422,
    "text": 422,
    "gallery_replaced": 503,
    "serving": 503,
}
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, HolotypeError) and kind is not HolotypeError
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_code_and_a_status(kind: type[HolotypeError]) -> None:
    said = failed_as(kind("12 is odd", "Pass 14"), "call-1")
    assert said.status_code == STATUS[code_of(kind)]
    error = json.loads(bytes(said.body))["error"]
    assert error | {"found": [], "packs": []} == {
        "found": [],
        "packs": [],
        "code": code_of(kind),
        "problem": "12 is odd",
        "remedy": "Pass 14",
        "request_id": "call-1",
    }
    assert ("retry-after" in said.headers) == (said.status_code == 503)


def test_a_gallery_that_cannot_be_used_now_is_no_fault_of_the_call() -> None:
    error = GalleryError("locked", "Wait")
    error.__cause__ = sqlite3.OperationalError("database is locked")
    assert failed_as(error, "").status_code == 503


def test_what_an_error_carries_is_said() -> None:
    for error, name, value in (
        (AlikeError("p", "r", (Candidate("Ada", 0.9),)), "found", [{"label": "Ada",
                                                                   "similarity": 0.9,
                                                                   "example": None}]),
        (RateError("p", "r", 0.02), "smallest", 0.02),
        (AnotherKindError("p", "r", ("faces",)), "packs", ["faces"]),
    ):  # fmt: skip
        assert json.loads(bytes(failed_as(error, "").body))["error"][name] == value
