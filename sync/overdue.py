"""The clock on an answer: a stall is known when it lasts too long, not when it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from titip.health import Ill

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta

    from titip.health import HealthEvent


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
        self._telling = asyncio.ensure_future(self._hear(event))
