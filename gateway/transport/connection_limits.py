"""Every connection to the gateway: how many there may be, and how long a request's head may take.

aiohttp closes a connection that is idle for `keepalive_timeout`. What it leaves open is closed
here: heads that trickle in, heads without an end, more connections than there are descriptors.
"""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from gateway.transport.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.metrics import Metrics

log = structlog.get_logger()

SWEEP: Final = 0.1
"""Between two looks, as a share of the head's time: a head may take as much longer."""

GATHERED: Final = 64
"""One search for idle connections closes this share of all at once, so that a flood at the limit
does not cost one search for each newcomer."""

FRUITLESS: Final = 0.25
"""Seconds without another search after one that found nobody idle."""

TELL_EVERY: Final = 60.0
"""Seconds between two lines in the log while it is full."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What connections may take; times in seconds, sizes in bytes.

    A connection costs one descriptor and a body on its way a second one, its file: both together
    stay below `descriptors`, so that there is always one for the journal and the destinations.
    After `quiet` without a byte an idle connection may be closed to make room for another.
    """

    most: int = 20_000
    descriptors: int = 40_000
    head_timeout: float = 10.0
    head_bytes: int = 128 << 10
    quiet: float = 1.0


class Connections:
    """The open connections of one gateway; to be used from one event loop."""

    def __init__(
        self, limits: ConnectionLimits, *, bodies: Callable[[], int], metrics: Metrics
    ) -> None:
        """Keep to the limits; `bodies` tells how many bodies are on their way."""
        self._limits = limits
        self._bodies = bodies
        self._metrics = metrics
        self._open: set[Connection] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._told_at = self._search_at = float("-inf")

    @property
    def head_bytes(self) -> int:
        """Give the most that a head may take."""
        return self._limits.head_bytes

    @property
    def number(self) -> int:
        """Tell how many are open."""
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Take a new connection in, closing idle ones for it at the limit; tell whether it may."""
        if not self._has_room(more=1):
            self.count("full")
            return False
        self._open.add(connection)
        self._metrics.connections.set(len(self._open))
        if self._sweeping is None:
            self._sweep_soon()
        return True

    def forget(self, connection: Connection) -> None:
        """Let go of a connection that was lost or is being closed; may be called twice."""
        self._open.discard(connection)
        self._metrics.connections.set(len(self._open))

    def room_for_body(self) -> bool:
        """Tell whether a body may have a file, closing idle connections for it at the limit."""
        return self._has_room(more=0)

    def cut(self, connection: Connection, reason: str) -> None:
        """Close a connection, and count why."""
        self.forget(connection)
        self.count(reason)
        connection.force_close()

    def refused(self, status: int) -> None:
        """Count an answer to what was no request."""
        self._metrics.answered("", status)

    def count(self, reason: str) -> None:
        """Count why a connection is closed."""
        self._metrics.connections_closed.labels(reason=reason).inc()

    def _has_room(self, *, more: int) -> bool:
        return self._fits(more) or (self._made_room() and self._fits(more))

    def _fits(self, more: int) -> bool:
        number = len(self._open) + more
        return number <= self._limits.most and number + self._bodies() < self._limits.descriptors

    def _made_room(self) -> bool:
        """Close those connections that have been idle for longest; tell whether there were any."""
        now = asyncio.get_running_loop().time()
        if now < self._search_at:
            return False
        self._tell(now)
        share = max(1, len(self._open) // GATHERED)
        idle = (one for one in self._open if one.idle and one.heard_at <= now - self._limits.quiet)
        longest = heapq.nsmallest(share, idle, key=lambda one: one.heard_at)
        for connection in longest:
            self.cut(connection, "made_room")
        if not longest:
            self._search_at = now + FRUITLESS
        return bool(longest)

    def _sweep(self) -> None:
        self._sweeping = None
        begun_before = asyncio.get_running_loop().time() - self._limits.head_timeout
        for connection in tuple(self._open):
            since = connection.head_since
            if since is not None and since <= begun_before:
                self.cut(connection, "slow_head")
        if self._open:
            self._sweep_soon()

    def _sweep_soon(self) -> None:
        pause = SWEEP * self._limits.head_timeout
        self._sweeping = asyncio.get_running_loop().call_later(pause, self._sweep)

    def _tell(self, now: float) -> None:
        if now >= self._told_at + TELL_EVERY:
            self._told_at = now
            log.warning("gateway.full", connections=len(self._open), bodies=self._bodies())


class WatchedServer(web.Server):
    """aiohttp's server with our connections."""

    def __init__(
        self, plain: web.Server, connections: Connections, options: Mapping[str, Any]
    ) -> None:
        super().__init__(plain.request_handler, request_factory=plain.request_factory)
        self._watched = connections
        self._options = {**options, "loop": asyncio.get_running_loop()}

    def __call__(self) -> web.RequestHandler:
        """Begin one more connection."""
        return Connection(self, connections=self._watched, options=self._options)


class WatchedRunner(web.AppRunner):
    """Runs an application; its connections are watched."""

    __slots__ = ("_connections",)

    def __init__(
        self, app: web.Application, connections: Connections, options: Mapping[str, Any]
    ) -> None:
        """Take the options of `web.AppRunner`."""
        super().__init__(app, **options)
        self._connections = connections

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return WatchedServer(plain, self._connections, self._kwargs)
