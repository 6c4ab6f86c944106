"""The janitor: ends what was begun and left alone, and frees what was delivered long enough ago."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from sync.supervisor import pause
from titip.errors import TitipError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from datetime import datetime

    from titip.ports.maintenance import RetentionSweeper, UploadExpirer

log = structlog.get_logger()

ROUND: Final = timedelta(minutes=1)
"""How often it looks: an upload may outlive its expiry by as much."""


class Janitor:
    """Keeps house in the store."""

    def __init__(
        self,
        custodian: UploadExpirer,
        keeper: RetentionSweeper,
        *,
        max_unfinished_age: timedelta,
        keep_after_delivery: timedelta | None,
        now: Callable[[], datetime],
        no_removal_before: datetime | None = None,
    ) -> None:
        """End uploads that nobody went on with for `max_unfinished_age`.

        Free bytes `keep_after_delivery` after their last delivery ended; None keeps them for ever.
        Before `no_removal_before` nothing is removed at all: Titip was away, or its clock leapt.
        """
        self._custodian = custodian
        self._keeper = keeper
        self._max_unfinished_age = max_unfinished_age
        self._keep_after_delivery = keep_after_delivery
        self._now = now
        self._no_removal_before = no_removal_before

    async def run(self, stopping: asyncio.Event) -> None:
        """Go round until told to stop."""
        while not stopping.is_set():
            try:
                await self.go_round()
            except TitipError as error:
                log.error("janitor.error", reason=str(error))
            await pause(stopping, ROUND.total_seconds())

    async def go_round(self) -> int:
        """End and free what is over its time; tell how many uploads that were."""
        if self._no_removal_before is not None and self._now() < self._no_removal_before:
            return 0
        return await self._end_idle() + await self._free_delivered()

    async def _end_idle(self) -> int:
        idle_since = self._now() - self._max_unfinished_age
        ended = await self._custodian.expire(idle_since=idle_since)
        if ended:
            log.info("uploads.expired", count=ended)
        return ended

    async def _free_delivered(self) -> int:
        if self._keep_after_delivery is None:
            return 0
        ended_before = self._now() - self._keep_after_delivery
        freed = await self._keeper.free(ended_before=ended_before)
        if freed:
            log.info("uploads.freed", count=freed)
        return freed
