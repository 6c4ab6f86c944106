"""A proxy on loopback: hands connections on to a port of this machine, and breaks where it is told.

The demo breaks a line with it, the bench makes one slow, and tests plan faults of every kind.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

LOOPBACK: Final = "127.0.0.1"
PIECE: Final = 64 << 10
"""Most bytes that are handed on at once."""

_OFFSET: Final = re.compile(rb"^Upload-Offset: *(\d+)\r?$", re.IGNORECASE | re.MULTILINE)
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)

End = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """Hands on whatever comes, both ways."""

    def __init__(self, upstream_port: int) -> None:
        """Lead to this port."""
        self.port = 0
        self._upstream_port = upstream_port
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Give the proxy's own address."""
        return f"http://{LOOPBACK}:{self.port}"

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[Self]:
        """Listen until the block ends, at a port of the system's choice unless one is named."""
        server = await asyncio.start_server(self._begin, LOOPBACK, port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)
            await server.wait_closed()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._spawn(self._serve(reader, writer), writer)

    def _spawn(self, work: Coroutine[None, None, None], writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        task.add_done_callback(lambda _: writer.transport.abort())  # also if it never began

    async def _dial(self) -> End:
        return await asyncio.open_connection(LOOPBACK, self._upstream_port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await self._dial()
        except OSError:
            await end(writer, rudely=True)
            return
        try:
            await self._join((reader, writer), far)
        finally:
            far[1].transport.abort()  # before anything is waited for: that may be cancelled
            for one in (writer, far[1]):
                await end(one)

    async def _join(self, near: End, far: End) -> None:
        """Carry both ways until both have ended, or one of them has failed."""
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(near[0], far[1], is_up=True))
                ways.create_task(self._carry(far[0], near[1], is_up=False))
        except* OSError:
            pass  # the other end is told by the end of its connection

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, is_up: bool
    ) -> None:
        """Hand on all that comes one way, and its end; up is towards the port that it leads to."""
        sink.transport.set_write_buffer_limits(0)  # what is drained has left
        while piece := await source.read(PIECE):
            await self._hand_on(piece, sink, is_up=is_up)
        sink.write_eof()

    async def _hand_on(self, piece: bytes, sink: asyncio.StreamWriter, *, is_up: bool) -> None:
        del is_up
        sink.write(piece)
        await sink.drain()


async def end(writer: asyncio.StreamWriter, *, rudely: bool = False) -> None:
    """Close one end; all that was handed on has left, so that nothing is lost but by a reset."""
    if rudely:
        with suppress(OSError):
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()


@dataclass(frozen=True, slots=True)
class Break:
    """Once so many more bytes went up: do something, then drop the connection."""

    after: int
    first: Callable[[], None]


class Line(Proxy):
    """A bad line between the LO and the gateway, in a thread of its own."""

    def __init__(self, upstream_port: int) -> None:
        """Lead to this port."""
        super().__init__(upstream_port)
        self._breaks: list[Break] = []
        self._left = 0
        self._broken = False
        self._is_open, self._is_over = threading.Event(), threading.Event()
        self.resumed_at: list[int] = []
        """Offsets that a client went on from after each break, as its request said."""

    def break_at(self, *breaks: Break) -> None:
        """Break one after the other, each counted from the one before."""
        self._breaks, self._left = list(breaks), breaks[0].after

    def __enter__(self) -> Self:
        """Open the line."""
        threading.Thread(target=asyncio.run, args=(self._run(),), daemon=True).start()
        self._is_open.wait()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the line, and every connection on it."""
        self._is_over.set()

    async def _run(self) -> None:
        async with self.serving():
            self._is_open.set()
            await asyncio.to_thread(self._is_over.wait)

    async def _hand_on(self, piece: bytes, sink: asyncio.StreamWriter, *, is_up: bool) -> None:
        passing, then = self._allowance(piece) if is_up else (len(piece), None)
        await super()._hand_on(piece[:passing], sink, is_up=is_up)
        if then is not None:
            await asyncio.to_thread(then.first)
            raise ConnectionResetError

    def _allowance(self, piece: bytes) -> tuple[int, Break | None]:
        """Tell how much of the piece may pass, and what breaks the line after it."""
        offset = _OFFSET.search(piece) if self._broken and piece.startswith(b"PATCH ") else None
        if offset is not None:
            self._broken = False
            self.resumed_at.append(int(offset[1]))
        if not self._breaks or len(piece) < self._left:
            self._left -= len(piece)
            return len(piece), None
        passing, then = self._left, self._breaks.pop(0)
        self._left = self._breaks[0].after if self._breaks else 0
        self._broken = True
        return passing, then
