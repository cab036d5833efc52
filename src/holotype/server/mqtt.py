"""Events by MQTT, in the form in which Home Assistant finds them by itself.

One retained message describes the gallery as a device: an event entity, and whether each camera
is connected (https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery). No event is
retained: the broker would keep who came by last for good.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from holotype.errors import MissingExtraError
from holotype.extras import install
from holotype.gallery.event_log import KINDS
from holotype.served import Happened
from holotype.server.answers import as_json
from holotype.server.delivery import AwayError
from holotype.server.targets import target

USER, PASSWORD = "HOLOTYPE_MQTT_USER", "HOLOTYPE_MQTT_PASSWORD"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_PREFIX = "homeassistant"
_KEPT_ALIVE_S = 30
_TAKEN_S = 10.0  # within which a broker that is connected takes an event
_LOOK_S = 0.01
_LONGEST_S = 30  # between two tries to connect


class Mqtt:
    """A connection to a broker, which is made again whenever it breaks off.

    Args:
        url: `mqtt://HOST` or `mqtts://HOST`, with a port where it is not the usual one. The name
            and the password come from the environment.
        gallery: its name, for people.
        name: what tells this gallery from any other.
        cameras: the name of each, and whether it gives pictures.

    Raises:
        ServingError: there is nothing that is connected to.
        MissingExtraError: paho-mqtt is not installed.
    """

    def __init__(self, url: str, gallery: str, name: str, cameras: Mapping[str, bool]) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ModuleNotFoundError:
            raise MissingExtraError(
                "MQTT needs paho-mqtt, which is not installed", install("mqtt")
            ) from None
        to = target(url, _PORTS, ("mqtts",), inside=True)
        with suppress(OSError):  # not known yet, perhaps
            for *_, place in socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM):
                to.require(ipaddress.ip_address(str(place[0]).partition("%")[0]))
        self._gallery, self._name, self._cameras = gallery, name, cameras
        self._topic = f"holotype/{name}"
        self._client = Client(CallbackAPIVersion.VERSION2, f"holotype-{name}")
        if to.encrypted:
            self._client.tls_set()
        if os.environ.get(USER):
            self._client.username_pw_set(os.environ[USER], os.environ.get(PASSWORD))
        self._client.will_set(f"{self._topic}/status", "offline", qos=1, retain=True)
        self._client.reconnect_delay_set(1, _LONGEST_S)
        self._client.on_connect = self._connected
        self._client.connect_async(to.host, to.port, _KEPT_ALIVE_S)
        self._client.loop_start()

    def close(self) -> None:
        """Say that nothing more comes."""
        if self._client.is_connected():
            with suppress(RuntimeError, ValueError):
                self._client.publish(
                    f"{self._topic}/status", "offline", qos=1, retain=True
                ).wait_for_publish(_TAKEN_S)
        self._client.disconnect()
        self._client.loop_stop()

    def send(self, event: Happened) -> None:
        """Hand on an event; the broker has it when this returns.

        Raises:
            AwayError: the broker is not there.
        """
        if not self._client.is_connected():
            raise AwayError("the broker is not connected")
        if event.kind in ("camera_lost", "camera_back"):
            self._show(event.facts["camera"], event.kind == "camera_back")
        said = asdict(event) | {"event_type": event.kind, "gallery": self._gallery}
        message = self._client.publish(f"{self._topic}/events", as_json(said), qos=1)
        until = time.monotonic() + _TAKEN_S
        while not message.is_published():
            if time.monotonic() > until:
                raise AwayError("the broker does not take events")
            time.sleep(_LOOK_S)

    def _connected(self, client: Any, data: Any, flags: Any, code: Any, more: Any) -> None:
        if code.is_failure:
            return  # a wrong password, say: tried again, and seen in the broker's log
        client.publish(
            f"{_PREFIX}/device/holotype_{self._name}/config",
            json.dumps(self._described()),
            qos=1,
            retain=True,
        )
        client.publish(f"{self._topic}/status", "online", qos=1, retain=True)
        for camera, there in self._cameras.items():
            self._show(camera, there)

    def _show(self, camera: str, there: bool) -> None:
        topic = f"{self._topic}/cameras/{_slug(camera)}"
        self._client.publish(topic, "ON" if there else "OFF", qos=1, retain=True)

    def _described(self) -> dict[str, Any]:
        """The device, as Home Assistant reads it."""
        components: dict[str, Any] = {
            "events": {
                "platform": "event",
                "unique_id": f"holotype_{self._name}_events",
                "name": "Events",
                "state_topic": f"{self._topic}/events",
                "event_types": list(KINDS),
            }
        }
        for camera in self._cameras:
            components[f"camera_{_slug(camera)}"] = {
                "platform": "binary_sensor",
                "unique_id": f"holotype_{self._name}_camera_{_slug(camera)}",
                "name": f"Camera {camera}",
                "device_class": "connectivity",
                "state_topic": f"{self._topic}/cameras/{_slug(camera)}",
            }
        return {
            "device": {
                "identifiers": [f"holotype_{self._name}"],
                "name": f"holotype {self._gallery}",
                "manufacturer": "holotype",
                "sw_version": version("holotype"),
            },
            "origin": {"name": "holotype", "sw_version": version("holotype")},
            "components": components,
            "availability_topic": f"{self._topic}/status",
            "qos": 1,
        }


def _slug(name: str) -> str:
    """A name as a part of a topic, where / + # mean something."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
