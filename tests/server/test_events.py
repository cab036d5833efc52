"""Events: durable, in order, and told to whoever listens or comes back."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import holotype
from hanging import HANGS_S
from holotype.server import event_stream
from real_server import Server, drawing, files, is_failure

STREAM = {"accept": "text/event-stream"}


@contextmanager
def listening(server: Server, key: str | None = None, **headers: str) -> Iterator[Iterator[Any]]:
    """The events as they come; None for a sign of life."""
    client = server.as_(server.key if key is None else key)
    sent = STREAM | {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream("GET", "/v1/events", headers=sent) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        assert next(lines) == ": holotype"  # from here on nothing is missed
        yield _events(lines)


def _events(lines: Iterator[str]) -> Iterator[Any]:
    name = ""
    for line in lines:
        if line.startswith("id: "):
            name = line.removeprefix("id: ")
        elif line.startswith("data: "):
            event = json.loads(line.removeprefix("data: "))
            assert event["id"] == name
            yield event
        elif line == ": ":
            yield None


def told(server: Server, **query: object) -> dict[str, Any]:
    response = server.client.get("/v1/events", params=query)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    return dict(response.json())


def number(event: dict[str, Any]) -> int:
    return int(event["id"].rpartition("-")[2])


def test_what_changes_is_told_as_it_happens(start: Callable[..., Server]) -> None:
    server = start()
    with listening(server) as events:
        server.enroll("Ada", drawing(11))
        enrolled = next(events)
        assert (enrolled["kind"], enrolled["label"]) == ("enrolled", "Ada")
        assert enrolled["facts"]["actor"] == "owner"
        with holotype.open(server.gallery, create=False) as elsewhere:  # another process might
            elsewhere.gallery.rename("Ada", "Ada L.")
        corrected = next(events)
        assert (corrected["kind"], corrected["label"]) == ("corrected", "Ada L.")
        assert corrected["identity"] == enrolled["identity"]
        server.client.delete("/v1/identities/Ada L.")
        gone = next(events)
        assert (gone["kind"], gone["label"]) == ("forgotten", None)
    # Nothing about her is left but that she was forgotten.
    assert [event["kind"] for event in told(server)["events"]] == ["forgotten"]


def test_who_was_away_gets_what_was_missed_also_after_a_restart(
    start: Callable[..., Server],
) -> None:
    server = start()
    with listening(server) as events:
        server.enroll("Ada", drawing(11))
        last = next(events)
    server.enroll("Bob", drawing(12))
    server.kill()
    with holotype.open(server.gallery, create=False) as meanwhile:
        meanwhile.enroll("Cy", drawing(13))
    again = start()
    again.key = server.key
    with listening(again, last_event_id=last["id"]) as events:
        missed = [next(events), next(events)]
    assert [event["label"] for event in missed] == ["Bob", "Cy"]
    assert number(last) < number(missed[0]) < number(missed[1])


def test_page_by_page_for_who_does_not_listen(start: Callable[..., Server]) -> None:
    server = start()
    begin = told(server)
    assert begin["events"] == []
    for character in range(20, 25):
        server.enroll(f"n{character}", drawing(character))
    labels, cursor = [], begin["cursor"]
    with listening(server, last_event_id=begin["cursor"]) as events:
        for _ in range(5):
            next(events)  # all have become events
    while True:
        page = told(server, after=cursor, limit=2)
        labels += [event["label"] for event in page["events"]]
        if not page["events"]:
            break
        cursor = page["cursor"]
    assert labels == [f"n{character}" for character in range(20, 25)]
    assert [event["label"] for event in told(server, limit=2)["events"]] == ["n23", "n24"]
    assert page["cursor"] == cursor
    # The ids of a file that is no more are no ids of this one: all that is kept is new.
    assert len(told(server, after=f"00000000-{10**9}")["events"]) == 5
    for wrong in ("x", "1", f"{cursor}0000000000000000000", "../x", cursor + "\n"):
        refused = server.client.get("/v1/events", params={"after": wrong})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "cursor")
        assert is_failure(refused)


def test_answers_are_events_where_that_is_chosen(start: Callable[..., Server]) -> None:
    quiet, server = start(), start("--tell", "match", "--tell", "cannot_tell")
    sent = files(drawing(1, 1), b"no picture", drawing(99))
    quiet.client.post("/v1/identify", files=sent, data={"fpir": "10%"})
    server.key = quiet.key
    server.client = server.as_(quiet.key)
    assert told(server)["events"] == []
    (match, _, _) = server.client.post("/v1/identify", files=sent, data={"fpir": "10%"}).json()[
        "answers"
    ]
    known, broken = told(server)["events"]
    assert (known["kind"], known["label"]) == ("identified", "c1")
    assert known["facts"]["decision"] == match["id"]
    assert (known["facts"]["rate"], known["facts"]["actor"]) == (0.1, "owner")
    assert (broken["kind"], broken["facts"]["reasons"]) == ("cannot_tell", ["unreadable"])
    # Two servers, one gallery, one order of events: the other one tells them too.
    assert told(quiet)["events"] == [known, broken]
    server.client.delete("/v1/identities/c1")
    assert [event["kind"] for event in told(server)["events"]][:1] == ["cannot_tell"]


def test_a_key_that_is_revoked_hears_no_more(start: Callable[..., Server]) -> None:
    server = start()
    key = server.new_key("door", "read")
    with listening(server, key) as events:
        server.client.delete("/v1/keys/door")
        server.enroll("Ada", drawing(11))
        assert [event for event in events if event] == []  # and the stream ends


def test_many_who_do_not_read_keep_nobody_waiting(start: Callable[..., Server]) -> None:
    server = start()
    head = f"GET /v1/events HTTP/1.1\r\nhost: localhost\r\nx-api-key: {server.key}\r\n"
    head += "accept: text/event-stream\r\nlast-event-id: 00000000-0\r\n\r\n"
    slow = []
    for _ in range(60):
        one = socket.create_connection(("127.0.0.1", server.port), timeout=HANGS_S)
        one.sendall(head.encode())
        slow.append(one)
    with listening(server) as events:
        for character in range(30, 36):
            assert server.enroll(f"n{character}", drawing(character)).status_code == 200
        assert [next(events)["label"] for _ in range(6)] == [f"n{c}" for c in range(30, 36)]
        said = server.client.post("/v1/identify", files=files(drawing(1, 1)), data={"fpir": "10%"})
        assert said.json()["answers"][0]["label"] == "c1"
    assert slow[0].recv(1) == b"H"  # they are served as well
    for one in slow:
        one.close()


def test_there_are_as_many_listeners_as_there_may_be(start: Callable[..., Server]) -> None:
    server = start()
    head = f"GET /v1/events HTTP/1.1\r\nhost: localhost\r\nx-api-key: {server.key}\r\n"
    head += "accept: text/event-stream\r\n\r\n"
    held = []
    for _ in range(event_stream.MAX_LISTENERS):
        one = socket.create_connection(("127.0.0.1", server.port), timeout=HANGS_S)
        one.sendall(head.encode())
        assert one.recv(15) == b"HTTP/1.1 200 OK"
        held.append(one)
    refused = server.client.get("/v1/events", headers=STREAM)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert "retry-after" in refused.headers
    for one in held:
        one.close()


def test_listeners_do_not_keep_the_server_from_ending(start: Callable[..., Server]) -> None:
    server = start()
    ended = threading.Event()

    def listen() -> None:
        with listening(server) as events:
            begun.set()
            assert [event for event in events if event] == []
        ended.set()

    begun = threading.Event()
    listener = threading.Thread(target=listen)
    listener.start()
    assert begun.wait(HANGS_S)
    assert server.stop() == 0
    assert ended.wait(HANGS_S)
    listener.join()


def test_the_stream_says_that_it_lives(start: Callable[..., Server]) -> None:
    server = start()
    with listening(server) as events:
        assert next(events) is None


def test_a_browser_of_another_origin_hears_nothing(start: Callable[..., Server]) -> None:
    server = start()
    headers = STREAM | {"origin": "http://elsewhere.example"}
    assert server.client.get("/v1/events", headers=headers).status_code == 403
