"""A worker's lease of a delivery: until when, with which checkpoint, what was sent and is known.

A process that was stopped, or a machine that slept, wakes up in the midst of a delivery that may
be another worker's by now. Its rows are fenced in the journal; `LeasedContent` fences its bytes.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from titip.errors import LeaseLost
from titip.evidence import Doubt

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sync.worker.response_timer import ResponseTimer
    from titip.delivery import Delivery
    from titip.ports.delivery import Content, Queue


RENEWAL: Final = 10.0
"""Seconds that renewing a lease that ran out may take: the journal may wait for its turn."""

_EFFECT: Final = ("maybe_delivered", "doubt_since", "settles_at", "absences", "from_backup")
"""What a delivery tells of the effect of all attempts so far; see titip.delivery."""


class Lease:
    """Implements titip.ports.delivery.Progress.

    Its delivery is the row, and what was learnt since.
    """

    def __init__(
        self,
        delivery: Delivery,
        queue: Queue,
        *,
        term: timedelta,
        settle: timedelta,
        now: Callable[[], datetime],
        timer: ResponseTimer,
    ) -> None:
        """Begin with a delivery that was just claimed; `timer` runs from `handed_over` on.

        Each renewal is for `term`; for `settle`, "it is not there" is only "not yet".
        """
        self._row = delivery
        self._effect = delivery  # of which _EFFECT counts: threads change that, and never the row
        self._queue = queue
        self._term = term
        self._settle = settle
        self._now = now
        self._timer = timer
        self._writing = asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    @property
    def delivery(self) -> Delivery:
        """Give the row as last written, with what this attempt knows of its effect."""
        effect: dict[str, Any] = {name: getattr(self._effect, name) for name in _EFFECT}
        return replace(self._row, **effect)

    def handed_over(self) -> None:
        """Note that the destination has the delivery now: what takes long is its own."""
        self._timer.begin()

    async def checkpoint(self, text: str) -> None:
        """Commit how to go on after a crash; see titip.ports.delivery.Progress."""
        self._timer.moved()
        async with self._writing:
            self._row = await self._queue.checkpoint(self.delivery, text)

    async def renew(self) -> None:
        """Prolong the lease by its term from now; raises LeaseLost."""
        until = self._now() + self._term
        async with self._writing:
            self._row = await self._queue.extend(self.delivery, until)

    def ensure_held(self) -> None:
        """Make sure, from a thread that is about to send, that the delivery is still ours.

        A lease that ran out is renewed if nobody took the delivery over; else raises LeaseLost.
        """
        if self._now() < self._row.due_at:
            return
        if _in(self._loop):
            raise LeaseLost("the lease ran out")
        renewing = asyncio.run_coroutine_threadsafe(self.renew(), self._loop)
        try:
            renewing.result(RENEWAL)
        except TimeoutError as error:
            renewing.cancel()
            raise LeaseLost("the lease ran out and could not be renewed") from error

    def sent(self, count: int) -> None:  # noqa: ARG002  (it left: that is enough)
        """Note bytes that left: a sign of life, with none too."""
        self._timer.moved()

    def body_sent(self) -> None:
        """Note that the whole body has left, and start the clock on the answer."""
        self._doubt(Doubt.UNHEARD)
        self._loop.call_soon_threadsafe(self._timer.start)

    def doubted(self, doubt: Doubt) -> None:
        """Note what is open about the effect of what was sent; see `Progress.doubted`."""
        self._loop.call_soon_threadsafe(self._timer.begin)
        self._doubt(doubt)

    def _doubt(self, doubt: Doubt) -> None:
        now, known = self._now(), self._effect
        self._effect = replace(
            known,
            maybe_delivered=max(known.maybe_delivered, doubt),
            doubt_since=known.doubt_since or now,
            settles_at=now + self._settle,
        )

    def absent(self, *, looked_up: bool) -> None:
        """Note that nothing of it is there; see titip.ports.delivery.Progress."""
        self._loop.call_soon_threadsafe(self._timer.begin)
        self._effect = replace(
            self._effect,
            maybe_delivered=Doubt.NONE,
            doubt_since=None,
            settles_at=None,
            absences=self._effect.absences + looked_up,
            from_backup=False,
        )

    def settles_in(self) -> timedelta:
        """Tell how long "it is not there" is "not yet"."""
        settles_at = self._effect.settles_at
        return timedelta(0) if settles_at is None else max(timedelta(0), settles_at - self._now())


class LeasedContent:
    """Implements titip.ports.delivery.Content: gives no byte that is no longer ours to send."""

    def __init__(self, inner: Content, lease: Lease) -> None:
        """Give what `inner` holds as long as the lease does."""
        self.size = inner.size
        self._inner = inner
        self._lease = lease

    def read(self, offset: int, size: int) -> bytes:
        """Read as the inner content does; raises LeaseLost besides."""
        self._lease.ensure_held()
        return self._inner.read(offset, size)


def _in(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
