"""One upload being handed in: bytes to the spool, then the offset to the journal."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, TypeVarTuple, Unpack

import structlog

from storage.files.durable import cut_to, sync_data, translated, write_at
from titip.errors import ContentDamaged, CustodyError, LengthExceeded, StorageBroken, StorageFull
from titip.faults import kind_of, trace_of
from titip.upload import Appended, Completion, LengthDeclared, Sealed, UploadExists, advance, seals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from concurrent.futures import Executor
    from datetime import datetime
    from hashlib import _Hash as Digest

    from storage.files.spool import Spool
    from titip.upload import Upload, UploadId

P = TypeVarTuple("P")

log = structlog.get_logger()

REREAD: Final = 1 << 20
"""Bytes read at a time when a digest is made again after a restart."""


class Refusing(Protocol):
    """Says whether anything, or `more`, may be written now."""

    def __call__(self, *, more: bool) -> None:
        """Raise StorageBroken or StorageFull if not."""


class LetGo(Protocol):
    """Hears of an upload that nobody writes to any more."""

    def __call__(self, upload: Upload, digest: Digest | None, /, *, born: bool) -> None:
        """Take the upload as last committed; `born` tells whether it ever was."""


@dataclass(frozen=True, slots=True)
class SpoolEngine:
    """What every deposit of a store works with.

    `keep` commits the step from one upload to the next, from None for a new one; `let_go` hears
    of a closed deposit, with the digest of the committed bytes where it is known; `broken` of a
    disk that failed.
    `lost` hears of an upload that has fewer bytes than were committed. `refuse` raises
    StorageBroken once the disk failed, and StorageFull for more bytes while it is full.
    """

    spool: Spool
    threads: Executor
    keep: Callable[[Upload | None, Upload], Awaitable[None]]
    let_go: LetGo
    broken: Callable[[StorageBroken], None]
    lost: Callable[[UploadId], None]
    refuse: Refusing
    now: Callable[[], datetime]


class SpoolDeposit:
    """Implements titip.ports.storage.Deposit; the running digest travels with it."""

    def __init__(
        self,
        upload: Upload,
        engine: SpoolEngine,
        *,
        new: bool = False,
        digest: Digest | None = None,
        tap: Callable[[bytes], object] | None = None,
    ) -> None:
        """Begin at the committed offset; `digest` covers the bytes up to there, None if unknown."""
        self._upload = upload
        self._engine = engine
        self._new = new
        self._offered = False
        self._sync_failed: StorageFull | None = None
        self._closed = False
        self._digest = digest
        self._running: Digest | None = None
        self._tap = tap
        self._fd: int | None = None
        self._dir_synced = upload.offset > 0
        self._written = upload.offset
        self._busy = Lock()
        self._hops_begun = 0
        self._hops_ended = 0

    @property
    def upload(self) -> Upload:
        """Give the upload as last committed."""
        return self._upload

    @property
    def written(self) -> int:
        """Give the offset up to which bytes were written."""
        return self._written

    async def write(self, batch: Sequence[bytes]) -> None:
        """Write the pieces at the end in one hop; see titip.ports.storage.Deposit."""
        self._refuse_excess(batch)
        await self._run_in_thread(self._put, batch)

    async def commit(
        self, batch: Sequence[bytes] = (), *, closing: Completion = Completion.AT_LENGTH
    ) -> Upload:
        """Write the batch, sync, then commit the offset; see titip.ports.storage.Deposit."""
        self._refuse_excess(batch)
        if batch or self._written > self._upload.offset or self._seals(closing):
            await self._run_in_thread(self._put_and_sync, batch, closing)
        after = self._moved(closing)
        self._offered = True
        try:
            await self._engine.keep(None if self._new else self._upload, after)
        except (UploadExists, StorageFull):
            self._offered = False
            raise
        self._upload, self._new = after, False
        self._digest, self._running = self._running or self._digest, None
        return after

    async def rewind(self) -> None:
        """Forget what was written since the last commit."""
        await self._run_in_thread(self._cut_tail)

    async def close(self) -> None:
        """Let go of the file."""
        if self._closed:
            return
        self._closed = True
        self._engine.let_go(self._upload, self._digest, born=not self._new)
        if self._fd is not None and not self._released_at_once():
            await self._run_in_thread(self._release)

    def _refuse_excess(self, batch: Sequence[bytes]) -> None:
        length = self._upload.length
        if length is not None and self._written + sum(map(len, batch)) > length:
            raise LengthExceeded(f"more bytes came than the declared {length}")

    async def _run_in_thread(self, work: Callable[[Unpack[P]], object], *args: *P) -> None:
        def held() -> None:
            with self._busy:  # a cancelled request may close while its last hop still runs
                try:
                    work(*args)
                finally:
                    self._hops_ended += 1

        try:
            hop = asyncio.get_running_loop().run_in_executor(self._engine.threads, held)
        except RuntimeError as error:  # they take nothing more
            raise StorageBroken("the spool is closed") from error
        self._hops_begun += 1
        try:
            await hop
        except StorageBroken as error:
            self._engine.broken(error)
            raise
        except ContentDamaged:
            self._engine.lost(self._upload.id)
            raise
        except (CustodyError, asyncio.CancelledError):
            raise
        except BaseException as error:
            self._engine.broken(broken := _unforeseen(error))
            raise broken from error

    def _put(self, batch: Sequence[bytes]) -> None:
        self._engine.refuse(more=bool(batch))
        if self._sync_failed is not None:
            raise self._sync_failed
        fd = self._open()
        running = None if self._upload.is_partial else self._running or self._begin(fd)
        write_at(fd, batch, self._written)
        for piece in batch:
            if running is not None:
                running.update(piece)
            if self._tap is not None:
                self._tap(piece)
        self._running = running
        self._written += sum(map(len, batch))

    def _put_and_sync(self, batch: Sequence[bytes], closing: Completion) -> None:
        self._put(batch)
        if self._seals(closing):
            cut_to(self._open(), self._written)
        try:
            sync_data(self._open())
            if not self._dir_synced:
                self._engine.spool.adopt(self._upload.id)
        except StorageFull as error:
            # A second sync could succeed although what the first one should have written was
            # dropped: only bytes that are written anew may count.
            self._sync_failed = error
            raise
        self._dir_synced = True
        self._engine.spool.refuse_moved()

    def _open(self) -> int:
        if self._fd is None:
            upload = self._upload
            self._fd = self._engine.spool.open_for_append(
                upload.id, new=self._new, holds=upload.offset
            )
        return self._fd

    def _begin(self, fd: int) -> Digest:
        if self._digest is None:
            self._digest = _digest_of(fd, self._upload.offset)
        return self._digest.copy()

    def _cut_tail(self) -> None:
        self._written = self._upload.offset
        self._running = None
        cut_to(self._open(), self._written)  # what a body left here that was never committed

    def _released_at_once(self) -> bool:
        """Close the file without a hop when that blocks nobody: all is synced, no hop is left."""
        if self._new or self._written > self._upload.offset or self._hops_begun != self._hops_ended:
            return False
        self._release()
        return True

    def _release(self) -> None:
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)
        if self._new and not self._offered:
            self._engine.spool.remove(self._upload.id)  # no row can tell of it: free its room now

    def _seals(self, closing: Completion) -> bool:
        """Tell whether what is written by now is all: the file is to be there, and not longer."""
        return seals(replace(self._upload, offset=self._written), closing)

    def _moved(self, closing: Completion) -> Upload:
        now = self._engine.now()
        moved = advance(self._upload, Appended(self._written), now=now)
        if not seals(moved, closing):
            return moved
        if moved.length is None:
            moved = advance(moved, LengthDeclared(moved.offset), now=now)
        digest = self._running or self._digest or hashlib.sha256()
        return advance(moved, Sealed(digest.hexdigest()), now=now)


def _unforeseen(error: BaseException) -> StorageBroken:
    """Name what nobody foresaw: what it left in the spool is for a start to find out."""
    log.error("spool.bug", error=kind_of(error), where=trace_of(error))
    return StorageBroken(f"a fault in Titip itself ({kind_of(error)}): restart Titip")


def _digest_of(fd: int, size: int) -> Digest:
    """Read the committed bytes again, from the disk where the system can be made to."""
    digest = hashlib.sha256()
    with translated():
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        offset = 0
        while offset < size:
            piece = os.pread(fd, min(REREAD, size - offset), offset)
            if not piece:
                raise ContentDamaged("it has fewer bytes than were committed")
            digest.update(piece)
            offset += len(piece)
    return digest
