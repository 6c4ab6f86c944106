"""The scrub: sealed files are read again, a few at a time: implements titip.ports.IntegrityScanner.

Its place is in the journal (`read_at`), so a restart goes on where the last process stopped.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from storage.clock import utc_now
from storage.files.integrity import ReadThrottle, Stopped, damage_of
from storage.journal.damage import mark_damaged, note_whole, unread
from titip.errors import CustodyError
from titip.ports.maintenance import Inspection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    import apsw

    from storage.files.spool import Spool
    from storage.journal.database import Journal
    from titip.upload import Upload, UploadId

RATE: Final = 20 << 20
"""Bytes a second: a tenth of a turning disk's, and 50 TiB in thirty days."""

FEW: Final = 64
"""Files between two notes in the journal."""

MUCH: Final = 64 << 20
"""Bytes after which a note is due, however few the files."""


@dataclass(slots=True)
class _Found:
    whole: list[Upload] = field(default_factory=list)
    damaged: dict[Upload, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(one.size for one in (*self.whole, *self.damaged))


class Scrub:
    """Reads with one thread of its own, at `rate` bytes a second at most."""

    def __init__(
        self,
        spool: Spool,
        journal: Journal,
        *,
        rate: float = RATE,
        now: Callable[[], datetime] = utc_now,
        pace: Callable[[float, Callable[[float], bool]], ReadThrottle] | None = None,
    ) -> None:
        """Read this spool, and note in this journal; `pace` makes another pace, for tests."""
        self._spool = spool
        self._journal = journal
        self._now = now
        self._stop = threading.Event()
        wait = self._stop.wait
        self._pace = ReadThrottle(rate, wait=wait) if pace is None else pace(rate, wait)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="scrub")

    async def inspect(self, *, unread_since: datetime) -> Inspection:
        """Read a few that nobody read since then; see titip.ports.maintenance.IntegrityScanner."""
        due = await self._journal.read(lambda db: unread(db, since=unread_since, limit=FEW))
        return await self.look_at(due)

    async def look_at(self, uploads: Sequence[Upload]) -> Inspection:
        """Read some of these, from the first on, and note what that showed."""
        if not uploads or self._stop.is_set():
            return Inspection()
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, self._read, uploads)
        news = await self._journal.write(lambda db: self._note(db, found))
        return Inspection(read=len(found.whole) + len(found.damaged), size=found.size, damaged=news)

    def stop(self) -> None:
        """End the reading under way within a piece; from any thread."""
        self._stop.set()

    def close(self) -> None:
        """Stop, and let the thread end, within a piece; a disk that hangs is not waited for."""
        self.stop()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _read(self, uploads: Sequence[Upload]) -> _Found:
        found = _Found()
        for upload in uploads:
            try:
                how = damage_of(self._spool, upload, pace=self._pace)
            except Stopped:
                break
            except CustodyError:
                if not found.size:
                    raise
                break
            if how:
                found.damaged[upload] = how
            else:
                found.whole.append(upload)
            if found.size >= MUCH:
                break
        return found

    def _note(self, db: apsw.Connection, found: _Found) -> dict[UploadId, str]:
        now = self._now()
        note_whole(db, found.whole, now=now)
        return {
            one.id: how
            for one, how in found.damaged.items()
            if mark_damaged(db, one.id, now=now, repairs=one.repairs) or one.damaged
        }
