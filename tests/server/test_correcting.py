"""What is wrong is put right over HTTP: once, by whom it is allowed, and back again."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import holotype
from real_server import Server, drawing, files, is_failure

Start = Callable[..., Server]


def labels(gallery: Path) -> dict[str, int]:
    with holotype.open(gallery, create=False) as recognizer:
        return recognizer.list()


def deep(levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(levels):
        found = {"a": found}
    return found


def examples(server: Server, label: str) -> dict[str, Any]:
    found: dict[str, Any] = server.client.get(f"/v1/identities/{label}/examples").json()
    return found


def test_each_correction_is_made_once_and_answers_again(start: Start, gallery: Path) -> None:
    server = start()
    for method, place, sent in (
        ("POST", "/v1/identities/c0/rename", {"to": "Ada / née"}),
        ("PATCH", "/v1/identities/Ada%20%2F%20n%C3%A9e", {"add": ["staff"], "quiet": True}),
        ("POST", "/v1/examples/2/move", {"to": "new"}),
        ("POST", "/v1/identities/c2/merge", {"to": "c3"}),
        ("DELETE", "/v1/examples/4", None),
        ("POST", "/v1/undo", None),
    ):
        headers = {"idempotency-key": f"{method} {place}"}
        body = {} if sent is None else {"json": sent}
        first, again = (
            server.client.request(method, place, headers=headers, **body) for _ in range(2)
        )
        assert first.status_code == again.status_code == 200, (first.text, again.text)
        assert again.headers["idempotent-replay"] == "true"
        told = first.json()
        same = {name for name in told if told[name] == again.json()[name]}
        if method != "DELETE":
            wanted = {"to", "examples", "tags", "quiet", "line", "action"} & told.keys()
            assert same >= wanted, (told, again.json())
        if sent is not None and "to" in sent:
            other = server.client.request(method, place, headers=headers, json={"to": "other"})
            assert other.json()["error"]["code"] == "another_content"
    # The erasure of example 4 is final, and so is the merge before it; the move was undone.
    assert labels(gallery) == {"Ada / née": 1, "c1": 1, "c3": 1}
    (staff,) = server.client.get("/v1/identities", params={"tag": "staff"}).json()["identities"]
    assert (staff["label"], staff["quiet"]) == ("Ada / née", True)
    (found,) = server.client.get("/v1/identities", params={"find": "NÉE"}).json()["identities"]
    assert found == staff


def test_a_dry_run_changes_nothing(start: Start, gallery: Path) -> None:
    server = start()
    plan = {"dry_run": True}
    for place, sent in (
        ("/v1/identities/c0/rename", {"to": "Ada"}),
        ("/v1/identities/c0/merge", {"to": "c1"}),
        ("/v1/examples/1/move", {"to": "c1"}),
    ):
        key = {"idempotency-key": "one"}
        for _ in range(2):
            said = server.client.post(place, json=sent | plan, headers=key)
            assert said.json()["to"] == sent["to"]
            assert "idempotent-replay" not in said.headers
    assert labels(gallery) == {f"c{i}": 1 for i in range(4)}


def test_two_tabs_do_not_overwrite_one_another(start: Start) -> None:
    server = start()
    seen = server.client.get("/v1/identities/c0/examples").headers["etag"]
    mine = {"if-match": seen}
    noted = {"metadata": {"room": 4}}
    assert server.client.patch("/v1/identities/c0", json=noted, headers=mine).status_code == 200
    late = server.client.patch("/v1/identities/c0", json={"metadata": {}}, headers=mine)
    assert (late.status_code, late.json()["error"]["code"]) == (412, "altered")
    assert is_failure(late)
    assert examples(server, "c0")["identity"]["metadata"] == {"room": 4}
    # Without having looked, the last one says what counts.
    assert server.client.patch("/v1/identities/c0", json={"metadata": {}}).status_code == 200

    plan = server.client.get("/v1/undo")
    server.client.post("/v1/identities/c1/rename", json={"to": "Ada"})
    late = server.client.post("/v1/undo", headers={"if-match": plan.headers["etag"]})
    assert late.status_code == 412
    server.client.post("/v1/identities/c2/rename", json={"to": "Bob"})
    gone = server.client.post("/v1/identities/c2/rename", json={"to": "Cy"})
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "label")


def test_a_clerk_undoes_what_a_clerk_may_do(start: Start) -> None:
    server = start()
    clerk = server.as_(server.new_key("clerk", "enroll"))
    server.client.post(
        "/v1/calibrate",
        files=files(*(drawing(60 + i) for i in range(3))),
        data={"suspects": "keep"},
    )
    refused = clerk.post("/v1/undo")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert server.client.post("/v1/undo").json()["strangers"] == 3
    clerk.post("/v1/identities/c0/rename", json={"to": "Ada"})
    assert clerk.post("/v1/undo").json()["renamed"] == [["Ada", "c0"]]
    for one in server.client.get("/v1/identities").json()["identities"]:
        server.client.delete(f"/v1/identities/{one['label']}")
    assert server.client.get("/v1/undo").json()["change"] is None
    nothing = server.client.post("/v1/undo")
    assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "gallery")


@pytest.mark.parametrize(
    ("method", "place", "sent", "status", "code"),
    [
        ("POST", "/v1/identities/nobody/rename", {"to": "x"}, 404, "label"),
        ("POST", "/v1/identities/c0/rename", {"to": "c1"}, 422, "label"),
        ("POST", "/v1/identities/c0/rename", {"to": "\u0000"}, 422, "label"),
        ("POST", "/v1/identities/c0/rename", {}, 422, "form"),
        ("POST", "/v1/identities/c0/merge", {"to": "c0"}, 422, "label"),
        ("POST", "/v1/identities/c0/merge", {"to": "nobody"}, 422, "label"),
        ("POST", "/v1/examples/999/move", {"to": "c0"}, 404, "not_found"),
        ("POST", "/v1/examples/99999999999999999999/move", {"to": "c0"}, 404, "not_found"),
        ("DELETE", "/v1/examples/999", None, 404, "not_found"),
        ("PATCH", "/v1/identities/c0", {"remove": ["x"]}, 422, "label"),
        ("PATCH", "/v1/identities/c0", {"add": ["x" * 51]}, 422, "label"),
        ("PATCH", "/v1/identities/c0", {"metadata": {"a": "x" * 20_000}}, 409, "gallery"),
        ("PATCH", "/v1/identities/c0", {"metadata": [1]}, 422, "form"),
        ("PATCH", "/v1/identities/c0", {"metadata": deep(300)}, 409, "gallery"),
        ("GET", "/v1/identities/nobody/export", None, 404, "label"),
        ("GET", "/v1/lint?fpir=0.0000001", None, 422, "rate"),
        ("POST", "/v1/calibrate/unlabeled", {"vectors": [[1.0]]}, 422, "vector"),
    ],
)
def test_refused(
    server: Server, method: str, place: str, sent: Any, status: int, code: str
) -> None:
    refused = server.client.request(method, place, json=sent)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert is_failure(refused)


def unpacked(response: httpx.Response) -> dict[str, bytes]:
    assert response.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_export_of_all_and_of_one(server: Server, tmp_path: Path) -> None:
    whole = unpacked(server.client.get("/v1/export"))
    rows = [json.loads(line) for line in whole["identities.jsonl"].splitlines()]
    assert [one["label"] for one in rows] == list(labels(server.gallery))
    for name, content in whole.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    holotype.gallery.SqliteGallery.take_in(tmp_path / "in", tmp_path / "new.gallery")
    assert labels(tmp_path / "new.gallery") == labels(server.gallery)
    one = unpacked(server.client.get("/v1/identities/c1/export"))
    assert drawing(1) in one.values()
    assert drawing(2) not in one.values()
    (line,) = server.client.get("/v1/audit", params={"limit": 1}).json()["entries"]
    assert (line["action"], line["actor"]) == ("export", "owner")
    assert line["identity"] is not None


def test_what_a_review_teaches(server: Server) -> None:
    asked = server.client.post("/v1/identify", files=files(drawing(77)), data={"fpir": "90%"})
    (decision,) = asked.json()["answers"]
    place = f"/v1/decisions/{decision['id']}/feedback"
    both = {"correct": "false", "truth": "c1", "stranger": "true"}
    refused = server.client.post(place, files=files(drawing(77)), data=both)
    assert refused.status_code == 409
    key = {"idempotency-key": "said"}
    right = decision["answer"] == "unknown"
    stranger = {"correct": str(right).lower(), "stranger": "true"}
    first, again = (
        server.client.post(place, files=files(drawing(77)), data=stranger, headers=key)
        for _ in range(2)
    )
    assert first.status_code == 200, first.text
    assert first.json()["strangers"] == again.json()["strangers"] == 1
    assert server.client.delete(place).status_code == 200


def test_a_part_of_somebody_is_not_taken_for_a_label_with_a_slash(start: Start) -> None:
    server = start()
    for number, label in enumerate(("Ada%2Fmerge", "merge")):
        assert server.enroll(label, drawing(60 + number)).status_code == 200
    for call in (server.client.delete, lambda path: server.client.patch(path, json={})):
        refused = call("/v1/identities/Ada/merge")
        assert (refused.status_code, is_failure(refused)) == (405, True)
    for label in ("Ada%2Fmerge", "merge"):
        path = f"/v1/identities/{label}"
        assert server.client.patch(path, json={"add": ["new"]}).json()["tags"] == ["new"]
        assert server.client.delete(path).status_code == 200
