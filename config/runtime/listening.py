"""The sockets that the gateway listens on: made here, so that they can be closed from anywhere."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKLOG: Final = 4096
"""Connections that may wait to be accepted: after a restart everybody comes back at once. The
kernel lowers it to its own limit (net.core.somaxconn, 4096 on Linux)."""


def bound_sockets(listen: str) -> list[socket.socket]:
    """Bind every address that HOST:PORT means; raises OSError (the address is in use)."""
    host, _, port = listen.rpartition(":")
    found = socket.getaddrinfo(
        host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    made: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            with suppress(_NoSuchFamily):
                made.append(_bound(family, kind, protocol, address=address))
    except OSError:
        close_all(made)
        raise
    return made


def close_all(sockets: Sequence[socket.socket]) -> None:
    """Take no connection more, from any thread; those that are closed already may be among them."""
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)  # whoever else holds it open listens no more, either
        with suppress(OSError):
            one.close()


class _NoSuchFamily(Exception):
    """The kernel has no addresses of this family."""


def _bound(family: int, kind: int, protocol: int, *, address: Any) -> socket.socket:  # noqa: ANN401 - a tuple of getaddrinfo
    try:
        made = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _NoSuchFamily from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    made.setblocking(False)  # noqa: FBT003 - the socket's own interface
    return made
