"""A change that is sent again happens once: at once, later, after a crash, by another server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

import holotype
from holotype.errors import RepeatedError
from holotype.gallery import Actor
from real_server import Server, drawing, files

Start = Callable[..., Server]


def count(gallery: Path, label: str) -> int:
    with holotype.open(gallery, create=False) as recognizer:
        return recognizer.list().get(label, 0)


def test_sent_again_it_is_answered_and_not_done(start: Start, gallery: Path) -> None:
    server = start()
    first = server.enroll("new", drawing(20), idempotency_key="one")
    again = server.enroll("new", drawing(20), idempotency_key="one")
    assert first.json() == again.json() | {"lookalikes": first.json()["lookalikes"]}
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"
    other = server.enroll("new", drawing(21), idempotency_key="one")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "another_content")
    assert server.enroll("another", drawing(20), idempotency_key="one").status_code == 409
    assert count(gallery, "new") == 1
    # Another key may have the same idea.
    clerk = server.as_(server.new_key("clerk", "enroll"))
    place = "/v1/identities/new/examples"
    headers = {"idempotency-key": "one"}
    assert clerk.post(place, files=files(drawing(21)), headers=headers).json()["examples"] == 2
    # A refused call leaves its key free.
    assert server.enroll("c0", b"broken", idempotency_key="two").status_code == 422
    assert server.enroll("c0", drawing(0), idempotency_key="two").status_code == 200


def test_neither_a_kill_nor_another_server_makes_it_happen_twice(
    start: Start, gallery: Path
) -> None:
    server = start()
    key = server.key
    server.enroll("new", drawing(20), idempotency_key="one")
    forgotten = server.client.delete("/v1/identities/c3", headers={"idempotency-key": "two"})
    server.kill()
    second, third = start(), start()
    for other in (second, third):
        other.client.headers["authorization"] = f"Bearer {key}"
        again = other.enroll("new", drawing(20), idempotency_key="one")
        assert again.headers["idempotent-replay"] == "true"
        assert again.json()["examples"] == 1
        receipt = other.client.delete("/v1/identities/c3", headers={"idempotency-key": "two"})
        then, now = (datetime.fromisoformat(one.json()["at"]) for one in (forgotten, receipt))
        assert abs(then - now) < timedelta(milliseconds=1)  # which the trail notes
        assert receipt.json() | {"at": ""} == forgotten.json() | {"at": ""}
    assert count(gallery, "new") == 1


def test_at_the_same_moment_it_happens_once(start: Start, gallery: Path) -> None:
    first = start()
    second = start()
    second.client.headers["authorization"] = first.client.headers["authorization"]
    gate = threading.Barrier(8)

    def send(server: Server) -> httpx.Response:
        gate.wait()
        return server.enroll("new", drawing(20), idempotency_key="one")

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(send, [first, second] * 4))
    assert {one.status_code for one in said} <= {200, 409}
    assert {one.json()["error"]["code"] for one in said if one.status_code == 409} <= {"under_way"}
    assert any(one.status_code == 200 for one in said)
    assert count(gallery, "new") == 1


def test_a_restored_gallery_has_forgotten_the_request_with_the_change(
    start: Start, gallery: Path
) -> None:
    server = start()
    before = gallery.read_bytes()
    server.enroll("new", drawing(20), idempotency_key="one")
    aside = gallery.with_name("aside")
    aside.write_bytes(before)
    aside.replace(gallery)
    again = server.enroll("new", drawing(20), idempotency_key="one")
    assert "idempotent-replay" not in again.headers
    assert count(gallery, "new") == 1


def test_each_change_answers_again(start: Start, gallery: Path) -> None:
    server = start()
    asked = server.client.post("/v1/identify", files=files(drawing(1, 1)), data={"fpir": "10%"})
    decision = asked.json()["answers"][0]["id"]
    strangers = files(*(drawing(60 + i) for i in range(3)))
    batch = ""
    for method, place, sent in (
        ("POST", f"/v1/decisions/{decision}/feedback", {"data": {"correct": "true"},
                                                       "files": files(drawing(1, 1))}),
        ("DELETE", f"/v1/decisions/{decision}/feedback", {}),
        ("POST", "/v1/calibrate", {"files": strangers, "data": {"suspects": "keep"}}),
        ("DELETE", "/v1/strangers/{batch}", {}),
    ):  # fmt: skip
        headers = {"idempotency-key": f"{method} {place[:12]}"}
        first, again = (
            server.client.request(method, place.format(batch=batch), headers=headers, **sent)
            for _ in range(2)
        )
        assert first.status_code == again.status_code == 200, (first.text, again.text)
        assert again.headers["idempotent-replay"] == "true"
        same = {name for name in first.json() if first.json()[name] == again.json()[name]}
        assert same >= {"decision", "correct", "added", "batch", "removed", "erased"} & set(
            first.json()
        )
        batch = first.json().get("batch", "")
    for wrong in ("", "x" * 201):
        refused = server.enroll("c0", drawing(0), idempotency_key=wrong)
        assert refused.status_code == 422


def test_a_request_stands_in_the_line_of_its_change_and_is_refused_afterwards(
    gallery: Path,
) -> None:
    with holotype.open(gallery, create=False) as recognizer:
        last = recognizer.gallery.audit()[-1].sequence
        ada = Actor("Ada", "request-1", last)
        recognizer.enroll("new", drawing(30), actor=ada)
        (line,) = recognizer.gallery.audit(last)
        assert (line.actor, line.facts["request"]) == ("Ada", "request-1")
        with pytest.raises(RepeatedError):
            recognizer.enroll("new", drawing(30), actor=ada)
        with pytest.raises(RepeatedError):
            recognizer.forget("new", actor=ada)
        assert recognizer.list()["new"] == 1
        assert recognizer.gallery.verify_audit().intact
