"""The journal of a backup: what is read from a cut, and the little that is changed in it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import apsw

from storage.clock import to_ms
from storage.rows import DELIVERY, UPLOAD, row_of_delivery, row_of_upload, upload_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from titip.delivery import Delivery
    from titip.upload import Upload

PAGE: Final = 500
"""Uploads read at a time."""

_PAGE: Final = f"SELECT seq, {UPLOAD} FROM uploads WHERE seq > ? ORDER BY seq LIMIT {PAGE}"
_COUNTS: Final = """
SELECT count(*), count(*) FILTER (WHERE state = 'sealed'),
    ifnull(sum(offset) FILTER (WHERE state IN ('open', 'sealed') AND freed_at IS NULL), 0)
FROM uploads
"""
_AMEND: Final = (
    "UPDATE uploads SET length = ?, offset = ?, state = ?, touched_at = ?, ended_at = ?, "
    "sha256 = ?, freed_at = ? WHERE id = ?"
)
_AMEND_DELIVERY: Final = (
    f"INSERT INTO deliveries ({DELIVERY}) "
    f"VALUES ({', '.join('?' * len(DELIVERY.split(', ')))}) ON CONFLICT (id) DO UPDATE SET "
    "state = excluded.state, attempts = excluded.attempts, checkpoint = excluded.checkpoint, "
    "locator = excluded.locator, reason = excluded.reason, ended_at = excluded.ended_at, "
    "evidence = excluded.evidence, detail = excluded.detail"
)
_DOUBT: Final = (
    "UPDATE deliveries SET doubtful = 1, restored = 1, "
    "due_at = iif(state = 'active', :due, max(due_at, :due)) "
    "WHERE state NOT IN ('delivered', 'skipped')"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """An upload whose bytes went while the backup was made, as it is now."""

    upload: Upload
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """A journal in three numbers; `bytes` that the spool must hold."""

    uploads: int
    sealed: int
    bytes: int


def schema_of(journal: apsw.Connection) -> int:
    """Tell the schema's version."""
    return int(journal.pragma("user_version"))


def counts(journal: apsw.Connection) -> Counts:
    """Count what a journal tells of."""
    return Counts(*(int(number or 0) for number in next(iter(journal.execute(_COUNTS)))))


def listed(journal: apsw.Connection) -> Iterator[list[Upload]]:
    """Give all uploads, a page at a time."""
    seq = 0
    while rows := journal.execute(_PAGE, (seq,)).fetchall():
        seq = int(rows[-1][0] or 0)
        yield [upload_of(row[1:]) for row in rows]


def amend(journal: Path, ended: Iterable[Ended]) -> None:
    """Write into a cut how uploads ended after it, whose bytes it therefore cannot have."""
    with closing(_opened(journal)) as db, db:
        for one in ended:
            row = row_of_upload(one.upload)
            db.execute(_AMEND, (*row[2:4], row[5], *row[7:10], row[11], one.upload.id))
            for delivery in one.deliveries:
                db.execute(_AMEND_DELIVERY, row_of_delivery(delivery))


def doubt(journal: Path, *, due: datetime) -> int:
    """Mark all that is owed: it may have arrived since the cut. Tell how many deliveries.

    Leases lapse at `due`, and nothing is looked at before: whoever held them, in another journal,
    may have sent something a moment ago that its destination is still at work on.
    """
    with closing(_opened(journal)) as db:
        db.execute(_DOUBT, {"due": to_ms(due)})
        return db.changes()


def _opened(journal: Path) -> apsw.Connection:
    connection = apsw.Connection(str(journal), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.pragma("synchronous", 2)
    return connection
