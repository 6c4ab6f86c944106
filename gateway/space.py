"""The room on the disk, asked for once a second however many uploads begin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from titip.ports import Room, Store

FRESH: Final = 1.0
"""Seconds an answer is good for; what is promised meanwhile is added to it."""


class Space:
    """The room as last told by the store, less what was promised since."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._room: Room | None = None
        self._stale_at = 0.0

    async def room(self) -> Room:
        """Give the room, at most a second old; raises StorageBroken."""
        now = asyncio.get_running_loop().time()
        if self._room is None or now >= self._stale_at:
            self._room = await self._store.room()
            self._stale_at = now + FRESH
        return self._room

    def promise(self, length: int) -> None:
        """Count an upload that begins now."""
        if self._room is not None:
            self._room = replace(self._room, promised=self._room.promised + length)
