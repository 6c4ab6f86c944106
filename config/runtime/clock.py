"""Keeps the journal told what time it is, and people told when the machine's clock is wrong."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from storage.clock import utc_now
from storage.last_seen import begin, last_seen, record_heartbeat
from titip.clock import BACK, TOLERATED, ClockState, went_back
from titip.errors import TitipError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from storage.journal.database import Journal

log = structlog.get_logger()

TICK: Final = timedelta(seconds=30)
"""How often the journal is told: so much less is known of a clock after a crash."""


async def noted_against_clock(journal: Journal, *, now: datetime) -> ClockState:
    """Tell what the journal knows against a clock that says `now`."""
    return ClockState(went_back=went_back(await last_seen(journal), now=now))


class ClockMonitor:
    """Watches the clock of one process; `keep` is to run as long as it does."""

    def __init__(
        self,
        journal: Journal,
        *,
        now: Callable[[], datetime] = utc_now,
        drift: Callable[[], timedelta] = utc_now.drift,
    ) -> None:
        """Watch this clock, and note its time in the journal."""
        self._journal = journal
        self._now = now
        self._drift = drift
        self._went_back = timedelta(0)
        self._told = False
        self.no_removal_before: datetime = now()

    def state(self) -> ClockState:
        """Tell what is known against the clock now."""
        return ClockState(set_by=self._drift(), went_back=self._went_back)

    async def begin(self) -> None:
        """Compare with when Titip last ran; raises StorageBroken, StorageFull."""
        now = self._now()
        start = await begin(self._journal, now=now)
        self._went_back, self.no_removal_before = start.went_back, start.no_removal_before
        if start.went_back > BACK:
            log.error("clock.went_back", seconds=round(start.went_back.total_seconds()))
        if start.no_removal_before > now:
            log.warning("clock.jumped", nothing_removed_until=start.no_removal_before.isoformat())

    async def keep(self, stopping: asyncio.Event) -> None:
        """Look and note until told to stop."""
        while not stopping.is_set():
            try:
                async with asyncio.timeout(TICK.total_seconds()):
                    await stopping.wait()
            except TimeoutError:
                await self.look()

    async def look(self) -> None:
        """Note the time, and tell, once, that somebody set the clock."""
        ahead = self._drift()
        was_set = abs(ahead) > TOLERATED
        if was_set and not self._told:
            log.error("clock.was_set", by_seconds=round(ahead.total_seconds()))
        elif self._told and not was_set:
            log.info("clock.agrees_again")
        self._told = was_set
        try:
            await record_heartbeat(self._journal, now=self._now())
        except TitipError as error:
            log.error("clock.error", reason=str(error))
