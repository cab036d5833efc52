"""What may come in: from whom, how much, how slowly."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

import warm
from hanging import HANGS_S
from holotype.server.answers import RefusedError
from holotype.server.desk import MAX_SURVEYS, Desk
from holotype.server.serving import Place, _listener
from real_server import Server, drawing, files, is_failure
from toy_images import png_header

Start = Callable[..., Server]
SLOW = 300


def raw(server: Server, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=HANGS_S)
    connection.sendall(sent)
    return connection


def test_a_name_that_is_not_ours_and_a_page_of_elsewhere_are_refused(server: Server) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8470", ""):
        refused = server.client.get("/v1/health", headers={"host": host})
        assert refused.status_code == 421, host
        assert is_failure(refused)
    for host in ("localhost", "localhost:1", "127.0.0.1:9", "[::1]:8470"):
        assert server.client.get("/v1/health", headers={"host": host}).status_code == 200, host
    own = {"origin": server.url}
    assert server.client.get("/v1/gallery", headers=own).status_code == 200
    for header in ({"origin": "http://evil.example"}, {"origin": "null"},
                   {"sec-fetch-site": "cross-site"}):  # fmt: skip
        refused = server.client.post("/v1/identify", files=files(drawing(0)), headers=header)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "origin")


def test_what_is_said_to_browsers(server: Server) -> None:
    for path in ("/v1/health", "/docs", "/nothing", "/v1/gallery"):
        headers = server.as_(None).get(path).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_the_description_is_shown_without_another_host(server: Server) -> None:
    page = server.as_(None).get("/docs").text
    assert "http" not in page.replace("http-equiv", "")
    for file in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"/docs/{file}" in page
        assert server.as_(None).get(f"/docs/{file}").status_code == 200


def test_too_much_is_refused_before_it_is_read(server: Server) -> None:
    head = (
        f"POST /v1/identify HTTP/1.1\r\nHost: localhost\r\nx-api-key: {server.key}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 99000000\r\n\r\n"
    )
    with raw(server, head.encode()) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")
    many = server.client.post("/v1/identify", files=files(*[drawing(0)] * 65))
    assert many.status_code == 422
    assert is_failure(many)
    numbers = "1," * 5_000_000
    long = server.client.post(
        "/v1/identify",
        content=f'{{"vectors": [[{numbers}1]]}}',
        headers={"content-type": "application/json"},
    )
    assert (long.status_code, long.json()["error"]["code"]) == (413, "too_large")


def test_a_bomb_is_refused_by_name(server: Server) -> None:
    said = server.client.post(
        "/v1/identify", files=files(png_header(100_000, 100_000), drawing(1, 1))
    ).json()
    first, second = said["answers"]
    assert first["reasons"][0]["code"] == "unreadable"
    assert "megapixels" in first["reasons"][0]["text"]
    assert second["label"] == "c1" or second["answer"] != "cannot_tell"
    enrolled = server.client.post(
        "/v1/identities/x/examples", files=files(png_header(100_000, 100_000))
    )
    assert (enrolled.status_code, enrolled.json()["error"]["code"]) == (422, "image")


def test_what_is_no_http_is_told_so(server: Server) -> None:
    with raw(server, b"\x16\x03\x01 hello\r\n\r\n") as connection:
        said = connection.recv(2000)
    assert said.startswith(b"HTTP/1.1 400")
    assert b'"error"' in said


def test_hundreds_who_say_little_keep_nobody_waiting(server: Server) -> None:
    begun = f"POST /v1/identify HTTP/1.1\r\nHost: localhost\r\nx-api-key: {server.key}\r\n"
    form = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n--x\r\n"
    with ExitStack() as stack:
        for number in range(SLOW):
            sent = ("", "GET / HT", begun, begun + form)[number % 4]
            stack.enter_context(raw(server, sent.encode()))
        for _ in range(3):
            said = server.as_(server.key).post("/v1/identify", files=files(drawing(1, 1)))
            assert said.status_code == 200


def test_who_says_no_more_in_the_middle_of_a_call_is_told(server: Server) -> None:
    head = f"POST /v1/identify HTTP/1.1\r\nHost: localhost\r\nx-api-key: {server.key}\r\n"
    for sent in ("POST /v1/iden", head, f"{head}Content-Length: 500\r\n\r\nhalf"):
        with raw(server, sent.encode()) as connection:
            connection.shutdown(socket.SHUT_WR)
            said = connection.makefile("rb").read()
        assert said.startswith(b"HTTP/1.1 400"), sent
        assert b"ended before its end" in said


def test_a_body_that_ends_in_the_middle_harms_nobody(server: Server) -> None:
    head = (
        f"POST /v1/identities/half/examples HTTP/1.1\r\nHost: localhost\r\n"
        f"x-api-key: {server.key}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        "Content-Length: 5000\r\n\r\n--x\r\nContent-Disposition: form-data; name=images"
    )
    for _ in range(20):
        with raw(server, head.encode()) as connection:
            connection.shutdown(socket.SHUT_WR)
    assert server.client.get("/v1/identities/half/examples").status_code == 404
    assert "Traceback" not in server.log.read_text()


def test_who_says_nothing_is_let_go(server: Server) -> None:
    with raw(server, b"GET / HT") as connection:
        assert connection.recv(10) == b""


def test_a_stop_finishes_what_was_accepted(start: Start, gallery: Path) -> None:
    server = start()
    body = server.client.build_request(
        "POST", "/v1/identities/last/examples", files=files(drawing(40))
    )
    content = body.read()
    head = "".join(f"{name}: {value}\r\n" for name, value in body.headers.items())
    start_line = "POST /v1/identities/last/examples HTTP/1.1\r\n"
    with raw(server, f"{start_line}{head}\r\n".encode() + content[:-10]) as connection:
        time.sleep(0.5)
        server.process.terminate()
        time.sleep(0.5)
        connection.sendall(content[-10:])
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert server.process.wait(HANGS_S) == 0


def refused(*options: str) -> str:
    """What `holotype serve` says that does not start."""
    process = warm.Process(
        "from holotype.cli import main; main()",
        *("serve", *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, error = process.communicate(HANGS_S)
    assert out == ""
    return f"{process.returncode} {error}"


def test_it_does_not_start_where_it_is_not_safe(gallery: Path, tmp_path: Path) -> None:
    desk = str(gallery)
    assert refused(desk, "--listen", "0.0.0.0").startswith("15 error: 0.0.0.0 can be reached")
    assert refused(desk, "--listen", "nowhere").startswith("15 error: 'nowhere' is no address")
    assert refused(desk, "--behind-proxy", "x").startswith("15 error: the proxies x")
    assert refused(desk, "--tls-cert", "a").startswith("15 error: TLS needs")
    assert refused(desk, "--tls-cert", "a", "--tls-key", "b").startswith("15 error: 'a' is no")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(desk, "--port", str(port))
    assert said.startswith(f"15 error: port {port} of 127.0.0.1 cannot be had")
    keys = gallery.with_name("desk.gallery.keys")
    keys.touch()
    keys.chmod(0o644)
    if os.name == "posix":
        assert "others may read" in refused(desk, "--port", "0")
    (tmp_path / "text").write_text("no gallery at all")
    assert refused(str(tmp_path / "text"), "--port", "0").startswith("6 error: ")
    missing = str(tmp_path / "nowhere")
    assert refused(str(tmp_path / "new"), "--port", "0", "--model", missing).startswith("7 error")
    assert not (tmp_path / "new").exists()


def test_behind_a_proxy_only_the_proxy_may_connect(start: Start) -> None:
    assert start("--behind-proxy", "127.0.0.1").client.get("/v1/health").status_code == 200
    other = socket.socket()
    server = start("--behind-proxy", "10.0.0.5")
    other.settimeout(HANGS_S)
    other.connect(("127.0.0.1", server.port))
    other.sendall(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        assert other.recv(100) == b""
    except ConnectionError:
        pass
    finally:
        other.close()


@pytest.mark.parametrize("where", ["gone", "replaced", "moved back"])
def test_a_gallery_that_is_replaced_is_opened_anew(
    start: Start, gallery: Path, where: str, whole: Path
) -> None:
    server = start()
    aside = gallery.with_name("aside")
    before = server.client.get("/v1/identities").json()
    gallery.rename(aside)
    if where == "replaced":
        gallery.write_bytes(whole.read_bytes())
        server.client.delete("/v1/identities/c3")
        names = [one["label"] for one in server.client.get("/v1/identities").json()["identities"]]
        assert names == ["c0", "c1", "c2"]
        return
    away = server.client.get("/v1/identities")
    assert (away.status_code, away.json()["error"]["code"]) == (503, "gallery_replaced")
    assert away.headers["retry-after"]
    assert not gallery.exists()
    if where == "moved back":
        aside.rename(gallery)
        assert server.client.get("/v1/identities").json() == before


def test_a_locked_gallery_says_when_to_come_back(start: Start, gallery: Path) -> None:
    server = start()
    other = sqlite3.connect(gallery, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    refused = server.enroll("new", drawing(20))
    other.execute("ROLLBACK")
    other.close()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "gallery")
    assert "locked" in refused.json()["error"]["problem"]
    assert refused.headers["retry-after"]
    assert server.enroll("new", drawing(20)).json()["examples"] == 1


def test_with_a_certificate_it_speaks_tls(start: Start, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        capture_output=True,
    )
    assert made.returncode == 0, made.stderr
    server = start("--tls-cert", cert, "--tls-key", key)
    assert server.url.startswith("https://127.0.0.1:")
    trust = ssl.create_default_context(cafile=cert)
    with httpx.Client(verify=trust, trust_env=False) as client:
        assert client.get(f"{server.url}/v1/health").status_code == 200


def test_an_answer_waits_for_no_acknowledgement_of_what_came_before() -> None:
    """Clients put that off by 40 ms, which would be the time of every call."""

    async def accepted() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def taken(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            found.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = _listener(Place(port=0))
        async with await asyncio.start_server(taken, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            said = await found
            writer.close()
            await writer.wait_closed()
        return said

    assert asyncio.run(accepted())


def test_surveys_wait_for_one_another_and_others_do_not(tmp_path: Path, whole: Path) -> None:
    async def scene() -> None:
        desk = Desk(Path(shutil.copy(whole, tmp_path)))
        goes_on = threading.Event()
        surveys = [
            asyncio.create_task(desk.survey(lambda _: goes_on.wait(HANGS_S)))
            for _ in range(MAX_SURVEYS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(RefusedError, match="calls are waiting"):
            await desk.survey(lambda _: None)
        assert len(await desk.read(lambda at: at.list())) == 4
        goes_on.set()
        assert await asyncio.gather(*surveys) == [True] * MAX_SURVEYS
        desk.close()

    asyncio.run(scene())


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_memory_of_one_picture_serves_the_next(start: Start, tmp_path: Path) -> None:
    server = start(path=tmp_path / "new.gallery")  # of a model with feature maps of some size

    def pages(calls: int = 10) -> float:
        """That the system had to give anew, for each call."""
        stat = Path(f"/proc/{server.process.pid}/stat")
        before = int(stat.read_text().rpartition(") ")[2].split()[7])
        for _ in range(calls):
            assert server.client.post("/v1/identify", files=files(drawing(0))).status_code == 200
        return (int(stat.read_text().rpartition(") ")[2].split()[7]) - before) / calls

    assert min(pages() for _ in range(5)) < 20
