"""MQTT: a real broker, which may be away, and what Home Assistant would find there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import holotype
from holotype.errors import MissingExtraError, ServingError
from holotype.server.mqtt import Mqtt
from real_server import Server, drawing
from receivers import PAHO, Broker, Subscriber

pytest.importorskip("paho.mqtt.client", reason=PAHO)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def subscriber(broker: Broker) -> Iterator[Subscriber]:
    listening = Subscriber(broker.port)
    yield listening
    listening.stop()


def test_home_assistant_finds_the_gallery_and_hears_what_happens(
    start: Callable[..., Server], broker: Broker, subscriber: Subscriber
) -> None:
    server = start("--mqtt", f"mqtt://127.0.0.1:{broker.port}")
    subscriber.wait_for(lambda: subscriber.last("/status") == "online")
    server.enroll("Ada", drawing(11))
    subscriber.wait_for(lambda: bool(subscriber.events()))
    (event,) = subscriber.events()
    assert (event["event_type"], event["label"], event["gallery"]) == (
        "enrolled",
        "Ada",
        "desk.gallery",
    )
    (found,) = [one for one in subscriber.messages if one.topic.startswith("homeassistant/")]
    described = json.loads(found.payload)
    assert found.topic.startswith("homeassistant/device/")
    assert found.topic.endswith("/config")
    entity = described["components"]["events"]
    assert entity["platform"] == "event"
    assert event["event_type"] in entity["event_types"]
    topics = {one.topic for one in subscriber.messages}
    assert {entity["state_topic"], described["availability_topic"]} <= topics
    assert described["device"]["identifiers"]
    assert described["origin"]["name"] == "holotype"
    # The broker keeps that the gallery is there, and nothing of what happened.
    late = Subscriber(broker.port, "late")
    late.wait_for(lambda: late.last("/status") == "online" and late.last("/config") != "")
    assert late.events() == []
    late.stop()
    assert server.stop() == 0
    subscriber.wait_for(lambda: subscriber.last("/status") == "offline")


def test_a_broker_that_was_away_gets_all_in_order(
    start: Callable[..., Server], broker: Broker, subscriber: Subscriber
) -> None:
    server = start("--mqtt", f"mqtt://127.0.0.1:{broker.port}")
    server.enroll("n20", drawing(20))
    subscriber.wait_for(lambda: len(subscriber.events()) == 1)
    broker.stop()
    for character in range(21, 24):
        server.enroll(f"n{character}", drawing(character))
    server.kill()  # in between
    start("--mqtt", f"mqtt://127.0.0.1:{broker.port}")
    with holotype.open(server.gallery, create=False) as meanwhile:
        meanwhile.enroll("n24", drawing(24))
    broker.start()

    def once() -> list[str]:
        return [event["label"] for event in {e["id"]: e for e in subscriber.events()}.values()]

    subscriber.wait_for(lambda: "n24" in once())
    expected = [f"n{character}" for character in range(20, 25)]
    assert once() == expected


def test_a_server_that_dies_is_offline(
    start: Callable[..., Server], broker: Broker, subscriber: Subscriber
) -> None:
    server = start("--mqtt", f"mqtt://127.0.0.1:{broker.port}")
    subscriber.wait_for(lambda: subscriber.last("/status") == "online")
    server.kill()
    subscriber.wait_for(lambda: subscriber.last("/status") == "offline")


@pytest.mark.parametrize(
    "url", ["mqtt://8.8.8.8", "mqtt://169.254.169.254", "http://127.0.0.1", "mqtt://u:p@127.0.0.1"]
)
def test_no_broker_where_others_would_read_on_the_way(url: str) -> None:
    with pytest.raises(ServingError):
        Mqtt(url, "desk.gallery", "0", {})


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "paho.mqtt.client", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[mqtt\]"):
        Mqtt("mqtt://127.0.0.1", "desk.gallery", "0", {})
