"""The clock on a destination: a stall is known when it lasts too long, not when it ends."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from titip.faults import kind_of
from titip.health import Bad

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta

    from titip.health import HealthEvent

log = structlog.get_logger()


class ResponseTimer:
    """The clock on one delivery: how long an answer takes, and before it how long nothing moves.

    Once told, the delivery's own end says nothing new of the destination: each counts once.
    """

    def __init__(
        self,
        hear: Callable[[HealthEvent], Coroutine[None, None, None]],
        slow_after: timedelta,
        silent_after: timedelta | None = None,
    ) -> None:
        """Tell `hear` of an illness when no answer comes within `slow_after`.

        Or, where `silent_after` is given, when nothing was sent for so long while none is awaited.
        """
        self._hear = hear
        self._slow_after = slow_after.total_seconds()
        self._silent_after = None if silent_after is None else silent_after.total_seconds()
        self._moved_at = 0.0
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self._telling: asyncio.Task[None] | None = None

    @property
    def told(self) -> bool:
        """Tell whether it was told."""
        return self._telling is not None

    def moved(self) -> None:
        """Note a sign of life; from any thread."""
        self._moved_at = time.monotonic()

    def begin(self) -> None:
        """Begin to listen for signs of life: the destination has the delivery, or answered."""
        self.moved()
        self._listen()

    def start(self) -> None:
        """Begin to wait: the whole body has left."""
        seconds = self._slow_after
        reason = f"no answer within {seconds:g} s of the last byte"
        self._wait(seconds, lambda: self._tell(reason))

    def end(self) -> None:
        """Wait for nothing any longer, whatever a thread that was left to itself still tells."""
        self._over = True
        self._cancel()

    def _listen(self) -> None:
        self._cancel()
        if self._silent_after is None:
            return
        left = self._moved_at + self._silent_after - time.monotonic()
        if left > 0:
            self._wait(left, self._listen)
        else:
            self._tell(f"nothing moved for {self._silent_after:g} s")

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._cancel()
        if not self._over:
            self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self, reason: str) -> None:
        if self._telling is None:
            self._telling = asyncio.ensure_future(self._told_of(Bad(reason)))

    async def _told_of(self, event: HealthEvent) -> None:
        try:
            await self._hear(event)
        except Exception as error:  # noqa: BLE001 - nobody waits for this task
            log.error("health.unnoted", error=kind_of(error))
