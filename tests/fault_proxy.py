"""A bad line to order: a TCP proxy between real senders and the real gateway.

Each connection takes the next plan with its first byte, and later ones pass. A plan whose
connection ended before its fault could strike waits for the next connection, so that every
planned fault strikes while there is traffic.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from cli.demo.proxy import PIECE, Proxy, end
from tests.faults import (
    Crossing,
    CutAfter,
    Duplicate,
    HalfClose,
    LoseAnswer,
    Reset,
    Stall,
    Strike,
    Through,
    Way,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from cli.demo.proxy import End

__all__ = [
    "Crossing",
    "CutAfter",
    "Duplicate",
    "FaultProxy",
    "HalfClose",
    "LoseAnswer",
    "Reset",
    "Stall",
    "Through",
    "Way",
    "fault_proxy",
]

SMOOTH: Final = 0.02
"""Seconds' worth of bytes that a throttled line hands on at once."""


@dataclass(slots=True)
class _Ends:
    """Where a connection's bytes come from and go to; a duplicated one has a second far end."""

    near: End
    far: End
    twin: asyncio.StreamWriter | None = None

    def along(self, way: Way) -> End:
        """Give the reader and the writer of one way."""
        if way is Way.UP:
            return self.near[0], self.far[1]
        return self.far[0], self.near[1]

    def writers(self) -> list[asyncio.StreamWriter]:
        """Give all of them."""
        both = [self.near[1], self.far[1]]
        return both if self.twin is None else [*both, self.twin]


class FaultProxy(Proxy):
    """Hands bytes on to a port of this machine, with the faults that were planned."""

    def __init__(self, upstream_port: int, *, always: Through) -> None:
        """Treat connections as `always` says when no plan is left."""
        super().__init__(upstream_port)
        self.crossings: list[Crossing] = []
        self._always = always
        self._plans: deque[Through] = deque()

    @property
    def up(self) -> int:
        """Tell how many bytes went up in all."""
        return sum(one.up for one in self.crossings)

    @property
    def struck(self) -> int:
        """Tell how many faults have struck."""
        return sum(one.struck.is_set() for one in self.crossings)

    @property
    def planned(self) -> int:
        """Tell how many plans no connection has taken yet."""
        return len(self._plans)

    def plan(self, *faults: Through) -> None:
        """Plan the faults of the next connections, in order."""
        self._plans.extend(faults)

    async def _join(self, near: End, far: End) -> None:
        ends = _Ends(near, far)
        crossing = Crossing(self._always)
        try:
            ending = await _first_trouble(
                self._pass(crossing, ends, Way.UP), self._pass(crossing, ends, Way.DOWN)
            )
            if isinstance(ending, Strike):
                await _strike(crossing, ends)
            else:
                self._keep_plan(crossing)
                for one in ends.writers() if ending else ():
                    await end(one, rudely=True)
        finally:
            crossing.ended.set()

    def _keep_plan(self, crossing: Crossing) -> None:
        """Leave a fault that has not struck to the next connection."""
        harmless = type(crossing.fault) is Through
        if not harmless and crossing.fault is not self._always and not crossing.struck.is_set():
            self._plans.appendleft(crossing.fault)

    async def _choose(self, crossing: Crossing, ends: _Ends, way: Way) -> None:
        if way is Way.DOWN or crossing in self.crossings:
            return
        if self._plans:
            crossing.fault = self._plans.popleft()
        self.crossings.append(crossing)
        if isinstance(crossing.fault, Duplicate):
            answers, ends.twin = await self._dial()
            self._spawn(_listen(answers, ends.twin, crossing.twin_answer), ends.twin)
            crossing.struck.set()

    async def _pass(self, crossing: Crossing, ends: _Ends, way: Way) -> None:
        """Hand on all that comes one way, and its end."""
        source, sink = ends.along(way)
        sink.transport.set_write_buffer_limits(0)  # what is drained has left
        while piece := await source.read(PIECE):
            await self._choose(crossing, ends, way)
            may_pass = crossing.most(way, piece)
            for part in _parts(piece[:may_pass], crossing.fault.rate):
                await self._pass_part(crossing, ends, way, part)
            if may_pass < len(piece) or crossing.spent(way):
                if not isinstance(crossing.fault, HalfClose):
                    raise Strike
                crossing.struck.set()
                break
        for one in (sink, ends.twin if way is Way.UP else None):
            if one is not None and not one.transport.is_closing():
                one.write_eof()
        while await source.read(PIECE):
            pass

    async def _pass_part(self, crossing: Crossing, ends: _Ends, way: Way, part: bytes) -> None:
        fault = crossing.fault
        if fault.delay:
            await asyncio.sleep(fault.delay)
        sink = ends.along(way)[1]
        sink.write(part)
        if way is Way.UP and ends.twin is not None and not ends.twin.transport.is_closing():
            ends.twin.write(part)
        crossing.count(way, len(part))
        await sink.drain()
        if fault.rate < math.inf:
            await asyncio.sleep(len(part) / fault.rate)


@asynccontextmanager
async def fault_proxy(
    upstream_port: int, *, always: Through | None = None
) -> AsyncIterator[FaultProxy]:
    """Run a proxy for the block; give clients, in this process or another, its `url` or `port`."""
    async with FaultProxy(upstream_port, always=always or Through()).serving() as proxy:
        yield proxy


def _parts(piece: bytes, rate: float) -> list[bytes]:
    size = int(max(1, min(PIECE, rate * SMOOTH)))
    return [piece[start : start + size] for start in range(0, len(piece), size)]


async def _first_trouble(*carrying: Coroutine[None, None, None]) -> Exception | None:
    """Carry both ways until both ended or one of them had trouble, and give that."""
    tasks = [asyncio.create_task(one) for one in carrying]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    troubles = [one for one in outcomes if isinstance(one, Exception)]
    for one in troubles:
        if not isinstance(one, OSError | Strike):
            raise one
    return min(troubles, key=lambda one: not isinstance(one, Strike), default=None)


async def _strike(crossing: Crossing, ends: _Ends) -> None:
    near, far = ends.near[1], ends.far[1]
    match crossing.fault:
        case Stall():
            for one in ends.writers():
                cast("asyncio.Transport", one.transport).pause_reading()
            crossing.struck.set()
            await asyncio.Event().wait()  # until the proxy is closed
        case CutAfter(way=way):
            source, sink = (near, far) if way is Way.UP else (far, near)
            sink.write_eof()
            await end(sink)
            await end(source, rudely=True)
        case LoseAnswer():
            await end(far)
            await end(near, rudely=True)
        case _:
            await end(far, rudely=True)
            await end(near, rudely=True)
    crossing.struck.set()


async def _listen(
    answers: asyncio.StreamReader, twin: asyncio.StreamWriter, heard: bytearray
) -> None:
    try:
        while piece := await answers.read(PIECE):
            heard += piece
    except OSError:
        pass
    finally:
        await end(twin)
