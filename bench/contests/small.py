"""Many small files: scanned forms of 20 KB, handed in over 1, 8 and 32 connections."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from bench.figures import Contest
from bench.servers import measured
from bench.turns import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.servers import Server

SIZE: Final = 20 << 10
CONNECTIONS: Final = (1, 8, 32)
FILES: Final = {1: 150, 8: 400, 32: 640}
"""By connections: long enough to be a measurement, short enough to be repeated."""

WAYS: Final = {"post": "creation with the bytes", "patch": "creation, then PATCH"}


def contests(servers: Sequence[Server], *, runs: int) -> Iterator[Contest]:
    """Measure every way and number of connections."""
    for way, told in WAYS.items():
        for connections in CONNECTIONS:
            plans = {
                server.name: partial(
                    measured,
                    server,
                    server.plan(way, size=SIZE, files=FILES[connections], connections=connections),
                )
                for server in servers
            }
            name = f"20 KB, {told}, {connections} connection{'s' * (connections > 1)}"
            lines = in_turn(plans, runs=runs, notes={one.name: one.note for one in servers})
            yield Contest(name, "files/s", lines)
