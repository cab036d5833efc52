"""Every route, over a real connection: what it says, and to whom."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from holotype.server.app import api
from holotype.server.keys import SCOPES
from real_server import Server, drawing, files, is_failure

SNAPSHOT = Path(__file__).with_name("openapi.json")


def described() -> Iterator[tuple[str, str, str]]:
    """Method, path and scope of each route that is described."""
    for path, methods in api().openapi()["paths"].items():
        for method, facts in methods.items():
            yield method.upper(), path, facts["x-scope"]


def filled(path: str) -> str:
    return path.replace("{example}", "1").replace("{", "").replace("}", "")


def test_the_description_is_the_one_that_was_agreed_on() -> None:
    """`python tests/server/test_routes.py` writes it anew, for a change that is meant."""
    now = json.loads(json.dumps(api().openapi()))
    agreed = json.loads(SNAPSHOT.read_text())
    # Those are of the packages that describe and number, not of us.
    for one in (now, agreed):
        del one["info"]["version"], one["openapi"]
    assert now == agreed


def test_a_server_gives_that_description(server: Server) -> None:
    assert server.client.get("/openapi.json").json() == json.loads(json.dumps(api().openapi()))


@pytest.fixture(scope="module")
def keys(server: Server) -> dict[str, str]:
    return {scope: server.new_key(f"of scope {scope}", scope) for scope in SCOPES}


@pytest.mark.parametrize(("method", "path", "scope"), list(described()))
def test_no_route_but_one_answers_without_a_key_of_its_scope(
    server: Server, keys: dict[str, str], method: str, path: str, scope: str
) -> None:
    if path == "/v1/health":
        assert server.as_(None).request(method, path).status_code == 200
        return
    for secret in (None, "htk_nobody", server.key[:-1]):
        refused = server.as_(secret).request(method, filled(path))
        assert refused.status_code == 401
        assert is_failure(refused)
        assert refused.headers["www-authenticate"] == "Bearer"
    for smaller in SCOPES[: SCOPES.index(scope)]:  # type: ignore[arg-type]
        refused = server.as_(keys[smaller]).request(method, filled(path))
        assert refused.status_code == 403
        assert is_failure(refused)
    if method == "GET":
        assert server.as_(keys[scope]).get(filled(path)).status_code in (200, 404, 422)


def test_both_headers_take_a_key_and_an_address_takes_none(server: Server) -> None:
    nobody = server.as_(None)
    assert nobody.get("/v1/gallery", headers={"x-api-key": server.key}).status_code == 200
    assert nobody.get("/v1/gallery", params={"key": server.key}).status_code == 401


def test_sample_drawings_are_given_to_a_model_that_reads_them(server: Server) -> None:
    said = server.client.get("/v1/sample").json()
    names = [[one["label"] for one in said[part]] for part in ("enroll", "known", "strangers")]
    assert names[0] == names[1]
    assert not {*names[0]} & {*names[2]}
    assert said["license"] == "MIT"
    everyone = [one["picture"] for part in ("enroll", "known", "strangers") for one in said[part]]
    assert len({*everyone}) == len(everyone) == 30
    shown = Image.open(io.BytesIO(base64.b64decode(everyone[0])))
    assert (shown.format, shown.size) == ("PNG", (105, 105))
    before = server.client.get("/v1/gallery").json()["status"]["enrolled"]
    assert before == 4  # looking enrolls nobody


def test_sample_drawings_are_not_given_to_another_model(tmp_path: Path) -> None:
    names = Server(tmp_path / "names.gallery", "--model", "signatures")
    try:
        assert names.client.get("/v1/sample").json()["enroll"] == []
    finally:
        names.kill()


def test_packs_are_those_of_the_command_line(server: Server) -> None:
    said = server.client.get("/v1/packs")
    assert said.status_code == 200
    told = {one["name"]: one for one in said.json()["packs"]}
    listed = subprocess.run(
        [sys.executable, "-m", "holotype", "pack", "list", "--json"],
        capture_output=True,
        check=True,
    )
    for known in json.loads(listed.stdout):
        its = told.pop(known["name"])
        for name in ("model_id", "license", "embedding_dim", "ready"):
            assert its[name] == known[name]
        if its["name"] == "characters":
            assert (its["kind"], its["reads"]) == ("ink", "handwritten characters")
    assert not told
    assert "/packs" not in said.text  # no path of the server


def test_what_pictures_show_comes_with_vectors_that_are_taken_again(server: Server) -> None:
    said = server.client.post("/v1/detect", files=files(drawing(1, 1), b"no picture"))
    assert said.status_code == 200
    (known,), (broken,) = said.json()["detected"]
    assert known["box"] is None
    assert (broken["vector"], broken["reasons"][0]["code"]) == (None, "unreadable")
    asked = {"vectors": [known["vector"]], "fpir": "10%"}
    (by_vector,) = server.client.post("/v1/identify", json=asked).json()["answers"]
    sent, rate = files(drawing(1, 1)), {"fpir": "10%"}
    (by_picture,) = server.client.post("/v1/identify", files=sent, data=rate).json()["answers"]
    assert (by_vector["answer"], by_vector["label"]) == (by_picture["answer"], "c1")
    assert by_vector["similarity"] == pytest.approx(by_picture["similarity"], abs=1e-6)
    assert server.client.post("/v1/detect").status_code == 422


def test_each_picture_of_a_call_gets_its_own_answer(server: Server) -> None:
    sent = files(drawing(1, 1), b"no picture", drawing(99))
    said = server.client.post("/v1/identify", files=sent, data={"fpir": "10%"})
    assert said.status_code == 200
    known, broken, stranger = said.json()["answers"]
    assert (known["answer"], known["label"], known["rate"]) == ("match", "c1", 0.1)
    assert (broken["answer"], broken["reasons"][0]["code"]) == ("cannot_tell", "unreadable")
    assert stranger["label"] is None
    assert known["basis"]["enrolled"] == len(
        server.client.get("/v1/identities").json()["identities"]
    )


def test_vectors_take_the_place_of_pictures(server: Server) -> None:
    vector = [1.0, 2, 3, 4, 5, 6, 7, 8]
    said = server.client.post("/v1/identify", json={"vectors": [vector, vector], "fpir": 0.1})
    assert len(said.json()["answers"]) == 2
    for wrong in ([vector[:3]], [[]], [], [vector, vector[:3]], [["x"]], [[1e300] * 8], "no"):
        refused = server.client.post("/v1/identify", json={"vectors": wrong})
        assert refused.status_code == 422, wrong
        assert refused.json()["error"]["code"] in ("vector", "image"), wrong
        assert is_failure(refused)


def test_one_to_one(server: Server) -> None:
    claim = {"label": "c1", "fmr": "0.1"}
    one = server.client.post("/v1/verify", files=files(drawing(1, 1)), data=claim)
    assert one.json()["answer"] == "match"
    nobody = server.client.post("/v1/verify", files=files(drawing(1)), data={"label": "nobody"})
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (422, "label")
    pair = server.client.post("/v1/same", files=files(drawing(7), drawing(7, 1)))
    assert pair.json()["rate_kind"] == "fmr"
    alone = server.client.post("/v1/same", files=files(drawing(7)))
    assert (alone.status_code, alone.json()["error"]["code"]) == (422, "image")


def test_enrolled_listed_page_by_page_shown_and_forgotten(server: Server) -> None:
    label = "Ada / née Lovelace"
    address = "/v1/identities/Ada%20%2F%20n%C3%A9e%20Lovelace"
    until = {"retain_until": "2999-12-31", "consent": "asked"}
    added = server.client.post(f"{address}/examples", files=files(drawing(11)), data=until)
    assert added.json() | {"lookalikes": []} == {
        "label": label,
        "added": 1,
        "examples": 1,
        "warnings": [],
        "lookalikes": [],
    }
    seen, cursor = [], None
    while True:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = server.client.get("/v1/identities", params=asked).json()
        seen += page["identities"]
        cursor = page["cursor"]
        if cursor is None:
            break
    assert [one["label"] for one in seen[:4]] == ["c0", "c1", "c2", "c3"]
    mine = next(one for one in seen if one["label"] == label)
    assert (mine["retain_until"], mine["consent"]) == ("2999-12-31", "asked")
    (example,) = server.client.get(f"{address}/examples").json()["pictures"]
    shown = server.client.get(f"/v1/examples/{example}/picture")
    assert (shown.content, shown.headers["content-type"]) == (drawing(11), "image/png")
    receipt = server.client.delete(address)
    assert (receipt.status_code, receipt.json()["examples"]) == (200, 1)
    assert server.client.delete(address).status_code == 404
    assert server.client.get(f"/v1/examples/{example}/picture").status_code == 404


def test_the_name_of_the_key_is_the_actor(server: Server, keys: dict[str, str]) -> None:
    clerk = server.as_(keys["enroll"])
    clerk.post("/v1/identities/c9/examples", files=files(drawing(9)))
    (line,) = server.client.get("/v1/audit", params={"limit": 1}).json()["entries"]
    assert (line["actor"], line["action"]) == ("of scope enroll", "enroll")
    assert line["at"].endswith("+00:00")
    assert server.client.get("/v1/audit/report").json()["problems"] == []


def test_a_decision_is_reviewed_once_and_that_is_taken_back(server: Server) -> None:
    asked = server.client.post("/v1/identify", files=files(drawing(2, 1)), data={"fpir": "10%"})
    (decision,) = asked.json()["answers"]
    place = f"/v1/decisions/{decision['id']}/feedback"
    assert server.client.post(place, json={"correct": True}).json()["correct"] is True
    assert server.client.post(place, json={"correct": False}).status_code == 409
    (rate,) = server.client.get("/v1/review").json()["rates"]
    assert rate["matches"] + rate["unknowns"] + rate["cannot_tell"] == 1
    assert server.client.delete(place).json() == {"erased": 0}
    assert server.client.post("/v1/decisions/x.y/feedback", json={"correct": True}).status_code == (
        409
    )


def test_own_strangers(server: Server) -> None:
    strangers = files(*(drawing(50 + i) for i in range(4)))
    dry = server.client.post("/v1/calibrate", files=strangers, data={"dry_run": "true"})
    assert dry.json()["batch"] is None
    assert dry.json()["change"]["classes"] == 4
    kept = {"suspects": "keep"}
    batch = server.client.post("/v1/calibrate", files=strangers, data=kept).json()["batch"]
    assert [one["id"] for one in server.client.get("/v1/strangers").json()["batches"]] == [batch]
    assert server.client.delete(f"/v1/strangers/{batch}").json() == {"removed": 4}
    assert server.client.delete(f"/v1/strangers/{batch}").status_code == 404


def test_what_a_rate_costs(server: Server) -> None:
    said = server.client.get("/v1/thresholds", params={"fpir": "10%"}).json()
    assert said["rate"] == 0.1
    assert 0 <= said["missed"] <= 1
    refused = server.client.get("/v1/thresholds", params={"fpir": "0.0000001"})
    assert refused.status_code == 422
    assert refused.json()["error"]["smallest"] > 0.0000001


def test_scores_are_numbers_alone(server: Server) -> None:
    server.client.post("/v1/identify", files=files(drawing(1, 1)), data={"fpir": "10%"})
    said = server.client.get("/v1/scores").json()
    assert {one["source"] for one in said["histograms"]} == {"enrolled", "cohort", "asked"}
    assert all(len(one["shares"]) == len(said["edges"]) - 1 for one in said["histograms"])
    assert said["drift"]["probes"] >= 1
    assert [one["rate"] for one in said["rates"]] == [0.3, 0.1, 0.05, 0.01]


def test_a_backup_has_a_name_and_no_path(server: Server) -> None:
    made = server.client.post("/v1/backup", json={"name": "monday"})
    assert made.json()["size_bytes"] > 0
    folder = server.gallery.with_name(f"{server.gallery.name}.backups")
    assert [one.name for one in folder.iterdir()] == ["monday.gallery"]
    assert folder.stat().st_mode & 0o077 == 0
    for name in ("monday", "../monday", "/tmp/monday", "a/b", "", ".", "a\n"):
        refused = server.client.post("/v1/backup", json={"name": name})
        assert refused.status_code in (409, 422)
        assert is_failure(refused)


def test_the_gallery_says_what_it_is(server: Server) -> None:
    said = server.client.get("/v1/gallery").json()
    assert (said["name"], said["kind"], said["model"]) == ("desk.gallery", "ink", "toy")
    assert str(server.gallery.parent) not in json.dumps(said)
    assert said["status"]["cohort_classes"] == 40
    assert server.client.get("/v1/ready").json() == {"status": "ready"}
    counts = server.client.get("/metrics").text
    assert 'holotype_requests_total{method="GET",route="/v1/ready",status="200"}' in counts


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ({"method": "GET", "url": "/v1/nothing"}, 404, "not_found"),
        ({"method": "GET", "url": "/nothing"}, 404, "not_found"),
        ({"method": "PUT", "url": "/v1/gallery"}, 405, "method_not_allowed"),
        ({"method": "POST", "url": "/v1/identify", "content": b"x"}, 415, "media_type"),
        ({"method": "POST", "url": "/v1/identify", "json": []}, 422, "form"),
        ({"method": "POST", "url": "/v1/identify", "json": {"fpr": 1}}, 422, "form"),
        ({"method": "POST", "url": "/v1/identify", "json": {}}, 422, "image"),
        ({"method": "POST", "url": "/v1/identify", "files": {"image": b"x"}}, 422, "form"),
        (
            {
                "method": "POST",
                "url": "/v1/identify",
                "content": b"{",
                "headers": {"content-type": "application/json"},
            },
            422,
            "form",
        ),
        (
            {
                "method": "POST",
                "url": "/v1/identify",
                "content": b"--x",
                "headers": {"content-type": "multipart/form-data"},
            },
            422,
            "form",
        ),
        ({"method": "GET", "url": "/v1/identities?limit=0"}, 422, "form"),
        ({"method": "GET", "url": "/v1/identities?cursor=%00"}, 422, "cursor"),
        ({"method": "GET", "url": "/v1/audit?cursor=zzz"}, 422, "cursor"),
        ({"method": "POST", "url": "/v1/identities/%20/examples", "json": {}}, 422, "image"),
        ({"method": "DELETE", "url": "/v1/identities/%20"}, 422, "label"),
        ({"method": "DELETE", "url": "/v1/identities/nobody"}, 404, "label"),
        ({"method": "GET", "url": "/v1/examples/99999999999999999999/picture"}, 404, "not_found"),
        ({"method": "DELETE", "url": "/v1/keys/nobody"}, 404, "not_found"),
        ({"method": "POST", "url": "/v1/keys", "json": {"name": "a", "scope": "x"}}, 422, "form"),
    ],
)
def test_everything_that_fails_has_one_form(
    server: Server, call: dict[str, Any], status: int, code: str
) -> None:
    refused = server.client.request(**call)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert is_failure(refused)


def test_a_client_may_number_its_calls(server: Server) -> None:
    mine = server.client.get("/v1/health", headers={"x-request-id": "my-call.1"})
    assert mine.headers["x-request-id"] == "my-call.1"
    for other in ("a b", "x" * 65, "<script>"):
        said = server.client.get("/v1/health", headers={"x-request-id": other})
        assert said.headers["x-request-id"] != other


def test_the_log_names_nobody(server: Server) -> None:
    secret = "Somebody Particular"
    server.client.post(f"/v1/identities/{secret}/examples", files=files(drawing(13)))
    server.client.get(f"/v1/identities/{secret}/examples")
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert any(line.get("route") == "/v1/identities/{label:path}/examples" for line in lines)
    text = server.log.read_text()
    assert "Particular" not in text
    assert server.key not in text


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(api().openapi(), indent=1, sort_keys=True) + "\n")
