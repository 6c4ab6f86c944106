"""Joining parts to one upload: implements titip.joining.Joiner over the spool and the journal.

What is to be joined is a row with its parts, committed first. Its bytes count for nothing before
the one commit that seals it: until then its offset is 0, a start cuts its file to that, and
joining begins again.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from storage.files.durable import cut_to, sync_data
from storage.files.extents import AdaptiveChunk, append_from, block_of, shares_extents, unshared
from storage.files.integrity import Stopped
from storage.journal import parts as rows
from storage.journal.uploads import existing, move
from titip.errors import (
    CustodyError,
    DigestMismatch,
    OffsetConflict,
    StorageBroken,
    StorageFull,
    UploadGone,
)
from titip.ports.concatenation import Weight
from titip.upload import (
    Appended,
    Expired,
    LengthDeclared,
    Sealed,
    Terminated,
    UploadState,
    advance,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from storage.files.deposit import SpoolEngine
    from storage.files.spool import Spool
    from storage.journal.database import Journal
    from storage.journal.parts import Part
    from titip.upload import Upload, UploadId

PIECE: Final = 1 << 20
"""Bytes digested at a time: so long a stop has to wait."""


class SpoolJoiner:
    """Joins within one spool; each upload by one caller at a time."""

    def __init__(self, journal: Journal, engine: SpoolEngine) -> None:
        """Work with a store's means; tries what the spool's disk can do."""
        self._journal = journal
        self._engine = engine
        self._shares = shares_extents(engine.spool.root)
        self._block = block_of(engine.spool.root)
        self._turns: WeakValueDictionary[UploadId, asyncio.Lock] = WeakValueDictionary()

    async def measure(self, final: Upload, parts: Sequence[UploadId]) -> Weight:
        """Tell what joining these would come to; see titip.ports.concatenation.Joiner."""
        self._engine.refuse(more=False)
        lengths = await self._journal.read(lambda db: rows.lengths_of(db, final, parts))
        known = [length for length in lengths if length is not None]
        whole = len(known) == len(lengths)
        return Weight(length=sum(known) if whole else None, room=self._room_for(known))

    async def begin(self, final: Upload, parts: Sequence[UploadId]) -> Upload:
        """Commit the upload with its parts; see titip.ports.concatenation.Joiner."""
        self._engine.refuse(more=True)
        now = self._engine.now()
        return await self._journal.write(lambda db: rows.begin(db, final, parts, now=now))

    async def finish(self, final: UploadId) -> Upload:
        """Join and seal it once its parts are complete; see titip.ports.concatenation.Joiner."""
        turn = self._turns.setdefault(final, asyncio.Lock())
        async with turn:
            upload, parts = await self._journal.read(
                lambda db: (existing(db, final), rows.parts_of(db, final))
            )
            if upload.state is UploadState.SEALED:
                return upload
            if upload.state is not UploadState.OPEN:
                raise UploadGone(f"the upload was {upload.state}")
            if any(one.state is not UploadState.OPEN for one in parts):
                await self._end(advance(upload, Expired(), now=self._engine.now()), upload)
                raise UploadGone("a part of it was ended")
            if not all(one.complete for one in parts):
                return upload
            sha256 = await self._run_in_thread(partial(self._join, upload.id, parts))
            return await self._seal(upload, sum(one.offset for one in parts), sha256)

    async def unfinished(self, part: UploadId | None = None) -> Sequence[UploadId]:
        """Name what is still to be joined; see titip.ports.concatenation.Joiner."""
        return await self._journal.read(lambda db: rows.unjoined(db, part))

    async def _seal(self, upload: Upload, length: int, sha256: str) -> Upload:
        now = self._engine.now()
        whole = advance(upload, LengthDeclared(length), now=now)
        whole = advance(whole, Appended(length), now=now)
        try:
            after = advance(whole, Sealed(sha256), now=now)
        except DigestMismatch:
            await self._end(advance(upload, Terminated(), now=now), upload)
            raise
        try:
            await self._engine.keep(upload, after)
        except OffsetConflict as conflict:
            await self._remove(upload)
            raise UploadGone("the upload was ended") from conflict
        return after

    async def _end(self, after: Upload, before: Upload) -> None:
        """End what cannot be joined; its parts are free for another try."""
        with suppress(OffsetConflict):
            await self._journal.write(lambda db: move(db, before, after))
        await self._remove(before)

    async def _remove(self, upload: Upload) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._engine.threads, self._engine.spool.remove, upload.id)

    async def _run_in_thread(self, work: Callable[[Callable[[], None]], str]) -> str:
        """Do the work in a thread; whoever is cancelled waits until that has stopped."""
        stop = threading.Event()

        def go_on() -> None:
            if stop.is_set():
                raise Stopped

        running = asyncio.get_running_loop().run_in_executor(self._engine.threads, work, go_on)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([running])
            self._note(running.exception())
            raise
        except StorageBroken as error:
            self._note(error)
            raise

    def _note(self, error: BaseException | None) -> None:
        if isinstance(error, StorageBroken):
            self._engine.broken(error)

    def _join(self, final: UploadId, parts: Sequence[Part], go_on: Callable[[], None]) -> str:
        """Bring all bytes to stable storage under the upload's name; give their digest."""
        spool = self._engine.spool
        self._engine.refuse(more=True)
        fd = spool.open_for_append(final)
        try:
            cut_to(fd, 0)
            self._refuse_no_room(parts)
            self._bring(fd, parts, go_on)
            sync_data(fd)
            spool.adopt(final)
            spool.refuse_moved()
            return digest_of(spool, parts, go_on)
        except CustodyError:
            with suppress(CustodyError):
                cut_to(fd, 0)
            raise
        finally:
            os.close(fd)

    def _bring(self, fd: int, parts: Iterable[Part], go_on: Callable[[], None]) -> None:
        size, stride = 0, AdaptiveChunk()
        for one in parts:
            if not one.offset:
                continue  # it need not have a file
            with self._engine.spool.open(one.id) as content:
                append_from(content, fd, at=size, count=one.offset, stride=stride, go_on=go_on)
            size += one.offset

    def _refuse_no_room(self, parts: Iterable[Part]) -> None:
        if self._room_for(one.offset for one in parts) > self._engine.spool.free():
            raise StorageFull("there is no room to join the parts now")

    def _room_for(self, lengths: Iterable[int]) -> int:
        return unshared(lengths, block=self._block) if self._shares else sum(lengths)


def digest_of(spool: Spool, parts: Iterable[Part], go_on: Callable[[], None]) -> str:
    """Digest the parts one after the other, in hex.

    They are what was handed in, and mostly still in memory; of a file that shares their bytes on
    the disk nothing is.
    """
    digest = hashlib.sha256()
    for one in parts:
        if not one.offset:
            continue
        with spool.open(one.id) as content:
            offset = 0
            while piece := content.read(offset, min(PIECE, one.offset - offset)):
                go_on()
                digest.update(piece)
                offset += len(piece)
    return digest.hexdigest()
