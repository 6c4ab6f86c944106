"""The scrubber: has every sealed file read again once in a while, and tells what is damaged."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from sync.supervisor import pause
from titip.errors import TitipError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from titip.ports.maintenance import Inspection, IntegrityScanner

log = structlog.get_logger()

ROUND: Final = timedelta(minutes=1)
"""How long it rests when all was read lately, or the disk or the journal failed."""


class Scrubber:
    """Reads what is due, and rests."""

    def __init__(
        self,
        inspector: IntegrityScanner,
        *,
        every: timedelta,
        now: Callable[[], datetime],
        rest: timedelta = ROUND,
    ) -> None:
        """Have each sealed file read once in `every`; with 0, never."""
        self._inspector = inspector
        self._every = every
        self._now = now
        self._rest = rest

    async def run(self, stopping: asyncio.Event) -> None:
        """Go on until told to stop; a reading under way is then broken off."""
        if not self._every:
            return
        stop = asyncio.ensure_future(self._stop_at(stopping))
        try:
            while not stopping.is_set():
                if not await self._some():
                    await pause(stopping, self._rest.total_seconds())
        finally:
            stop.cancel()

    async def look(self) -> Inspection:
        """Read a few that are due, and tell what is damaged."""
        found = await self._inspector.inspect(unread_since=self._now() - self._every)
        for upload, how in found.damaged.items():
            log.error("upload.damaged", upload=upload, reason=how)
        return found

    async def _some(self) -> bool:
        try:
            return bool((await self.look()).read)
        except TitipError as error:
            log.error("scrub.error", reason=str(error))
            return False

    async def _stop_at(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._inspector.stop()
