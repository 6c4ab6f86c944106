"""Uploads that are joined from parts: their joining runs beside the requests, one after the other.

The sender has custody of the bytes from the begin on: they lie in the parts, and the journal says
what is to become of them. The proof follows with the seal.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from titip.errors import CustodyError, StorageBroken, StorageFull
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.metrics import Metrics
    from titip.ports import Joiner
    from titip.upload import Upload, UploadId

log = structlog.get_logger()

PATIENCE: Final = 0.25
"""Seconds a request waits for its seal: a few hundred mebibytes; who asked has them to spare."""

AT_ONCE: Final = 2
"""Joinings at a time: they read and write as fast as the disk lets them, and others use it too."""

AGAIN: Final = 30.0
"""Seconds until a joining that found no room is tried again."""


class Joining:
    """The joinings of one gateway."""

    def __init__(self, joiner: Joiner, *, metrics: Metrics, patience: float = PATIENCE) -> None:
        self._joiner = joiner
        self._metrics = metrics
        self._patience = patience
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[UploadId, asyncio.Task[Upload | None]] = {}

    async def begin(self, final: Upload, parts: Sequence[UploadId]) -> Upload:
        """Begin what is joined from these parts, and give it as it is after a moment.

        Raises what `titip.ports.Joiner.begin` does, and DigestMismatch where that is known by then.
        """
        begun = await self._joiner.begin(final, parts)
        task = self._under_way[begun.id] = self._start(begun.id)
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        return (task.result() if done else None) or begun

    async def part_complete(self, part: UploadId) -> None:
        """Join what this part was the last one of."""
        for final in await self._joiner.unfinished(part):
            self._under_way[final] = self._start(final)

    async def go_on(self) -> None:
        """Join what a former process left."""
        for final in await self._joiner.unfinished():
            self._under_way[final] = self._start(final)

    async def stop(self) -> None:
        """Leave what is under way to the next start."""
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, final: UploadId) -> asyncio.Task[Upload | None]:
        task = self._under_way.get(final)
        if task is None or task.done():
            task = asyncio.create_task(self._finish(final))
            task.add_done_callback(self._ended(final))
        return task

    def _ended(self, final: UploadId) -> Callable[[asyncio.Task[Upload | None]], None]:
        def forget(task: asyncio.Task[Upload | None]) -> None:
            self._under_way.pop(final, None)
            if not task.cancelled():
                task.exception()  # it was logged; whoever waits hears it, and nobody needs to

        return forget

    async def _finish(self, final: UploadId) -> Upload | None:
        while True:
            try:
                async with self._turns:
                    upload = await self._joiner.finish(final)
            except StorageFull as error:
                log.warning("upload.join_postponed", upload=final, reason=str(error))
                await asyncio.sleep(AGAIN)
            except StorageBroken as error:
                log.warning("upload.join_postponed", upload=final, reason=str(error))
                return None
            except CustodyError as error:
                log.warning("upload.join_ended", upload=final, reason=str(error))
                raise
            else:
                self._tell(upload)
                return upload

    def _tell(self, upload: Upload) -> None:
        if upload.state is UploadState.SEALED:
            self._metrics.sealed.inc()
            log.info("upload.joined", upload=upload.id, length=upload.length)
            log.info("upload.sealed", upload=upload.id, length=upload.length)
