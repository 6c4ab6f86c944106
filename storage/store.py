"""Custody of the bytes: implements titip.ports.storage.Store over the spool and the journal."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from storage.clock import utc_now
from storage.files.deposit import SpoolDeposit, SpoolEngine
from storage.journal import parts, uploads
from storage.journal.holds import refuse_held
from titip.errors import StorageBroken, StorageFull, UploadClosed, UploadGone, UploadMissing
from titip.policies.delivery_plan import deliveries_of
from titip.ports.storage import DiskSpace
from titip.upload import LengthDeclared, Terminated, UploadState, advance

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime
    from hashlib import _Hash as Digest
    from pathlib import Path

    import apsw

    from storage.files.spool import Spool
    from storage.journal.database import Journal
    from titip.policies.delivery_plan import RequiredDelivery
    from titip.ports.delivery import Wakeup
    from titip.ports.storage import Deposit
    from titip.upload import Upload, UploadId

log = structlog.get_logger()

THREADS: Final = 8
"""Disk threads: syncs wait in parallel, and the disk merges them."""

EXPIRED_AT_ONCE: Final = 100
"""Uploads ended in one transaction."""

REMEMBERED: Final = 10_000
"""Unfinished uploads of which it is known how they were left; one costs about half a KiB."""


class SpoolStore:
    """The store of one machine."""

    def __init__(
        self,
        spool: Spool,
        journal: Journal,
        *,
        owed: Sequence[RequiredDelivery],
        wakeup: Wakeup,
        now: Callable[[], datetime] = utc_now,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Keep in this spool and journal; every seal owes to these destinations.

        `failed` hears why, once, when the disk failed under the spool; it may block.
        """
        self._spool = spool
        self._journal = journal
        self._owed = tuple(owed)
        self._wakeup = wakeup
        self._now = now
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="spool")
        self._digest_cache: OrderedDict[UploadId, tuple[int, Digest | None]] = OrderedDict()
        self._uncommitted: dict[UploadId, int] = {}
        self._truncated: set[UploadId] = set()
        self._failed = failed
        self._broken = ""
        self.means = SpoolEngine(
            spool=spool,
            threads=self._threads,
            keep=self._keep,
            let_go=self._let_go,
            broken=self._stop_taking,
            lost=self._truncated.add,
            refuse=self._refuse,
            now=now,
        )
        """What its deposits work with, for whoever else writes into this spool."""

    async def find(self, upload: UploadId) -> Upload | None:
        """Give the upload as committed; one that was given up is as good as expired."""
        found = await self._journal.read(lambda db: uploads.find(db, upload))
        if found is None or found.id not in self._truncated or found.state is not UploadState.OPEN:
            return found
        return replace(found, state=UploadState.EXPIRED)

    def mark_unusable(self, lost: Collection[UploadId]) -> None:
        """Refuse these from now on, if unfinished: they have fewer bytes than were committed.

        An offset that cannot be gone on from is no offset. Nothing of this is noted, so a start
        that finds the bytes again goes on with them.
        """
        self._truncated.update(lost)
        for upload in lost:
            self._digest_cache.pop(upload, None)

    async def create(
        self,
        upload: Upload,
        *,
        tap: Callable[[bytes], object] | None = None,
    ) -> Deposit:
        """Begin a new upload; see titip.ports.storage.Store."""
        self._refuse(more=False)
        if upload.key:
            await self._journal.read(lambda db: uploads.refuse_second(db, upload))
        self._refuse(more=True)
        self._uncommitted[upload.id] = upload.length or 0
        return SpoolDeposit(upload, self.means, new=True, tap=tap)

    async def resume(
        self,
        upload: Upload,
        *,
        length: int | None = None,
        tap: Callable[[bytes], object] | None = None,
    ) -> Deposit:
        """Go on with an open upload from its committed offset; see titip.ports.storage.Store."""
        self._refuse(more=True)
        offset, digest = self._digest_cache.pop(upload.id, (-1, None))
        current = upload if offset == upload.offset else await self.find(upload.id)
        if current is None:
            raise UploadMissing("there is no such upload")
        _refuse_ended(current)
        if length is not None:
            current = advance(current, LengthDeclared(length), now=self._now())
        known = digest if offset == current.offset else None
        return SpoolDeposit(current, self.means, digest=known, tap=tap)

    async def terminate(self, upload: Upload) -> None:
        """End an unfinished upload and free its bytes; see titip.ports.storage.Store."""
        _refuse_ended(upload)
        ended = advance(upload, Terminated(), now=self._now())

        def end(db: apsw.Connection) -> None:
            refuse_held(db, upload.submitter)
            parts.refuse_needed(db, upload)
            uploads.move(db, upload, ended)

        await self._journal.write(end)
        await self._free(upload.id)

    async def expire(self, *, idle_since: datetime) -> int:
        """End the open uploads left alone since then; see titip.ports.maintenance.UploadExpirer."""
        total = 0
        while ended := await self._expire_some(idle_since):
            total += ended
        return total

    async def room(self) -> DiskSpace:
        """Tell the space there is; raises StorageBroken once the disk failed."""
        self._refuse(more=False)
        promised = await self._journal.read(uploads.promised)
        free = await asyncio.get_running_loop().run_in_executor(self._threads, self._spool.free)
        promised += sum(self._uncommitted.values())
        return DiskSpace(free=free, promised=promised, reserved=self._journal.reserved)

    async def sealed_file(self, upload: Upload) -> Path | None:
        """Give the file with the sealed bytes; see titip.ports.storage.Store."""
        return await asyncio.to_thread(self._spool.sealed_file, upload)

    def close(self) -> None:
        """Let the disk threads end."""
        self._threads.shutdown()

    async def _expire_some(self, idle_since: datetime) -> int:
        now = self._now()

        def end(db: apsw.Connection) -> Sequence[Upload]:
            most = EXPIRED_AT_ONCE
            idle = uploads.expire(db, idle_since=idle_since, now=now, limit=most)
            joined_before = now - parts.KEPT_AFTER
            return idle or parts.expire_spent(db, before=joined_before, now=now, limit=most)

        ended = await self._journal.write(end)
        for upload in ended:
            await self._free(upload.id)
        return len(ended)

    async def _free(self, upload: UploadId) -> None:
        self._digest_cache.pop(upload, None)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._spool.remove, upload)

    async def _keep(self, before: Upload | None, after: Upload) -> None:
        sealed = after.state is UploadState.SEALED
        owed = deliveries_of(after, self._owed, now=self._now()) if sealed else ()

        def keep(db: apsw.Connection) -> None:
            uploads.keep(db, before, after, owed)
            if after.is_partial:
                parts.moved(db, after, now=self._now())

        await self._journal.write(keep)
        self._uncommitted.pop(after.id, None)
        if owed:
            self._wakeup.set()

    def _let_go(self, upload: Upload, digest: Digest | None, /, *, born: bool) -> None:
        self._uncommitted.pop(upload.id, None)
        if not born or upload.id in self._truncated or upload.state is not UploadState.OPEN:
            return
        self._digest_cache[upload.id] = (upload.offset, digest)
        while len(self._digest_cache) > REMEMBERED:
            self._digest_cache.popitem(last=False)

    def _stop_taking(self, error: StorageBroken) -> None:
        if self._broken or self._journal.broken:
            return
        self._broken = str(error)
        log.error("spool.broken", reason=self._broken)
        if self._failed is not None:
            with suppress(RuntimeError):  # closing: the next start looks for itself
                self._threads.submit(self._failed, self._broken)

    def _refuse(self, *, more: bool) -> None:
        if broken := self._broken or self._journal.broken:
            raise StorageBroken(f"nothing is taken in until Titip is restarted: {broken}")
        if more and not self._journal.reserved:
            self._spool.refuse_moved()
            raise StorageFull("the disk is full: the room that is left is the journal's")


def _refuse_ended(upload: Upload) -> None:
    match upload.state:
        case UploadState.SEALED:
            raise UploadClosed("the upload is sealed")
        case UploadState.TERMINATED | UploadState.EXPIRED:
            raise UploadGone(f"the upload was {upload.state}")
        case UploadState.OPEN:
            return
