"""From a gallery to a server that listens, and to its end."""

from __future__ import annotations

import ctypes
import ipaddress
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from holotype.errors import ServingError
from holotype.gallery import file_beside, is_url, jobs_of, truth_of
from holotype.served import NewHook
from holotype.server.app import application
from holotype.server.callers import CALLS_A_MINUTE, Callers, Told
from holotype.server.delivery import Turn
from holotype.server.desk import Desk
from holotype.server.guard import JsonLines
from holotype.server.jobs import Jobs
from holotype.server.keys import Keys
from holotype.server.outlets import Outlets, Telling
from holotype.server.patience import MAX_CONNECTIONS, Network, Patience

DEFAULT_PORT = 8470
FIRST_KEY = "owner"
KEEP_S = 30  # for which a connection may rest between two calls
STOP_S = 60  # within which what was accepted is finished
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _MAPPED_BYTES = -1, -3, 4 * 2**20  # malloc.h
_RESERVED_FILES = 200  # descriptors for everything that is no connection


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens, and for whom."""

    listen: str = "127.0.0.1"  # an address of this machine
    port: int = DEFAULT_PORT  # 0: any that is free
    tls_cert: Path | None = None
    tls_key: Path | None = None
    proxies: tuple[str, ...] = ()  # addresses or networks of proxies, who alone may connect
    hosts: tuple[str, ...] = ()  # names that the server is called by, beside its address
    told: Told | None = None  # what proxies say of users
    calls_a_minute: int = CALLS_A_MINUTE  # of each key, and each user


@dataclass(frozen=True, slots=True)
class Started:
    """What a person has to know of a server that has started."""

    address: str  # of the page
    key: str | None  # that was made now, and is shown this once
    hooks: tuple[NewHook, ...]  # likewise, with their secrets


def serve(
    gallery: str | os.PathLike[str],
    place: Place,
    started: Callable[[Started], None],
    telling: Telling | None = None,
    *,
    model: str | None = None,
    keep_pictures: bool = False,
    new_key: str | None = None,
) -> None:
    """Serve a gallery until this process is told to stop; then finish what was accepted.

    Args:
        gallery: it is made where there is none.
        place: where.
        started: is called once, when connections are taken.
        telling: what is told of what happens, and to whom; None as `Telling()`.
        model: as for `holotype.open`.
        keep_pictures: likewise.
        new_key: the name of a key of scope `admin` that is made, also where there are others.

    Raises:
        ServingError: the place cannot be had, or is not safe.
        GalleryError: the gallery cannot be opened.
        PackError: its model cannot be had.
    """
    _give_memory_back()
    trusted, telling = _networks(place.proxies), telling or Telling()
    _require_safe(place)
    listener = _listener(place)
    with listener, ExitStack() as opened:
        opened.enter_context(closing(_alone(gallery)))
        desk = opened.enter_context(closing(Desk(gallery, model, keep_pictures=keep_pictures)))
        keys = opened.enter_context(closing(Keys(file_beside(gallery, "keys"))))
        jobs = opened.enter_context(closing(Jobs(jobs_of(gallery), desk.labels)))
        if new_key is None and not keys.all():
            new_key = FIRST_KEY
        key = keys.add(new_key, "admin").key if new_key else None
        port = listener.getsockname()[1]
        outlets = opened.enter_context(closing(Outlets(desk, telling, model)))
        hooks = outlets.add_hooks(telling.webhooks)
        callers = Callers(keys, place.told, place.calls_a_minute)
        app = application(desk, callers, outlets, jobs, _names(place))
        server = _Server(
            _config(app, place, trusted),
            lambda: started(Started(_address(place, port), key, hooks)),
            outlets.feed.end,
        )
        _run(server, listener)


def _alone(gallery: str | os.PathLike[str]) -> Turn:
    """Held by the one server that there may be on a file with an index."""
    turn = Turn(file_beside(gallery, "serving"))
    truth = truth_of(gallery)
    if truth is not gallery and not is_url(truth) and not turn.mine():
        raise ServingError(
            f"another server serves {os.fspath(truth)!r} with its index; a file has one server",
            "Copy it to PostgreSQL (`holotype copy`), which several servers may share",
        )
    return turn


def _give_memory_back() -> None:
    """Let what a large picture took go back to the system, and not stay with its thread.

    The C library of GNU does so for what it maps by itself, which by and by is only what is larger
    than 32 MB; with the threshold fixed, whatever is large. What is smaller stays: otherwise the
    pages of a model's feature maps would be given back and asked for with each picture.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _MAPPED_BYTES)  # twice, as it chooses by itself


