"""The clock on an answer: a stall is known when it lasts too long, not when it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from titip.faults import kind_of
from titip.health import Ill

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta

    from titip.health import HealthEvent

log = structlog.get_logger()


class Overdue:
    """The clock on an answer: a stall is known when it lasts too long, not when it ends.

    Once told, the delivery's own end says nothing new of the destination: each counts once.
    """

    def __init__(
        self,
        hear: Callable[[HealthEvent], Coroutine[None, None, None]],
        slow_after: timedelta,
    ) -> None:
        """Tell `hear` of an illness when no answer comes within `slow_after`."""
        self._hear = hear
        self._slow_after = slow_after
        self._timer: asyncio.TimerHandle | None = None
        self._telling: asyncio.Task[None] | None = None

    @property
    def told(self) -> bool:
        """Tell whether it was told."""
        return self._telling is not None

    def start(self) -> None:
        """Begin to wait: the whole body has left."""
        loop = asyncio.get_running_loop()
        self.stop()
        self._timer = loop.call_later(self._slow_after.total_seconds(), self._tell)

    def stop(self) -> None:
        """Wait no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        seconds = self._slow_after.total_seconds()
        event = Ill(f"no answer within {seconds:g} s of the last byte")
        self._telling = asyncio.ensure_future(self._told_of(event))

    async def _told_of(self, event: HealthEvent) -> None:
        try:
            await self._hear(event)
        except Exception as error:  # noqa: BLE001 - nobody waits for this task
            log.error("health.unnoted", error=kind_of(error))
