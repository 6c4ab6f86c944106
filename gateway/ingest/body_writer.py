"""Carries a body into a deposit: reads the next batch while the disk writes the last one.

One executor hop per batch. The last batch is not written here but given back, so that a small
body costs the one hop of its commit.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.protocol.errors import Ending
from titip.upload import Completion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.ingest.body import BodyReader
    from gateway.ingest.min_rate import Pace
    from titip.ports.storage import Deposit


class BodyWriter:
    """One body on its way into one deposit."""

    def __init__(
        self,
        body: BodyReader,
        deposit: Deposit,
        *,
        pace: Pace,
        batch: int,
        all_or_nothing: bool,
        ask: Callable[[int], Awaitable[None]] | None = None,
        tell: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        """Write `batch` bytes at a time; on the way commit nothing of a body that counts whole.

        `ask` is asked for room before each batch, where none was promised at the creation: a body
        that never tells its length would fill the disk, and take the room that was promised to
        all others. `tell` hears each offset that was committed on the way.
        """
        self._body = body
        self._deposit = deposit
        self._pace = pace
        self._batch = batch
        self._all_or_nothing = all_or_nothing
        self._ask = ask
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._commit_at = self._loop.time() + pace.commit_seconds

    async def run(self) -> list[bytes]:
        """Write all but the last batch and give that one; raises what the deposit raises."""
        writing: asyncio.Task[None] | None = None
        try:
            while True:
                batch = await self._body.batch(self._batch)
                if writing is not None:
                    await writing
                if self._body.ending is not None:
                    return batch
                writing = asyncio.create_task(self._keep(batch))
                writing.add_done_callback(self._stop_if_failed)
        finally:
            if writing is not None and not writing.done():
                await asyncio.wait({writing})

    async def reserve(self, batch: Sequence[bytes]) -> None:
        """Ask for room for the batch, if none was promised for it; raises StorageFull."""
        if self._ask is not None and batch:
            await self._ask(sum(map(len, batch)))

    async def _keep(self, batch: Sequence[bytes]) -> None:
        if self._ask is not None:
            await self.reserve(batch)
        if not self._due():
            await self._deposit.write(batch)
            return
        upload = await self._deposit.commit(batch, closing=Completion.NOT_YET)
        self._commit_at = self._loop.time() + self._pace.commit_seconds
        if self._tell is not None:
            await self._tell(upload.offset)

    def _due(self) -> bool:
        if self._all_or_nothing:
            return False
        uncommitted = self._deposit.written - self._deposit.upload.offset
        return uncommitted >= self._pace.commit_bytes or self._loop.time() >= self._commit_at

    def _stop_if_failed(self, writing: asyncio.Task[None]) -> None:
        if not writing.cancelled() and writing.exception() is not None:
            self._body.stop(Ending.NOT_KEPT)
