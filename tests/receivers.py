"""Who gets events: a receiver of webhooks, and a broker with a subscriber."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hanging import HANGS_S, until_running
from ports import free_port, listens

PAHO = "needs paho-mqtt, of the extra `mqtt`"


class Receiver:
    """A server that takes webhooks, until it is stopped."""

    def __init__(self, port: int, status: Callable[[dict[str, Any]], int] = lambda _: 204) -> None:
        self.got: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                sent = json.loads(body)
                answer = status(sent["event"])
                with receiver._came:
                    if answer == 204:
                        receiver.got.append(sent["event"])
                    receiver.headers.append({k.lower(): v for k, v in self.headers.items()})
                    receiver.bodies.append(body)
                    receiver._came.notify_all()
                self.send_response(answer)
                self.send_header("location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def wait_for(self, label: str) -> None:
        with self._came:
            there = self._came.wait_for(
                lambda: any(event["label"] == label for event in self.got), HANGS_S
            )
        assert there, self.got

    def once(self) -> list[str]:
        """The labels in the order in which they came, without repeats."""
        return [event["label"] for event in {event["id"]: event for event in self.got}.values()]

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Broker:
    """Mosquitto on one port, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        search = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
        program = shutil.which("mosquitto", path=search)
        if program is None:
            pytest.skip("needs Mosquitto, such as Debian's package `mosquitto`")
        self.port = free_port()
        settings = folder / "mosquitto.conf"
        settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
            f"persistence true\npersistence_location {folder}/\n"
        )
        self._command = [program, "-c", str(settings)]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until_running(self.process, lambda: listens(self.port), Path(os.devnull))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(HANGS_S)


class Subscriber:
    """Who takes all messages of a broker, and connects again by itself."""

    def __init__(self, port: int, name: str = "home") -> None:
        self.messages: list[Any] = []
        self.came, self.ready = threading.Condition(), threading.Event()
        paho = pytest.importorskip("paho.mqtt.client", reason=PAHO)
        # The broker keeps what comes while this one is not connected.
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, name, clean_session=False)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._message
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()
        assert self.ready.wait(HANGS_S)

    def _message(self, client: Any, data: Any, message: Any) -> None:
        with self.came:
            self.messages.append(message)
            self.came.notify_all()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(one.payload) for one in self.messages if one.topic.endswith("/events")]

    def wait_for(self, holds: Callable[[], bool]) -> None:
        with self.came:
            assert self.came.wait_for(holds, HANGS_S), self.messages

    def last(self, ending: str) -> str:
        found = [one.payload.decode() for one in self.messages if one.topic.endswith(ending)]
        return found[-1] if found else ""

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
