"""Webhooks: signed, in order, each event at least once, and sent to nobody who was not named."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import holotype
from holotype.errors import GalleryError, ServingError
from holotype.server.desk import Desk
from holotype.server.outlets import Outlets, Telling
from holotype.server.targets import target
from holotype.server.webhooks import MAX_HOOKS, Hooks
from ports import free_port
from real_server import Server, drawing, is_failure
from receivers import Receiver

PORTS = {"http": 80, "https": 443}


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    begun: list[Receiver] = []

    def receiving(*arguments: Any) -> Receiver:
        begun.append(Receiver(*arguments))
        return begun[-1]

    yield receiving
    for receiver in begun:
        receiver.stop()


def secret_of(server: Server) -> str:
    assert server.process.stdout is not None
    for line in server.process.stdout:
        if line.startswith("webhook "):
            return line.split()[-1]
    raise AssertionError("no secret was shown")


def test_what_is_sent_is_signed(
    start: Callable[..., Server], receive: Callable[..., Receiver]
) -> None:
    port = free_port()
    receiver = receive(port)
    server = start("--webhook", f"door=http://127.0.0.1:{port}/hook?a=b")
    secret = secret_of(server)
    server.enroll("Ada", drawing(11))
    receiver.wait_for("Ada")
    headers, body = receiver.headers[0], receiver.bodies[0]
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, said, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == receiver.got[0]["id"]
    assert json.loads(body)["gallery"] == "desk.gallery"
    (state,) = server.client.get("/v1/webhooks").json()["webhooks"]
    assert (state["name"], state["waits"], state["dead"]) == ("door", "", 0)
    assert secret not in server.client.get("/v1/webhooks").text
    server.client.delete("/v1/webhooks/door")
    assert server.client.delete("/v1/webhooks/door").status_code == 404


def test_a_receiver_that_was_away_gets_all_in_order(
    start: Callable[..., Server], receive: Callable[..., Receiver]
) -> None:
    port = free_port()
    server = start("--webhook", f"door=http://127.0.0.1:{port}/")
    first = receive(port)
    server.enroll("n20", drawing(20))
    first.wait_for("n20")
    first.stop()
    for character in range(21, 24):
        server.enroll(f"n{character}", drawing(character))
    server.kill()  # in between
    with holotype.open(server.gallery, create=False) as meanwhile:
        meanwhile.enroll("n24", drawing(24))
    start("--webhook", f"door=http://127.0.0.1:{port}/")  # as a unit of systemd would
    with holotype.open(server.gallery, create=False) as meanwhile:
        meanwhile.enroll("n25", drawing(25))
    back = receive(port)
    back.wait_for("n25")
    missed = [label for label in back.once() if label != "n20"]
    assert missed == [f"n{character}" for character in range(21, 26)]


def test_what_a_receiver_does_not_want_is_a_dead_letter_and_the_next_comes(
    start: Callable[..., Server], receive: Callable[..., Receiver]
) -> None:
    port = free_port()
    receiver = receive(port, lambda event: 422 if event["label"] == "Ada" else 204)
    server = start("--webhook", f"door=http://127.0.0.1:{port}/")
    server.enroll("Ada", drawing(11))
    server.enroll("Bob", drawing(12))
    receiver.wait_for("Bob")
    assert receiver.once() == ["Bob"]
    (dead,) = server.client.get("/v1/webhooks/door/dead-letters").json()["dead_letters"]
    assert dead["why"] == "it answered 422"
    (ada, _) = server.client.get("/v1/events").json()["events"]
    assert dead["event"] == ada["id"]
    assert server.client.get("/v1/webhooks/nobody/dead-letters").status_code == 404
    assert server.client.post("/v1/webhooks/nobody/dead-letters/resend").status_code == 404


def test_a_dead_letter_is_sent_again_when_somebody_says_so(
    start: Callable[..., Server], receive: Callable[..., Receiver]
) -> None:
    port = free_port()
    refused = {"Ada", "Bob"}
    receiver = receive(port, lambda event: 422 if event["label"] in refused else 204)
    server = start("--webhook", f"door=http://127.0.0.1:{port}/")
    for number, label in enumerate(("Ada", "Bob", "Cy")):
        server.enroll(label, drawing(11 + number))
    receiver.wait_for("Cy")
    place = "/v1/webhooks/door/dead-letters"
    assert len(server.client.get(place).json()["dead_letters"]) == 2
    refused.remove("Ada")
    assert server.client.post(f"{place}/resend").json() == {"sent": 1, "left": 1}
    assert receiver.once() == ["Cy", "Ada"]
    (left,) = server.client.get(place).json()["dead_letters"]
    assert left["why"] == "it answered 422"
    receiver.stop()  # it is away: nothing is lost
    assert server.client.post(f"{place}/resend").json() == {"sent": 0, "left": 1}


def test_it_is_not_led_elsewhere(
    start: Callable[..., Server], receive: Callable[..., Receiver]
) -> None:
    port = free_port()
    answers = iter([302, 307])
    receiver = receive(port, lambda _: next(answers, 204))
    server = start("--webhook", f"door=http://127.0.0.1:{port}/hook")
    server.enroll("Ada", drawing(11))
    receiver.wait_for("Ada")
    assert len(receiver.bodies) == 3  # the same address each time: nothing else was asked


def test_of_two_servers_one_delivers(
    start: Callable[..., Server], receive: Callable[..., Receiver]
) -> None:
    port = free_port()
    receiver = receive(port)
    server = start("--webhook", f"door=http://127.0.0.1:{port}/")
    start()
    for character in range(20, 24):
        server.enroll(f"n{character}", drawing(character))
    receiver.wait_for("n23")
    server.kill()
    with holotype.open(server.gallery, create=False) as meanwhile:
        meanwhile.enroll("n24", drawing(24))
    receiver.wait_for("n24")
    assert receiver.once() == [f"n{character}" for character in range(20, 25)]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://10.0.0.5:9000/",
        "https://192.168.1.2/",
        "https://169.254.169.254/latest",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://user:secret@example.org/",
        "https://example.org/#x",
        "https:///path",
        "https://exam ple.org/",
        "https://example.org:99999/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "example.org",
        "",
    ],
)
def test_a_key_names_receivers_on_the_internet_alone(url: str) -> None:
    with pytest.raises(ServingError):
        target(url, PORTS, ("https",), inside=False)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://8.8.8.8/", "http://0.0.0.0/", "ftp://10.0.0.1/"]
)
def test_nor_does_whoever_starts_the_server_name_everything(url: str) -> None:
    with pytest.raises(ServingError):
        target(url, PORTS, ("https",), inside=True)
    target("https://example.org:8443/x", PORTS, ("https",), inside=True)
    target("http://192.168.1.2:8123/api", PORTS, ("https",), inside=True)


def test_a_name_that_points_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        port = inside.getsockname()[1]
        found = target(f"https://example.org:{port}/", PORTS, ("https",), inside=False)
        place = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [place])
        with pytest.raises(ServingError, match="inside a network"):
            found.connect(1)
        with pytest.raises(BlockingIOError):
            inside.accept()


def test_over_http_the_same_is_refused(server: Server) -> None:
    for url in ("http://example.org/", "https://127.0.0.1/", "https://10.0.0.1/"):
        refused = server.client.post("/v1/webhooks", json={"name": "a", "url": url})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "url")
        assert is_failure(refused)
    made = server.client.post("/v1/webhooks", json={"name": "a", "url": "https://example.org/"})
    assert made.json()["secret"].startswith("whsec_")
    twice = server.client.post("/v1/webhooks", json={"name": "a", "url": "https://example.org/"})
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "gallery")
    assert server.client.delete("/v1/webhooks/a").json()["name"] == "a"


def test_what_is_kept_no_longer_is_a_dead_letter(gallery: Path, pack: Path) -> None:
    desk = Desk(gallery, str(pack))
    outlets = Outlets(desk, Telling(keep_h=0.0))
    outlets.add_hook("door", f"http://127.0.0.1:{free_port()}/", inside=True)  # nobody is there
    outlets.feed.add("camera_lost", {"camera": "door"})
    (event,) = outlets.feed.events.after(0, 10)
    outlets.feed._tidy()
    assert [one.event for one in outlets.hooks.dead("door")] == [event.id]
    assert outlets.feed.events.after(0, 10) == ()
    outlets.close()
    desk.close()


def test_there_are_few_and_each_has_a_name(tmp_path: Path) -> None:
    hooks = Hooks(tmp_path / "desk.gallery.webhooks")
    assert hooks.path.stat().st_mode & 0o777 == 0o600
    for name in ("", "a\nb", "x" * 65):
        with pytest.raises(GalleryError):
            hooks.add(name, "https://example.org/", inside=False)
    for number in range(MAX_HOOKS):
        hooks.add(f"{number}", "https://example.org/", inside=False)
    with pytest.raises(GalleryError, match="as many as there may be"):
        hooks.add("one more", "https://example.org/", inside=False)
    hooks.close()
