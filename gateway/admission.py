"""Whether an upload may begin and its bytes come: length, room on the disk, unfinished others.

The store is asked once a second however many uploads begin; what begins meanwhile is added.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.protocol.errors import Refusal
from gateway.protocol.problems import TOO_LARGE, TOO_MANY_OPEN
from titip.errors import StorageFull

if TYPE_CHECKING:
    from titip.ports.operations import Records
    from titip.ports.storage import DiskSpace, Store

FRESH: Final = 1.0
"""Seconds an answer of the store is good for."""


def admit_length(length: int, *, max_upload: int) -> None:
    """Refuse what is larger than one upload may be."""
    if length > max_upload:
        detail = f"One upload may have {max_upload} bytes at most"
        raise Refusal(TOO_LARGE.because(detail, headers={"Tus-Max-Size": str(max_upload)}))


class Admission:
    """The room of one store and the unfinished uploads of each submitter, as last told."""

    def __init__(self, store: Store, records: Records, *, reserve: int, max_open: int) -> None:
        """Leave `reserve` bytes of the disk free; let each submitter have `max_open` unfinished."""
        self._store = store
        self._records = records
        self._reserve = reserve
        self._max_open = max_open
        self._room: DiskSpace | None = None
        self._room_stale_at = 0.0
        self._open: dict[str, int] = {}
        self._open_stale_at = 0.0

    async def admit_bytes(self, size: int) -> None:
        """Refuse what would not fit beside the reserve and all that is promised already.

        Counting promises keeps many half uploads from filling the disk so that none can end.
        Raises StorageFull, StorageBroken.
        """
        now = asyncio.get_running_loop().time()
        if self._room is None or now >= self._room_stale_at:
            self._room = await self._store.room()
            self._room_stale_at = now + FRESH
        room = self._room
        if not room.reserved or room.free - room.promised - self._reserve < size:
            raise StorageFull("there is no room for an upload of that length now")

    def promise(self, size: int) -> None:
        """Count the bytes of an upload that begins now."""
        if self._room is not None:
            self._room = replace(self._room, promised=self._room.promised + size)

    async def admit_open(self, submitter: str) -> None:
        """Refuse one more unfinished upload where there are too many; raises Refusal.

        Each costs a row and a promise of space. They are counted once a second, and again at the
        limit.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._open_stale_at:
            self._open.clear()
            self._open_stale_at = now + FRESH
        if self._open.get(submitter, self._max_open) >= self._max_open:
            self._open[submitter] = await self._records.unfinished(submitter)
        if self._open[submitter] >= self._max_open:
            detail = f"This submitter has {self._max_open} already: finish some, or DELETE them."
            raise Refusal(TOO_MANY_OPEN.because(detail))

    def opened(self, submitter: str) -> None:
        """Count one that was begun and is not complete."""
        if submitter in self._open:
            self._open[submitter] += 1
