"""Whose uploads must not be removed, whatever their age: plain functions on a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage.clock import from_ms, to_ms
from titip.errors import UploadHeld
from titip.ports.operations import Hold

if TYPE_CHECKING:
    from datetime import datetime

    import apsw

_PUT: Final = (
    "INSERT INTO holds (submitter, since, reason) VALUES (?, ?, ?) "
    "ON CONFLICT DO UPDATE SET reason = excluded.reason"
)


def put_hold(db: apsw.Connection, submitter: str, *, reason: str, now: datetime) -> None:
    """Remove nothing of this submitter from now on; one that is held keeps its beginning."""
    db.execute(_PUT, (submitter, to_ms(now), reason))


def release_hold(db: apsw.Connection, submitter: str) -> bool:
    """Let the usual rules hold again; tell whether there was a hold."""
    db.execute("DELETE FROM holds WHERE submitter = ?", (submitter,))
    return bool(db.changes())


def all_holds(db: apsw.Connection) -> list[Hold]:
    """List them, the oldest first."""
    rows = db.execute("SELECT submitter, since, reason FROM holds ORDER BY since, submitter")
    return [Hold(str(name), from_ms(int(since)), str(reason)) for name, since, reason in rows]


def refuse_held(db: apsw.Connection, submitter: str) -> None:
    """Raise UploadHeld while nothing of this submitter may be removed."""
    if db.execute("SELECT 1 FROM holds WHERE submitter = ?", (submitter,)).fetchone():
        raise UploadHeld("nothing of this submitter is removed for now")
