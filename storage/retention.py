"""Freeing the bytes of what was delivered: implements titip.ports.RetentionSweeper.

First the journal says that they are gone, then they go: a crash between leaves a file that the
next start removes. Rows and receipts stay.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

from storage.clock import to_ms, utc_now
from titip.upload import UploadId

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import apsw

    from storage.files.spool import Spool
    from storage.journal.database import Journal

PAGE: Final = 500
"""Uploads looked at in one reading, and freed in one transaction."""

PAGES: Final = 20
"""Readings in one call: ten thousand uploads a minute; the reader is free for others between."""

_EXPIRED: Final = """
submitter NOT IN (SELECT submitter FROM holds) AND ifnull((
    SELECT min(one.state IN ('delivered', 'skipped')) AND max(one.ended_at) <= :before
        AND max(one.state = 'delivered' AND one.evidence IN ('reference', 'person', 'digest'))
    FROM deliveries AS one WHERE one.id > uploads.id || '.' AND one.id < uploads.id || '/'
), 0)
"""
"""All that was owed has ended, and long enough ago; something of it was a delivery that more than
a status shows (titip.evidence.Evidence.enough)."""

WALK: Final = f"""
SELECT id, ended_at, seq, {_EXPIRED} FROM uploads
WHERE state = 'sealed' AND freed_at IS NULL AND ended_at <= :before
    AND ended_at >= :at AND (ended_at > :at OR seq > :seq)
ORDER BY ended_at, seq LIMIT :page
"""
_FREE: Final = f"""
UPDATE uploads SET freed_at = :now, damaged_at = NULL
WHERE id = :id AND state = 'sealed' AND freed_at IS NULL AND {_EXPIRED}
"""


class _Place(NamedTuple):
    """How far the walk is: the moment of a seal, and the row."""

    at: int = 0
    seq: int = 0


class SpoolKeeping:
    """One data folder's walk over what it still holds, the longest kept first."""

    def __init__(
        self, spool: Spool, journal: Journal, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Free from this spool."""
        self._spool = spool
        self._journal = journal
        self._now = now
        self._place = _Place()

    async def free(self, *, ended_before: datetime) -> int:
        """Free the bytes of what was delivered before then; see titip.ports.RetentionSweeper.

        A call goes on where the last one stopped and, at the end, begins anew: millions that wait
        for a destination cost each round a bounded look.
        """
        freed = 0
        for _ in range(PAGES):
            looked, ripe = await self._look(to_ms(ended_before))
            freed += await self._free(ripe, to_ms(ended_before))
            if looked < PAGE:
                self._place = _Place()
                break
        return freed

    async def _look(self, before: int) -> tuple[int, list[UploadId]]:
        at, seq = self._place
        bindings = {"before": before, "at": at, "seq": seq, "page": PAGE}
        rows = await self._journal.read(lambda db: db.execute(WALK, bindings).fetchall())
        if rows:
            self._place = _Place(int(rows[-1][1] or 0), int(rows[-1][2] or 0))
        return len(rows), [UploadId(str(row[0])) for row in rows if row[3]]

    async def _free(self, ripe: list[UploadId], before: int) -> int:
        """Free those that are still ripe when it is written down."""
        now = to_ms(self._now())

        def write_down(db: apsw.Connection) -> list[UploadId]:
            freed = []
            for upload in ripe:
                db.execute(_FREE, {"id": upload, "now": now, "before": before})
                if db.changes():
                    freed.append(upload)
            return freed

        freed = await self._journal.write(write_down) if ripe else []
        await asyncio.to_thread(self._remove, freed)
        return len(freed)

    def _remove(self, freed: list[UploadId]) -> None:
        for upload in freed:
            self._spool.remove(upload)
