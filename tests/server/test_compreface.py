"""Programs written for CompreFace: what they call goes on working, and strangers are nobody."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from real_server import Server, drawing

Start = Callable[..., Server]
ROOT = "/api/v1/recognition"


@pytest.fixture
def program(start: Start) -> httpx.Client:
    server = start()
    found = server.as_(None)
    found.headers["x-api-key"] = server.key
    return found


def file(content: bytes, name: str = "file") -> dict[str, Any]:
    return {name: ("a.png", content)}


def test_faces_are_added_recognized_and_deleted_as_its_programs_do(program: httpx.Client) -> None:
    asked = program.post(f"{ROOT}/subjects", json={"subject": "Ada"})
    assert asked.json() == {"subject": "Ada"}
    added = program.post(f"{ROOT}/faces", params={"subject": "Ada"}, files=file(drawing(60)))
    assert added.json()["subject"] == "Ada"
    number = added.json()["image_id"]
    assert program.get(f"{ROOT}/subjects/").json() == {
        "subjects": ["c0", "c1", "c2", "c3", "Ada"]
    }  # fmt: skip
    listed = program.get(f"{ROOT}/faces", params={"page": 1, "size": 3}).json()
    assert listed["faces"][-1] == {"image_id": number, "subject": "Ada"}
    assert (listed["page_number"], listed["total_pages"], listed["total_elements"]) == (1, 2, 5)
    assert program.get(f"{ROOT}/faces/{number}/img").content == drawing(60)
    renamed = program.put(f"{ROOT}/subjects/Ada", json={"subject": "Ada / L"})
    assert renamed.json() == {"updated": True}
    again = program.post(f"{ROOT}/faces?subject=Ada / L", files=file(drawing(60, 1)))
    assert program.delete(f"{ROOT}/faces/{again.json()['image_id']}").json()["subject"] == "Ada / L"
    merged = program.put(f"{ROOT}/subjects/Ada%20%2F%20L", json={"subject": "c0"})
    assert merged.json() == {"updated": True}
    assert program.delete(f"{ROOT}/faces", params={"subject": "c0"}).json() == {"deleted": 2}
    assert program.delete(f"{ROOT}/subjects/c1").json() == {"subject": "c1"}
    assert program.delete(f"{ROOT}/subjects/c1").status_code == 404
    assert program.get(f"{ROOT}/subjects").json() == {"subjects": ["c2", "c3"]}


def test_who_is_enrolled_is_recognized_and_a_stranger_is_nobody(program: httpx.Client) -> None:
    for character in range(4, 40):
        label = {"subject": f"c{character}"}
        program.post(f"{ROOT}/faces", params=label, files=file(drawing(character)))
    url = f"{ROOT}/recognize?limit=0&prediction_count=1&det_prob_threshold=0.8&status=false"
    (known,) = program.post(url, files=file(drawing(1))).json()["result"]
    (alike,) = known["subjects"]
    assert (alike["subject"], known["answer"]) == ("c1", "match")
    assert 0 < alike["similarity"] <= 1
    assert set(known["box"]) == {"probability", "x_min", "y_min", "x_max", "y_max"}
    answers = [
        program.post(url, files=file(drawing(character))).json()["result"][0]
        for character in range(100, 110)
    ]
    assert {one["answer"] for one in answers} <= {"match", "unknown", "cannot_tell"}
    assert all(bool(one["subjects"]) == (one["answer"] == "match") for one in answers)
    assert any(one["answer"] == "unknown" for one in answers)
    text = base64.b64encode(drawing(1)).decode()
    assert program.post(f"{ROOT}/recognize", json={"file": text}).json()["result"] == [known]
    for wrong in ({"file": "%"}, {}, {"file": text, "else": 1}):
        assert program.post(f"{ROOT}/recognize", json=wrong).status_code == 422
    assert program.post(f"{ROOT}/recognize", files=file(b"broken")).status_code == 422


def test_one_picture_beside_another(program: httpx.Client) -> None:
    (first, *_) = program.get(f"{ROOT}/faces").json()["faces"]
    for content, found in ((drawing(0), "match"), (drawing(90), "unknown")):
        url = f"{ROOT}/faces/{first['image_id']}/verify"
        (one,) = program.post(url, files=file(content)).json()["result"]
        assert one["answer"] == found
        assert (one["similarity"] > 0) == (found == "match")
    both = {**file(drawing(5), "target_image"), **file(drawing(5), "source_image")}
    (pair,) = program.post("/api/v1/verification/verify", files=both).json()["result"]
    assert pair["face_matches"][0]["answer"] == "match"
    alone = program.post("/api/v1/verification/verify", files=file(drawing(5), "source_image"))
    assert alone.json()["error"]["code"] == "image"
    assert program.post(f"{ROOT}/faces/999/verify", files=file(drawing(1))).status_code == 404
