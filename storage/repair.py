"""Putting the sealed bytes back where the spool lost or changed them, and sending what waited."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.clock import utc_now
from storage.files.durable import closing_fd, sync_data, translated, write_at
from storage.files.integrity import NOT_SEALED, damage_of
from storage.journal.damage import mark_damaged, note_mended
from storage.journal.deliveries import deliveries_of_upload
from titip.delivery import RequeuedEvent
from titip.errors import ContentDamaged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    import apsw

    from storage.files.spool import Spool
    from storage.journal.database import Journal
    from storage.journal.deliveries import Transitions
    from titip.upload import Upload


@dataclass(frozen=True, slots=True)
class Repair:
    """One data folder's repairs; may run beside a gateway and a sync daemon."""

    spool: Spool
    journal: Journal
    transitions: Transitions
    now: Callable[[], datetime] = utc_now

    async def examine(self, upload: Upload) -> str:
        """Read the sealed bytes; say how they differ, and note that; empty where they are whole."""
        how = await asyncio.to_thread(damage_of, self.spool, upload)
        if how:
            now = self.now()
            await self.journal.write(lambda db: mark_damaged(db, upload.id, now=now))
        return how

    async def put_back(self, upload: Upload, pieces: AsyncIterator[bytes]) -> None:
        """Write a copy beside, prove and sync it, then put it in the damaged one's place.

        Raises ContentDamaged where the copy is not what was sealed, StorageFull, StorageBroken.
        """
        part = self.spool.quarantine / f"{upload.id}.repair-{secrets.token_hex(4)}"
        try:
            with _made(part) as fd:
                await _copy(fd, upload, pieces)
                await asyncio.to_thread(sync_data, fd)
            await asyncio.to_thread(self.spool.put_back, upload.id, part)
        finally:
            part.unlink(missing_ok=True)

    async def settle(self, upload: Upload) -> int:
        """Note that the bytes are the sealed ones again, and queue what was parked for them.

        Gives how many deliveries go again.
        """

        def note(db: apsw.Connection) -> int:
            now = self.now()
            note_mended(db, upload.id, now=now)
            parked = [one for one in deliveries_of_upload(db, upload.id) if one.wants_bytes]
            for one in parked:
                self.transitions.apply(db, one, RequeuedEvent(), now=now)
            return len(parked)

        return await self.journal.write(note)


@contextmanager
def _made(part: Path) -> Iterator[int]:
    with translated():
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with closing_fd(fd):
        yield fd


async def _copy(fd: int, upload: Upload, pieces: AsyncIterator[bytes]) -> None:
    digest = hashlib.sha256()
    size = 0

    def keep(piece: bytes) -> None:
        write_at(fd, [piece], size)
        digest.update(piece)

    async for piece in pieces:
        if size + len(piece) > upload.size:
            raise ContentDamaged(f"it has more than {upload.size} bytes")
        await asyncio.to_thread(keep, piece)
        size += len(piece)
    if size != upload.size:
        raise ContentDamaged(f"it has {size} bytes instead of {upload.size}")
    if digest.hexdigest() != upload.sha256:
        raise ContentDamaged(NOT_SEALED)
