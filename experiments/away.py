"""Receivers that are away for a minute: what a webhook and a broker get of what happened meanwhile.

    python experiments/away.py

Somebody is enrolled twice a second. After a while the receiver of a webhook and the MQTT broker are
stopped; half a minute later the server is killed and started again; after a minute both are back.
Every line that the audit trail got is looked for at both. Writes results/away.json.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import holotype
from tabling import ROOT, keep, today

sys.path.insert(0, str(ROOT / "tests"))
from ports import free_port
from real_server import Server, drawing
from receivers import Broker, Receiver, Subscriber
from toy_packs import make_toy_pack

BEFORE_S, AWAY_S, AFTER_S, CAUGHT_UP_S = 5.0, 60.0, 5.0, 300.0


class Enrolling:
    """Enrolls somebody new twice a second."""

    def __init__(self, server: Server) -> None:
        self.server, self.count, self.key = server, 0, server.key

    def go_on(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        client = self.server.as_(self.key)
        while time.monotonic() < until:
            self.count += 1
            client.post(
                f"/v1/identities/n{self.count}/examples",
                files=[("images", ("a.png", drawing(self.count)))],
                data={"anyway": "true"},
            ).raise_for_status()
            time.sleep(0.5)


def counted(given: list[dict[str, Any]], lines: list[int]) -> dict[str, Any]:
    once = [event["facts"]["line"] for event in {e["id"]: e for e in given}.values()]
    return {
        "given": len(given),
        "repeated": len(given) - len(once),
        "missing": len(set(lines) - set(once)),
        "in_order": once == sorted(once),
    }


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="away-"))
    path, port = folder / "desk.gallery", free_port()
    with holotype.open(path, make_toy_pack(folder / "toy")) as recognizer:
        begun = len(recognizer.gallery.audit())
    broker, receiver = Broker(folder), Receiver(port)
    subscriber = Subscriber(broker.port)
    options = ["--webhook", f"door=http://127.0.0.1:{port}/"]
    options += ["--mqtt", f"mqtt://127.0.0.1:{broker.port}"]
    server = Server(path, *options)
    enrolling = Enrolling(server)
    enrolling.go_on(BEFORE_S)
    receiver.stop()
    broker.stop()
    enrolling.go_on(AWAY_S / 2)
    server.kill()
    enrolling.server = server = Server(path, *options)
    enrolling.go_on(AWAY_S / 2)
    back = Receiver(port)
    broker.start()
    returned = time.monotonic()
    enrolling.go_on(AFTER_S)
    with holotype.open(path, create=False) as recognizer:
        lines = [entry.sequence for entry in recognizer.gallery.audit()[begun:]]
    took: dict[str, float] = {}
    while len(took) < 2 and time.monotonic() - returned < CAUGHT_UP_S:
        for name, events in (("webhook", back.got), ("mqtt", subscriber.events())):
            if any(event["facts"]["line"] == lines[-1] for event in events):
                took.setdefault(name, round(time.monotonic() - returned, 1))
        time.sleep(0.2)
    result = {
        "command": "python experiments/away.py",
        "date": today(),
        "away_s": AWAY_S,
        "events": len(lines),
        "webhook": counted(receiver.got + back.got, lines),
        "mqtt": counted(subscriber.events(), lines),
        "caught_up_after_s": took,
    }
    server.stop()
    back.stop()
    subscriber.stop()
    broker.stop()
    keep("away", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
