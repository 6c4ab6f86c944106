"""The journal's words on damage: which sealed uploads to read again, and what that showed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage.clock import to_ms
from storage.journal.rows import UPLOADS

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    import apsw

    from titip.upload import Upload, UploadId

HERE: Final = "state = 'sealed' AND freed_at IS NULL"
"""Spelled as in the schema, so that SQLite takes the partial indexes."""

_UNREAD: Final = (
    f"SELECT {UPLOADS.columns} FROM uploads WHERE {HERE} AND damaged_at IS NULL "
    "AND ifnull(read_at, ended_at) < ? ORDER BY ifnull(read_at, ended_at) LIMIT ?"
)
_READ: Final = "UPDATE uploads SET read_at = ? WHERE id = ? AND repairs = ?"
_MARK: Final = f"UPDATE uploads SET damaged_at = ? WHERE id = ? AND {HERE} AND damaged_at IS NULL"
_MEND: Final = (
    "UPDATE uploads SET damaged_at = NULL, repairs = repairs + 1, read_at = ? "
    "WHERE id = ? AND damaged_at IS NOT NULL"
)
_DAMAGED: Final = f"SELECT {UPLOADS.columns} FROM uploads WHERE damaged_at IS NOT NULL AND {HERE}"
_COUNT: Final = f"SELECT count(*) FROM uploads WHERE damaged_at IS NOT NULL AND {HERE}"


def unread(db: apsw.Connection, *, since: datetime, limit: int) -> list[Upload]:
    """Give sealed uploads that nobody read since then, the longest unread first."""
    return [UPLOADS.of(row) for row in db.execute(_UNREAD, (to_ms(since), limit))]


def note_whole(db: apsw.Connection, uploads: Collection[Upload], *, now: datetime) -> None:
    """Note that these were read and are as they were sealed."""
    rows = [(to_ms(now), one.id, one.repairs) for one in uploads]
    db.executemany(_READ, rows)


def mark_damaged(
    db: apsw.Connection, upload: UploadId, *, now: datetime, repairs: int | None = None
) -> bool:
    """Mark a sealed upload as damaged; tell whether that is news.

    With `repairs` only while it was repaired no more often: what was read before says nothing of
    the bytes after.
    """
    again = "" if repairs is None else " AND repairs = ?"
    values = (to_ms(now), upload, *(() if repairs is None else (repairs,)))
    db.execute(_MARK + again, values)
    return bool(db.changes())


def note_mended(db: apsw.Connection, upload: UploadId, *, now: datetime) -> None:
    """Note that a damaged upload's bytes are the sealed ones again."""
    db.execute(_MEND, (to_ms(now), upload))


def damaged(db: apsw.Connection) -> list[Upload]:
    """Give what is damaged: few, if any."""
    return [UPLOADS.of(row) for row in db.execute(_DAMAGED)]


def count_damaged(db: apsw.Connection) -> int:
    """Tell how many are damaged."""
    return int(next(iter(db.execute(_COUNT)))[0])
