"""A worker's lease of a delivery: until when, with which checkpoint, what was sent and is known."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from titip.errors import LeaseLost
from titip.evidence import Doubt

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from titip.delivery import Delivery
    from titip.ports import Queue


RENEWAL: Final = 10.0
"""Seconds that renewing a lease that ran out may take: the journal may wait for its turn."""


class Timer(Protocol):
    """The clock on a delivery's answer and on its signs of life; see sync.overdue."""

    def begin(self) -> None:
        """Begin to listen for signs of life."""

    def moved(self) -> None:
        """Note one; from any thread."""

    def start(self) -> None:
        """Begin to wait: the whole body has left."""

    def stop(self) -> None:
        """Wait for no answer any longer."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long each renewal is for, and for how long "it is not there" is only "not yet"."""

    term: timedelta
    settle: timedelta = timedelta(0)


class Lease:
    """Implements titip.ports.Progress; its delivery is the row, and what was learnt since."""

    def __init__(
        self,
        delivery: Delivery,
        queue: Queue,
        *,
        times: LeaseTimes,
        now: Callable[[], datetime],
        timer: Timer,
    ) -> None:
        """Begin with a delivery that was just claimed; `timer` runs from `handed_over` on."""
        self.bytes_sent = 0
        self._row = delivery
        self._effect = _Effect.of(delivery)
        self._queue = queue
        self._times = times
        self._now = now
        self._timer = timer
        self._writing = asyncio.Lock()
        self._loop = asyncio.get_running_loop()

    @property
    def delivery(self) -> Delivery:
        """Give the row as last written, with what this attempt knows of its effect."""
        return self._effect.on(self._row)

    def handed_over(self) -> None:
        """Note that the destination has the delivery now: what takes long is its own."""
        self._timer.begin()

    async def checkpoint(self, text: str) -> None:
        """Commit how to go on after a crash; see titip.ports.Progress."""
        self._timer.moved()
        async with self._writing:
            self._row = await self._queue.checkpoint(self.delivery, text)

    async def extend(self, until: datetime) -> None:
        """Prolong the lease; raises LeaseLost."""
        async with self._writing:
            self._row = await self._queue.extend(self.delivery, until)

    async def renew(self) -> None:
        """Prolong the lease by its term from now; raises LeaseLost."""
        await self.extend(self._now() + self._times.term)

    def hold_on(self) -> None:
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

    def sent(self, count: int) -> None:
        """Count bytes that left; a sign of life, with none too."""
        self.bytes_sent += count
        self._timer.moved()

    def body_sent(self) -> None:
        """Note that the whole body has left, and start the clock on the answer."""
        self._doubt(Doubt.UNHEARD)
        self._loop.call_soon_threadsafe(self._timer.start)

    def doubted(self, doubt: Doubt) -> None:
        """Note what is open about the effect of what was sent; see titip.ports.Progress."""
        self._loop.call_soon_threadsafe(self._timer.stop)
        self._doubt(doubt)

    def _doubt(self, doubt: Doubt) -> None:
        now, known = self._now(), self._effect
        self._effect = replace(
            known,
            doubt=max(known.doubt, doubt),
            since=known.since or now,
            settles_at=now + self._times.settle,
        )

    def absent(self, *, looked_up: bool) -> None:
        """Note that nothing of it is there; see titip.ports.Progress."""
        self._loop.call_soon_threadsafe(self._timer.stop)
        self._effect = _Effect(absences=self._effect.absences + looked_up)

    def settles_in(self) -> timedelta:
        """Tell how long "it is not there" is "not yet"."""
        settles_at = self._effect.settles_at
        return timedelta(0) if settles_at is None else max(timedelta(0), settles_at - self._now())


@dataclass(frozen=True, slots=True)
class _Effect:
    """What is known of the effect of all attempts so far; see titip.delivery."""

    doubt: Doubt = Doubt.NONE
    since: datetime | None = None
    settles_at: datetime | None = None
    absences: int = 0
    restored: bool = False

    @classmethod
    def of(cls, delivery: Delivery) -> _Effect:
        return cls(
            delivery.doubtful,
            since=delivery.doubt_since,
            settles_at=delivery.settles_at,
            absences=delivery.absences,
            restored=delivery.restored,
        )

    def on(self, delivery: Delivery) -> Delivery:
        return replace(
            delivery,
            doubtful=self.doubt,
            doubt_since=self.since,
            settles_at=self.settles_at,
            absences=self.absences,
            restored=self.restored,
        )


def _in(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
