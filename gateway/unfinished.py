"""How many unfinished uploads a submitter may have: each costs a row and a promise of space."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.errors import Refusal
from gateway.problems import TOO_MANY_OPEN

if TYPE_CHECKING:
    from titip.overview import Records

FRESH: Final = 1.0
"""Seconds a count is good for; what begins meanwhile is added to it."""


class Unfinished:
    """The unfinished uploads of each submitter: counted once a second, and again at the limit."""

    def __init__(self, records: Records, *, most: int) -> None:
        """Let each submitter have so many."""
        self._records = records
        self._most = most
        self._counts: dict[str, int] = {}
        self._stale_at = 0.0

    async def admit(self, submitter: str) -> None:
        """Raise Refusal when the submitter has too many."""
        now = asyncio.get_running_loop().time()
        if now >= self._stale_at:
            self._counts.clear()
            self._stale_at = now + FRESH
        if self._counts.get(submitter, self._most) >= self._most:
            self._counts[submitter] = await self._records.unfinished(submitter)
        if self._counts[submitter] >= self._most:
            detail = f"This submitter has {self._most} already: finish some, or DELETE them."
            raise Refusal(TOO_MANY_OPEN.because(detail))

    def begun(self, submitter: str) -> None:
        """Count one that was begun and is not complete."""
        if submitter in self._counts:
            self._counts[submitter] += 1
