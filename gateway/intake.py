"""Carries a body into a deposit: reads the next batch while the disk writes the last one.

One executor hop per batch. The last batch is not written here but given back, so that a small
body costs the one hop of its commit.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.body import Body
    from titip.ports import Deposit


@dataclass(frozen=True, slots=True)
class Pace:
    """How a body is taken in; times in seconds, sizes in bytes.

    It ends as silent when no byte comes for `idle`, or when fewer than `min_rate` a second come
    over `rate_window`: so slow a sender comes again once its line is better. What came is written
    after `flush` at the latest, and in smaller batches when many bodies come at once: `memory` is
    what all of them should hold together, `least` the smallest batch.

    A long body is committed on its way after so many bytes or seconds: one PATCH may carry a
    whole file, and a crash must not cost all of it.
    """

    idle: float = 30.0
    flush: float = 2.0
    min_rate: int = 256
    rate_window: float = 60.0
    patience: float = 5.0
    batch: int = 1 << 20
    least: int = 64 << 10
    memory: int = 128 << 20
    commit_bytes: int = 64 << 20
    commit_seconds: float = 10.0

    def batch_among(self, bodies: int) -> int:
        """Give the batch of a body that comes while there are so many."""
        return max(self.least, min(self.batch, self.memory // max(1, bodies)))


class Intake:
    """One body on its way into one deposit."""

    def __init__(
        self, body: Body, deposit: Deposit, *, pace: Pace, batch: int, all_or_nothing: bool
    ) -> None:
        """Write `batch` bytes at a time; on the way commit nothing of a body that counts whole."""
        self._body = body
        self._deposit = deposit
        self._pace = pace
        self._batch = batch
        self._all_or_nothing = all_or_nothing
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
                if self._body.ended:
                    return batch
                writing = asyncio.create_task(self._keep(batch))
                writing.add_done_callback(self._stop_if_failed)
        finally:
            if writing is not None and not writing.done():
                await asyncio.wait({writing})

    async def _keep(self, batch: Sequence[bytes]) -> None:
        if not self._due():
            await self._deposit.write(batch)
            return
        await self._deposit.commit(batch)
        self._commit_at = self._loop.time() + self._pace.commit_seconds

    def _due(self) -> bool:
        if self._all_or_nothing:
            return False
        uncommitted = self._deposit.written - self._deposit.upload.offset
        return uncommitted >= self._pace.commit_bytes or self._loop.time() >= self._commit_at

    def _stop_if_failed(self, writing: asyncio.Task[None]) -> None:
        if not writing.cancelled() and writing.exception() is not None:
            self._body.stop(Ending.NOT_KEPT)
