"""How often somebody may call, and what is believed of who somebody is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from holotype.server.allowance import Allowance
from holotype.server.answers import RefusedError
from holotype.server.callers import Callers
from holotype.server.keys import Keys
from real_server import Server, drawing, files, is_failure

Start = Callable[..., Server]


def test_what_is_left_over_fills_with_time() -> None:
    now = 0.0
    allowance = Allowance(60, lambda: now)
    assert [allowance.take("me") for _ in range(30)] == [0.0] * 30
    assert allowance.take("me") == pytest.approx(1)
    assert allowance.take("you") == 0
    now = 0.4
    assert allowance.take("me") == pytest.approx(0.6)
    now = 2.0
    assert [allowance.take("me") for _ in range(2)] == [0.0] * 2
    assert allowance.take("me") == pytest.approx(1)
    now = 1e6
    assert [bool(allowance.take("me")) for _ in range(31)] == [False] * 30 + [True]


def test_whoever_asks_too_often_is_told_when_to_come_back(start: Start) -> None:
    server = start("--calls-a-minute", 1)
    other = server.as_(server.new_key("other", "read"))  # which is the one call of this minute
    refused = server.client.get("/v1/ready")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many")
    assert is_failure(refused)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert other.get("/v1/ready").status_code == 200
    assert server.as_(None).get("/v1/health").status_code == 200


def test_an_address_that_tries_keys_is_told_to_stop_and_good_keys_go_on(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    callers = Callers(keys)
    callers._wrong = Allowance(6, lambda: 0.0)

    def status(key: str, address: str = "10.0.0.1") -> int:
        header = (b"x-api-key", key.encode())
        try:
            callers.require(Request({"type": "http", "headers": [header], "client": (address, 1)}))
        except RefusedError as error:
            return error.status
        return 200

    good = keys.add("good", "read").key
    assert [status(f"htk_{i}") for i in range(5)] == [401, 401, 401, 429, 429]
    assert (status(good), status("htk_5", "10.0.0.2"), status("")) == (200, 401, 401)
    keys.close()


def as_user(server: Server, *headers: tuple[str, str]) -> httpx.Response:
    return server.as_(None).post(
        "/v1/identities/new/examples", files=files(drawing(9)), headers=list(headers)
    )


def test_a_proxy_says_who_calls_and_the_trail_names_them(start: Start) -> None:
    server = start("--behind-proxy", "127.0.0.1", "--user-header", "x-user",
                   "--role-header", "x-role")  # fmt: skip
    assert as_user(server).status_code == 401
    assert as_user(server, ("x-user", "Ada"), ("x-role", "enroll")).status_code == 200
    (line,) = server.client.get("/v1/audit", params={"limit": 1}).json()["entries"]
    assert line["actor"] == "Ada"
    for wrong in (
        [("x-user", "Ada"), ("x-role", "read")],
        [("x-user", "Ada")],
        [("x-user", "Ada"), ("x-role", "boss")],
        [("x-user", "Ada"), ("x-user", "Eve"), ("x-role", "enroll")],
        [("x-user", "Ada"), ("x-role", "read"), ("x-role", "admin")],
        [("x-user", "A" * 65), ("x-role", "enroll")],
        [("x-user", ""), ("x-role", "enroll")],
    ):
        refused = as_user(server, *wrong)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden"), wrong
    # A key says more than a header.
    key = server.as_(server.new_key("clerk", "read"))
    assert key.post("/v1/undo", headers={"x-user": "Ada", "x-role": "admin"}).status_code == 403


def test_without_a_role_a_user_may_read(start: Start) -> None:
    server = start("--behind-proxy", "127.0.0.1", "--user-header", "x-user")
    ada = {"x-user": "Ada", "x-role": "admin"}
    assert server.as_(None).get("/v1/identities", headers=ada).status_code == 200
    assert server.as_(None).get("/v1/keys", headers=ada).status_code == 403


def test_nobody_else_is_believed(start: Start) -> None:
    plain = start()
    assert as_user(plain, ("x-user", "Ada"), ("x-role", "admin")).status_code == 401
    with pytest.raises(AssertionError, match="anybody could send the header"):
        start("--user-header", "x-user")
    with pytest.raises(AssertionError, match="without a user"):
        start("--behind-proxy", "127.0.0.1", "--role-header", "x-role")
    elsewhere = start("--behind-proxy", "10.0.0.5", "--user-header", "x-user")
    with pytest.raises(httpx.TransportError):
        as_user(elsewhere, ("x-user", "Ada"))
