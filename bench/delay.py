"""A line with a delay: a proxy on loopback, a process of its own. TARGET_PORT OWN_PORT RTT_MS.

What goes in comes out half a round trip later, in order, however much is on its way. A new
connection waits one round trip more, as its handshake would.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Final

from bench.process import LOOPBACK

PIECE: Final = 1 << 16
ON_THE_WAY: Final = 256
"""Pieces on the way at once in each direction: bounds the memory, as a window does."""


class Delay:
    """The proxy."""

    def __init__(self, target: int, *, round_trip: float) -> None:
        self._target = target
        self._round_trip = round_trip

    async def serve(self, port: int) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(self._connected, LOOPBACK, port)
        async with server:
            await server.serve_forever()

    async def _connected(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._round_trip)
        try:
            there, on = await asyncio.open_connection(LOOPBACK, self._target)
        except OSError:
            back.close()
            return
        await asyncio.gather(self._carry(here, on), self._carry(there, back))

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(ON_THE_WAY)
        arriving = asyncio.create_task(_arrive(way, sink))
        clock = asyncio.get_running_loop().time
        with suppress(OSError):
            while piece := await source.read(PIECE):
                await way.put((clock() + self._round_trip / 2, piece))
        await way.put((clock() + self._round_trip / 2, b""))
        await arriving


async def _arrive(way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
    clock = asyncio.get_running_loop().time
    with suppress(OSError):
        while True:
            due, piece = await way.get()
            await asyncio.sleep(max(0.0, due - clock()))
            if not piece:
                break
            sink.write(piece)
            await sink.drain()
    sink.close()


def main() -> None:
    """Serve until killed."""
    target, port, milliseconds = map(int, sys.argv[1:])
    asyncio.run(Delay(target, round_trip=milliseconds / 1000).serve(port))


if __name__ == "__main__":
    main()
