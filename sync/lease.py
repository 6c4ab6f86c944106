"""A worker's lease of a delivery: until when, with which checkpoint, and what has been sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from titip.delivery import Delivery
    from titip.ports import Queue


class Lease:
    """Implements titip.ports.Progress; its delivery is the row as last written."""

    def __init__(
        self, delivery: Delivery, queue: Queue, *, on_body_sent: Callable[[], None]
    ) -> None:
        """Begin with a delivery that was just claimed."""
        self.delivery = delivery
        self.bytes_sent = 0
        self.whole_body_sent = False
        self._queue = queue
        self._on_body_sent = on_body_sent
        self._writing = asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    async def checkpoint(self, text: str) -> None:
        """Commit how to go on after a crash; see titip.ports.Progress."""
        async with self._writing:
            self.delivery = await self._queue.checkpoint(self.delivery, text)

    async def extend(self, until: datetime) -> None:
        """Prolong the lease; raises LeaseLost."""
        async with self._writing:
            self.delivery = await self._queue.extend(self.delivery, until)

    def sent(self, count: int) -> None:
        """Count bytes that left."""
        self.bytes_sent += count

    def body_sent(self) -> None:
        """Note that the whole body has left, and start the clock on the answer."""
        self.whole_body_sent = True
        self._loop.call_soon_threadsafe(self._on_body_sent)