class _Server(uvicorn.Server):
    def __init__(
        self, config: uvicorn.Config, begun: Callable[[], None], ending: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._begun, self._ending = begun, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._begun()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)


def _run(server: _Server, listener: socket.socket) -> None:
    # uvicorn finishes what was accepted and then raises the signal anew, for whoever was there
    # before: here nobody, since the work is done.
    before = {one: signal.signal(one, lambda *_: None) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run([listener])
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _names(place: Place) -> set[str]:
    return {"localhost", "127.0.0.1", "::1", place.listen, *place.hosts}


def _config(app: ASGIApp, place: Place, trusted: Sequence[Network]) -> uvicorn.Config:
    _log_as_json()
    return uvicorn.Config(
        app,
        http=Patience.configured(tuple(trusted), _most_connections()),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=[str(one) for one in trusted] or None,
        ssl_certfile=place.tls_cert,
        ssl_keyfile=place.tls_key,
        timeout_keep_alive=KEEP_S,
        timeout_graceful_shutdown=STOP_S,
    )


def _log_as_json() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("holotype.server", "uvicorn"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _most_connections() -> int:
    try:
        import resource
    except ImportError:  # Windows
        return MAX_CONNECTIONS
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(16, min(MAX_CONNECTIONS, files - _RESERVED_FILES))


def _networks(proxies: Sequence[str]) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(one, strict=False) for one in proxies)
    except ValueError as error:
        raise ServingError(
            f"the proxies {', '.join(proxies)} are not all addresses ({error})",
            "Name each by its address or network, such as 10.0.0.5 or 10.0.0.0/24",
        ) from None


def _require_safe(place: Place) -> None:
    if (place.tls_cert is None) != (place.tls_key is None):
        raise ServingError("TLS needs a certificate and its key", "Pass --tls-cert and --tls-key")
    for file in (place.tls_cert, place.tls_key):
        if file is not None and not file.is_file():
            raise ServingError(f"{os.fspath(file)!r} is no file", "Check the path")
    if place.told is not None and not place.proxies:
        raise ServingError(
            "anybody could send the header in which a proxy names its users",
            "Pass --behind-proxy with the address of the proxy, which alone may connect then",
        )
    if not (_parsed(place.listen).is_loopback or place.tls_cert or place.proxies):
        raise ServingError(
            f"{place.listen} can be reached by others, who would read keys and pictures on the way",
            "Pass --tls-cert and --tls-key, or --behind-proxy with the address of a proxy that "
            "encrypts",
        )


def _parsed(listen: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(listen)
    except ValueError:
        raise ServingError(
            f"{listen!r} is no address of a machine", "Pass one such as 127.0.0.1"
        ) from None


def _listener(place: Place) -> socket.socket:
    kind = socket.AF_INET6 if _parsed(place.listen).version == 6 else socket.AF_INET
    # Named as TCP: asyncio lets no other answer go before the client has acknowledged what came
    # before, which clients put off by 40 ms.
    listener = socket.socket(kind, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((place.listen, place.port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise ServingError(
            f"port {place.port} of {place.listen} cannot be had "
            f"({getattr(error, 'strerror', None) or error})",
            "Choose another one with --port, or stop what listens there",
        ) from error
    return listener


def _address(place: Place, port: int) -> str:
    scheme = "https" if place.tls_cert else "http"
    host = place.hosts[0] if place.hosts else place.listen
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/"
