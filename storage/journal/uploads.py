"""The journal's words on uploads: plain functions on a connection, to be run in its threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage.clock import to_ms
from storage.journal.deliveries import insert_deliveries
from storage.journal.rows import UPLOADS
from storage.journal.table import assigned
from titip.errors import OffsetConflict, UploadMissing
from titip.upload import Expired, UploadExists, UploadState, advance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import apsw

    from titip.delivery import Delivery
    from titip.upload import Upload, UploadId

_FIND: Final = f"SELECT {UPLOADS.columns} FROM uploads WHERE id = ?"
_INSERT: Final = f"INSERT INTO uploads ({UPLOADS.columns}) VALUES ({UPLOADS.marks})"
_CHANGES: Final = assigned("length", "offset", "state", "touched_at", "ended_at", "sha256")
_MOVE: Final = (
    f"UPDATE uploads SET {_CHANGES} WHERE id = :id AND offset = :offset_before AND state = 'open'"
)
_UNDER_KEY: Final = (
    f"SELECT {UPLOADS.columns} FROM uploads "
    "WHERE submitter = ? AND key = ? AND key <> '' AND state IN ('open', 'sealed')"
)
_PROMISED: Final = "SELECT bytes FROM tallies WHERE what = 'upload' AND state = 'open'"
UNNEEDED: Final = (
    "NOT EXISTS (SELECT 1 FROM parts JOIN uploads AS joined ON joined.id = parts.final "
    "WHERE parts.part = uploads.id AND joined.state = 'open')"
)
"""Of a row of uploads: nothing that is still to be joined is joined from it."""

_IDLE: Final = (
    f"SELECT {UPLOADS.columns} FROM uploads "
    "WHERE state = 'open' AND ifnull(touched_at, created_at) < ? "
    f"AND submitter NOT IN (SELECT submitter FROM holds) AND {UNNEEDED} LIMIT ?"
)
_PREFIXED: Final = f"SELECT {UPLOADS.columns} FROM uploads WHERE id >= ? AND id < ?"


def find(db: apsw.Connection, upload: UploadId) -> Upload | None:
    """Give one upload."""
    row = db.execute(_FIND, (upload,)).fetchone()
    return None if row is None else UPLOADS.of(row)


def existing(db: apsw.Connection, upload: UploadId) -> Upload:
    """Give one upload; raises UploadMissing."""
    found = find(db, upload)
    if found is None:
        raise UploadMissing("there is no such upload")
    return found


def refuse_second(db: apsw.Connection, upload: Upload) -> None:
    """Raise UploadExists when the submitter's upload under this key is open or sealed."""
    if not upload.key:
        return
    row = db.execute(_UNDER_KEY, (upload.submitter, upload.key)).fetchone()
    if row is not None:
        raise UploadExists(UPLOADS.of(row))


def keep(
    db: apsw.Connection,
    before: Upload | None,
    after: Upload,
    owed: Sequence[Delivery],
) -> None:
    """Commit a step of an upload, None before it for a new one, and what its seal owes.

    Raises OffsetConflict when the row is no longer as `before` says, and UploadExists.
    """
    if before is None:
        refuse_second(db, after)
        db.execute(_INSERT, UPLOADS.row(after))
    else:
        move(db, before, after)
    insert_deliveries(db, owed)


def move(db: apsw.Connection, before: Upload, after: Upload) -> None:
    """Take an open upload from one value to the next; raises OffsetConflict, UploadMissing."""
    db.execute(_MOVE, UPLOADS.named(after) | {"offset_before": before.offset})
    if not db.changes():
        raise OffsetConflict(committed=existing(db, before.id).offset)


def promised(db: apsw.Connection) -> int:
    """Sum the bytes that open uploads have still to bring."""
    row = db.execute(_PROMISED).fetchone()
    return 0 if row is None else int(row[0])


def expire(db: apsw.Connection, *, idle_since: datetime, now: datetime, limit: int) -> list[Upload]:
    """End the open uploads that nobody went on with since then, `limit` at most."""
    rows = db.execute(_IDLE, (to_ms(idle_since), limit)).fetchall()
    left = [UPLOADS.of(row) for row in rows]
    for upload in left:
        move(db, upload, advance(upload, Expired(), now=now))
    return left


def with_prefix(db: apsw.Connection, prefix: str) -> list[Upload]:
    """Give all uploads whose id begins with these hex digits."""
    return [UPLOADS.of(row) for row in db.execute(_PREFIXED, (prefix, prefix + "g"))]


def has_bytes(upload: Upload) -> bool:
    """Tell whether the spool must hold a file for it."""
    match upload.state:
        case UploadState.OPEN:
            return upload.offset > 0
        case UploadState.SEALED:
            return upload.freed_at is None
        case UploadState.TERMINATED | UploadState.EXPIRED:
            return False
