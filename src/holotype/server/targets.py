"""Where events may be sent: addresses that somebody who may say so has named, and no others.

A server that sends to any address lets whoever names it reach what only the server can reach.
So a receiver inside the network is named on the machine itself; a key of scope `admin` may name
only one on the internet. Names are looked up for each connection, and the address that was looked
at is the one that is connected to, so a name that points elsewhere meanwhile gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from holotype.errors import ServingError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MAX_CHARACTERS = 2000
# They carry an address of IPv4 into networks that translate it.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48")))


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver."""

    scheme: str
    host: str
    port: int
    path: str  # with the query
    encrypted: bool
    inside: bool  # whether it may be on this machine or in a private network

    def connect(self, timeout_s: float) -> socket.socket:
        """A connection to it, at an address where it may be.

        Raises:
            ServingError: none of its addresses is one.
            OSError: it is not there.
        """
        error: Exception = OSError("it has no address")
        for family, _, _, _, place in socket.getaddrinfo(
            self.host, self.port, type=socket.SOCK_STREAM
        ):
            try:
                self.require(ipaddress.ip_address(str(place[0]).partition("%")[0]))
                connection = socket.socket(family)
                connection.settimeout(timeout_s)
                try:
                    connection.connect(place)
                except BaseException:
                    connection.close()
                    raise
                return connection
            except (OSError, ServingError) as refused:
                error = refused
        raise error

    def require(self, address: Address) -> None:
        """Refuse an address where it may not be.

        Raises:
            ServingError: for that reason.
        """
        why = _refused(_meant(address), self.inside, self.encrypted)
        if why:
            raise ServingError(f"{self.host!r} is {address}, {why}", "Name another receiver")


def target(url: str, ports: dict[str, int], encrypted: Collection[str], *, inside: bool) -> Target:
    """The receiver that an address names.

    Args:
        url: the address.
        ports: the schemes that are taken, and the port of each.
        encrypted: those of them that encrypt.
        inside: whether it was named on this machine, and may be in a private network.

    Raises:
        ServingError: it is none, has a password in it, or is where it may not be.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    schemes = [scheme for scheme in ports if inside or scheme in encrypted]
    plain = url.isascii() and url.isprintable() and " " not in url
    if parts.scheme not in schemes or not host or not plain or len(url) > _MAX_CHARACTERS:
        raise ServingError(
            "the receiver is no address that is taken",
            f"Give one such as {schemes[-1]}://desk.example.org/events",
        )
    if parts.username is not None or parts.fragment:
        raise ServingError(
            "the receiver has a name, a password or a # in its address",
            "Give it without; what is sent is signed",
        )
    found = Target(
        parts.scheme,
        host,
        port or ports[parts.scheme],
        (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        parts.scheme in encrypted,
        inside,
    )
    with suppress(ValueError):  # a name, which is looked up for each connection
        found.require(ipaddress.ip_address(host))
    return found


def _meant(address: Address) -> Address:
    """The address that one of IPv6 stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.sixtofour or address
    return address


def _refused(address: Address, inside: bool, encrypted: bool) -> str:
    if (
        address.is_link_local  # where clouds keep the passwords of a machine
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or any(address in network for network in _TRANSLATED)
    ):
        return "where nothing is sent"
    if inside:
        own = address.is_loopback or address.is_private
        return "" if own or encrypted else "where others would read it on the way"
    return "" if address.is_global else "inside a network: name it where the server is started"
