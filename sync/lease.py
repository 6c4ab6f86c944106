"""A worker's lease of a delivery: until when, with which checkpoint, and what has been sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from titip.errors import LeaseLost

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from titip.delivery import Delivery
    from titip.ports import Queue


RENEWAL: Final = 10.0
"""Seconds that renewing a lease that ran out may take: the journal may wait for its turn."""


class Lease:
    """Implements titip.ports.Progress; its delivery is the row as last written."""

    def __init__(
        self,
        delivery: Delivery,
        queue: Queue,
        *,
        term: timedelta,
        now: Callable[[], datetime],
        on_body_sent: Callable[[], None],
    ) -> None:
        """Begin with a delivery that was just claimed; each renewal is for `term`."""
        self.delivery = delivery
        self.bytes_sent = 0
        self.whole_body_sent = False
        self._queue = queue
        self._term = term
        self._now = now
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

    async def renew(self) -> None:
        """Prolong the lease by its term from now; raises LeaseLost."""
        await self.extend(self._now() + self._term)

    def hold_on(self) -> None:
        """Make sure, from a thread that is about to send, that the delivery is still ours.

        A lease that ran out is renewed if nobody took the delivery over; else raises LeaseLost.
        """
        if self._now() < self.delivery.due_at:
            return
        if _in(self._loop):
            raise LeaseLost("the lease ran out")
        renewing = asyncio.run_coroutine_threadsafe(self.renew(), self._loop)
        try:
            renewing.result(RENEWAL)
        except TimeoutError as error:
            renewing.cancel()
            raise LeaseLost("the lease ran out and could not be renewed") from error

    def sent(self, count: int) -> None:
        """Count bytes that left."""
        self.bytes_sent += count

    def body_sent(self) -> None:
        """Note that the whole body has left, and start the clock on the answer."""
        self.whole_body_sent = True
        self._loop.call_soon_threadsafe(self._on_body_sent)


def _in(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
