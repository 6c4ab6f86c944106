"""One writer per upload, with hand-over: a newcomer asks the holder to leave and waits a little.

A dead mobile connection thus never blocks its own resume: its half-open request saves what it
has and lets go. The locks live in memory and end with the process; the journal fences the rest.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from gateway.ingest.shutdown import OneShotEvent
from gateway.protocol.errors import UploadLocked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from titip.upload import UploadId

_TICK: Final = 0.01
"""Seconds by which a timer may be early."""


class UploadLock:
    """One request's turn with an upload.

    `release_requested` is given by whoever comes next. `waiting_since` is the loop's time since
    when the holder waits for its sender's next byte, None while it does not.
    """

    __slots__ = ("release_requested", "released", "waiting_since")

    def __init__(self) -> None:
        self.release_requested = OneShotEvent()
        self.released = asyncio.Event()
        self.waiting_since: float | None = None

    def silent_for(self, now: float) -> float:
        """Tell for how many seconds the sender has sent nothing that was waited for."""
        return 0.0 if self.waiting_since is None else now - self.waiting_since

    async def left_within(self, seconds: float) -> bool:
        """Wait so long for the holder to leave, and tell whether it did."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.released.wait()
        return self.released.is_set()


class UploadLocks:
    """The holds of one gateway."""

    def __init__(self) -> None:
        self._holds: dict[UploadId, UploadLock] = {}

    def __len__(self) -> int:
        """Tell how many uploads are held."""
        return len(self._holds)

    def holder(self, upload: UploadId) -> UploadLock | None:
        """Give the present hold on an upload."""
        return self._holds.get(upload)

    @asynccontextmanager
    async def hold(self, upload: UploadId, *, patience: float) -> AsyncIterator[UploadLock]:
        """Hold the upload for the block; raises UploadLocked after `patience` seconds."""
        await self._wait_for_turn(upload, patience)
        hold = UploadLock()
        self._holds[upload] = hold
        try:
            yield hold
        finally:
            del self._holds[upload]
            hold.released.set()

    async def evict_if_idle(self, upload: UploadId, *, silence: float, patience: float) -> bool:
        """Find out whether a holder's line still lives, and wait for it to end if it does not.

        That takes `silence` seconds: a holder whose line was cut is saving what came, and leaves
        by itself; one whose sender was silent for so long is asked to, and waited for `patience`
        seconds; one that heard its sender is left alone. Tell whether there was one that left.
        """
        holder = self._holds.get(upload)
        if holder is None:
            return False
        now = asyncio.get_running_loop().time
        if await holder.left_within(silence - holder.silent_for(now())):
            return True
        if holder.silent_for(now() + _TICK) < silence:
            return False
        holder.release_requested.set()
        return await holder.left_within(patience)

    async def _wait_for_turn(self, upload: UploadId, patience: float) -> None:
        if upload not in self._holds:
            return
        try:
            async with asyncio.timeout(patience):
                while (holder := self._holds.get(upload)) is not None:
                    holder.release_requested.set()
                    await holder.released.wait()
        except TimeoutError:
            raise UploadLocked("another request holds the upload") from None
