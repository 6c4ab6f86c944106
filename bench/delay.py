"""A line with a delay: a proxy on loopback, a process of its own. TARGET_PORT OWN_PORT RTT_MS.

What goes in comes out half a round trip later, in order, however much is on its way. A new
connection waits one round trip more, as its handshake would.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

from cli.demo.proxy import PIECE, Proxy

if TYPE_CHECKING:
    from cli.demo.proxy import End

ON_THE_WAY: Final = 256
"""Pieces on the way at once in each direction: bounds the memory, as a window does."""


class Delay(Proxy):
    """The proxy."""

    def __init__(self, target: int, *, round_trip: float) -> None:
        super().__init__(target)
        self._round_trip = round_trip

    async def _dial(self) -> End:
        await asyncio.sleep(self._round_trip)
        return await super()._dial()

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_up: bool
    ) -> None:
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(ON_THE_WAY)
        clock = asyncio.get_running_loop().time

        async def arrive() -> None:
            piece = b"?"
            while piece:
                due, piece = await way.get()
                await asyncio.sleep(max(0.0, due - clock()))
                await self._hand_on(piece, sink, is_up=is_up)
            sink.write_eof()

        async with asyncio.TaskGroup() as both:
            both.create_task(arrive())
            piece = b"?"
            while piece:
                piece = await source.read(PIECE)
                await way.put((clock() + self._round_trip / 2, piece))


async def main() -> None:
    """Serve until killed."""
    target, port, milliseconds = map(int, sys.argv[1:])
    async with Delay(target, round_trip=milliseconds / 1000).serving(port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
