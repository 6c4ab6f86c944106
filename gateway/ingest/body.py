"""The body of one request, read in batches; the only place that knows how a connection breaks.

To the rest a body that was cut, fell silent or was stopped just ends; `ending` tells why, and
what had arrived until then is given out first.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final

from aiohttp import ClientError, web

from gateway.ingest.min_rate import Slowness
from gateway.protocol.errors import Ending
from titip.errors import LengthExceeded

if TYPE_CHECKING:
    from aiohttp import StreamReader

    from gateway.ingest.locks import UploadLock
    from gateway.ingest.min_rate import Pace

MAX_PIECES: Final = 512
"""Pieces of one batch: bounds what tiny pieces cost in memory, below the 1024 of one pwritev."""

_BROKEN: Final = (ConnectionError, ClientError, web.RequestPayloadError)


class BodyReader:
    """Reads one request's body, `room` bytes at most."""

    def __init__(self, content: StreamReader, *, hold: UploadLock, room: int, pace: Pace) -> None:
        """End it as silent when its sender is slower than the pace allows.

        `ending` is None while more is to be read.
        """
        self.ending: Ending | None = None
        self.received = 0
        self._content = content
        self._hold = hold
        self._room = room
        self._pace = pace
        self._slowness = Slowness(pace)
        self._deadline: asyncio.Timeout | None = None
        self._stopped: Ending | None = None
        self._silent_since: float | None = None
        self._loop = asyncio.get_running_loop()

    def stop(self, ending: Ending) -> None:
        """End the body for this reason, also in the midst of a read."""
        if self._stopped is None:
            self._stopped = ending
        deadline, self._deadline = self._deadline, None
        if deadline is not None and not deadline.expired():
            deadline.reschedule(self._loop.time())

    async def batch(self, size: int) -> list[bytes]:
        """Read on until there are `size` bytes, or the body ended; raises LengthExceeded.

        Also when the first of them has waited for `flush` seconds: what a slow sender brought is
        to lie on the disk, not in memory. A body that has brought all the bytes there is room for
        is read to its end, so that nothing is sealed before it is certain that nothing follows.
        """
        pieces: list[bytes] = []
        got, flush_at = 0, math.inf
        while self.ending is None:
            if self.received < self._room and (
                got >= size or len(pieces) >= MAX_PIECES or self._loop.time() >= flush_at
            ):
                break
            piece = await self._read(flush_at)
            if not piece:
                continue
            if not pieces:
                flush_at = self._loop.time() + self._pace.flush
            pieces.append(piece)
            got += len(piece)
            self.received += len(piece)
            if self.received > self._room:
                raise LengthExceeded("the body goes past the declared length")
        return pieces

    async def _read(self, flush_at: float) -> bytes:
        """Give the next piece; nothing when the body ended, or at `flush_at`."""
        try:
            if self._stopped is not None:
                return self._end(self._stopped)
            piece = self._content.read_nowait() or await self._wait(flush_at)
        except _BROKEN:
            return self._end(Ending.CUT)
        except TimeoutError:
            if self._stopped is None and self._loop.time() >= flush_at:
                return b""
            return self._end(self._stopped or Ending.SILENT)
        self._silent_since = None
        return piece or self._end(Ending.WHOLE)

    async def _wait(self, flush_at: float) -> bytes:
        if self._content.at_eof():
            return b""
        since = self._loop.time()
        silent_since = since if self._silent_since is None else self._silent_since
        self._hold.waiting_since = silent_since
        piece = b""
        until = silent_since + self._pace.idle
        if self.received < self._room:
            until = min(until, flush_at)
        try:
            async with asyncio.timeout_at(until) as self._deadline:
                piece = await self._content.readany()
        finally:
            self._deadline = None
            self._hold.waiting_since = None
            self._silent_since = silent_since
            waited = self._loop.time() - since
            if self._slowness.too_slow(waited, received=self.received + len(piece)):
                self._stopped = self._stopped or Ending.SILENT
        return piece

    def _end(self, ending: Ending) -> bytes:
        """End it, giving what had arrived: a broken stream raises before it hands that out."""
        self.ending = ending
        if self._content.exception() is not None:
            self._content.set_exception(None)  # type: ignore[arg-type]
        return self._content.read_nowait()
