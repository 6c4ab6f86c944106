"""Uploads that are joined from parts: their joining runs beside the requests.

Titip has custody of the bytes from the begin on: they lie in the parts, and the journal says what
is to become of them. The proof follows with the seal. A joining that is cut is begun again by the
next start.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from gateway.protocol.errors import Refusal
from gateway.protocol.problems import DIGEST_MISMATCH
from titip.errors import CustodyError, DigestMismatch, StorageBroken, StorageFull
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.metrics import Metrics
    from titip.ports.concatenation import Joiner
    from titip.upload import Upload, UploadId

log = structlog.get_logger()

PATIENCE: Final = 0.25
"""Seconds a request waits for its seal: a few hundred mebibytes; who asked has them to spare."""

AT_ONCE: Final = 2
"""Joinings at a time: they read and write as fast as the disk lets them, and others use it too."""

AGAIN: Final = 30.0
"""Seconds until a joining that found no room is tried again."""

_UNLIKE: Final = (
    "It was ended. Its parts are still there: name them in their right order, or hand in again "
    "those that were spoilt."
)


class Joining:
    """The joinings of one gateway, one for each upload at a time."""

    def __init__(
        self,
        joiner: Joiner,
        *,
        metrics: Metrics,
        patience: float = PATIENCE,
        again: float = AGAIN,
    ) -> None:
        """Let a request wait for so long, and a joining without room; both in seconds."""
        self._joiner = joiner
        self._metrics = metrics
        self._patience = patience
        self._again = again
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._under_way: dict[UploadId, asyncio.Task[Upload | None]] = {}
        self._asked_again: set[UploadId] = set()

    @property
    def under_way(self) -> int:
        """Tell how many are being joined, or wait for their turn or for room."""
        return len(self._under_way)

    async def begin(self, final: Upload, parts: Sequence[UploadId]) -> Upload:
        """Begin what is joined from these parts, and give it as it is after a moment.

        Raises what `titip.joining.Joiner.begin` does, and, where that is known by then, why it
        cannot be joined.
        """
        return await self.wait_briefly(await self._joiner.begin(final, parts))

    async def wait_briefly(self, upload: Upload) -> Upload:
        """Give an upload as it is after a moment if it is still to be joined; raises as `begin`."""
        if not upload.is_final or upload.state is not UploadState.OPEN:
            return upload
        self._start(upload.id)
        task = self._under_way[upload.id]
        done, _ = await asyncio.wait({task}, timeout=self._patience)
        if not done or task.cancelled():
            return upload
        try:
            return task.result() or upload
        except DigestMismatch as error:
            raise Refusal(DIGEST_MISMATCH.because(_UNLIKE)) from error

    async def part_complete(self, part: UploadId) -> None:
        """Join what this part was the last one of."""
        for final in await self._joiner.unfinished(part):
            self._start(final)

    async def resume_pending(self) -> None:
        """Join what a former process left."""
        try:
            for final in await self._joiner.unfinished():
                self._start(final)
        except CustodyError as error:
            log.warning("uploads.not_joined", reason=str(error))

    async def stop(self) -> None:
        """Leave what is under way to the next start."""
        tasks = tuple(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, final: UploadId) -> None:
        if final in self._under_way:
            self._asked_again.add(final)  # it may have looked before the last part was there
            return
        task = asyncio.create_task(self._run(final))
        task.add_done_callback(_look_at)
        self._under_way[final] = task

    async def _run(self, final: UploadId) -> Upload | None:
        try:
            while True:
                self._asked_again.discard(final)
                upload = await self._finish(final)
                over = upload is None or upload.state is not UploadState.OPEN
                if over or final not in self._asked_again:
                    return upload
        finally:
            self._asked_again.discard(final)
            self._under_way.pop(final, None)

    async def _finish(self, final: UploadId) -> Upload | None:
        while True:
            try:
                async with self._turns:
                    upload = await self._joiner.finish(final)
            except StorageFull as error:
                log.warning("upload.join_postponed", upload=final, reason=str(error))
                await asyncio.sleep(self._again)
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


def _look_at(task: asyncio.Task[Upload | None]) -> None:
    """Take note of an error that nobody may wait for; our own ones were told."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, CustodyError):
        log.error("upload.join_failed", kind=type(error).__name__, exc_info=error)
