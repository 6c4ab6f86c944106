"""The janitor: ends uploads that were begun and left alone for too long."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from titip.errors import TitipError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from titip.ports import Custodian

log = structlog.get_logger()

ROUND: Final = timedelta(minutes=1)
"""How often it looks: an upload may outlive its expiry by as much."""


class Janitor:
    """Keeps house in the store."""

    def __init__(
        self,
        custodian: Custodian,
        *,
        max_unfinished_age: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        """End uploads that nobody went on with for `max_unfinished_age`."""
        self._custodian = custodian
        self._max_unfinished_age = max_unfinished_age
        self._now = now

    async def run(self, stopping: asyncio.Event) -> None:
        """Go round until told to stop."""
        while not stopping.is_set():
            try:
                await self.go_round()
            except TitipError as error:
                log.error("janitor.hindered", reason=str(error))
            try:
                async with asyncio.timeout(ROUND.total_seconds()):
                    await stopping.wait()
            except TimeoutError:
                continue

    async def go_round(self) -> int:
        """End what is over its time; tell how many uploads that were."""
        idle_since = self._now() - self._max_unfinished_age
        ended = await self._custodian.expire(idle_since=idle_since)
        if ended:
            log.info("uploads.expired", count=ended)
        return ended
