"""One big file, in one request and in chunks."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from bench.figures import Contest
from bench.servers import MIB, measured
from bench.turns import in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.servers import Server

SIZE: Final = 512 * MIB
CHUNK: Final = 8 * MIB
GIB: Final = 1 << 30


def contests(servers: Sequence[Server], *, runs: int) -> Iterator[Contest]:
    """Measure both ways."""
    for way, chunk, told in (("whole", 0, "one PATCH"), ("chunks", CHUNK, "8 MiB chunks")):
        plans = {server.name: partial(_run, server, way=way, chunk=chunk) for server in servers}
        lines = in_turn(plans, runs=runs, notes={one.name: one.note for one in servers})
        yield Contest(f"512 MiB, {told}", "MiB/s", lines)


def _run(server: Server, *, way: str, chunk: int) -> dict[str, float]:
    figures = measured(server, server.plan(way, size=SIZE, chunk=chunk))
    if "cpu" in figures:
        figures["cpu_per_gib"] = figures.pop("cpu") * GIB / SIZE
    files = list(server.big_files())
    begun = time.perf_counter()
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    figures["unsynced_s"] = time.perf_counter() - begun
    for path in files:
        os.truncate(path, 0)  # nobody asks for it again, and the disk has other things to keep
    return figures
