"""How long a connection may take before it has asked for anything, and how many there may be.

uvicorn waits for a request for ever; whoever opens many connections and says little would leave
none for others.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0  # within which the head of a request has to arrive
STUCK_S = 30.0  # for a client that does not read what it is sent
LINGER_S = 5.0  # for a body that nobody reads any more, since it is answered
MAX_CONNECTIONS = 800

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Patience(HttpToolsProtocol):
    """A connection that does not wait for ever. `configured` makes one for a server."""

    trusted: ClassVar[tuple[Network, ...]] = ()  # who may connect; (): everybody
    most: ClassVar[int] = MAX_CONNECTIONS
    # Connections that have not asked yet, oldest first.
    idle: ClassVar[dict[Patience, None]]

    @classmethod
    def configured(cls, trusted: tuple[Network, ...], most: int) -> type[Patience]:
        """The class for one server."""
        return type("Patience", (cls,), {"trusted": trusted, "most": most, "idle": {}})

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._whole = True  # whether the body of the last request has arrived

    def connection_made(self, transport: Any) -> None:
        """Take it, in place of one that says nothing where there are too many."""
        super().connection_made(transport)
        if self.trusted and not self._is_trusted():
            transport.abort()
            return
        self.idle[self] = None
        self._wait(HEAD_S)
        if len(self.connections) > self.most:
            next(iter(self.idle)).transport.abort()

    def _is_trusted(self) -> bool:
        if self.client is None:
            return False
        address = ipaddress.ip_address(self.client[0].partition("%")[0])
        return any(address in network for network in self.trusted)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self.idle.pop(self, None)
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A head has begun."""
        super().on_message_begin()
        self._whole = False
        self._wait(HEAD_S)

    def on_headers_complete(self) -> None:
        """It is whole: from here on the limits are those of the body."""
        self.idle.pop(self, None)
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is whole."""
        self._whole = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answered; perhaps before all of the body was there."""
        super().on_response_complete()
        if not self._whole:
            self._wait(LINGER_S)
        elif not self.transport.is_closing() and self.cycle.response_complete:
            self.idle[self] = None

    def pause_writing(self) -> None:
        """More is on its way than the client has read."""
        super().pause_writing()
        self._wait(STUCK_S)

    def resume_writing(self) -> None:
        """It reads on."""
        self._stop_waiting()
        super().resume_writing()

    def eof_received(self) -> None:
        """The client says nothing more: of a body that is not whole it is told so."""
        if not self._whole and not self.transport.is_closing():
            self._refuse("form", "the call ended before its end", "Send it again")

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP gets the form of every other answer."""
        self._refuse("http", "this is no request in HTTP/1.1", "See /docs")

    def _refuse(self, code: str, problem: str, remedy: str) -> None:
        error = {"code": code, "problem": problem, "remedy": remedy, "request_id": ""}
        body = json.dumps({"error": error}).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
