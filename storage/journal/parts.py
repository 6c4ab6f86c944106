"""The journal's words on parts and on what is joined from them, to be run in its threads."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from storage.clock import to_ms
from storage.journal.rows import UPLOADS
from storage.journal.uploads import UNNEEDED, keep, move, refuse_second
from titip.errors import IllegalEvent, PartsUnfit
from titip.upload import PART, Expired, UploadId, UploadState, advance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import apsw

    from titip.upload import Upload

_NAMED: Final = (
    "SELECT id, submitter, concat, state, length FROM uploads "
    "WHERE id IN (SELECT value FROM json_each(?))"
)
_INSERT: Final = "INSERT INTO parts (final, position, part) SELECT ?, key, value FROM json_each(?)"
_TOUCH: Final = (
    "UPDATE uploads SET touched_at = ? "
    "WHERE id IN (SELECT value FROM json_each(?)) AND state = 'open'"
)
_OF: Final = (
    "SELECT parts.part, one.offset, one.length, one.state FROM parts "
    "JOIN uploads AS one ON one.id = parts.part WHERE parts.final = ? ORDER BY parts.position"
)
_UNJOINED: Final = "SELECT id FROM uploads WHERE state = 'open' AND concat LIKE 'final%'"
_WAITING: Final = (
    "SELECT DISTINCT parts.final FROM parts JOIN uploads AS joined ON joined.id = parts.final "
    "WHERE parts.part = ? AND joined.state = 'open'"
)
_MOVED: Final = """
UPDATE uploads SET touched_at = :now, length = (
    SELECT iif(count(*) = count(one.length), sum(one.length), NULL)
    FROM parts JOIN uploads AS one ON one.id = parts.part WHERE parts.final = uploads.id
)
WHERE id IN (SELECT final FROM parts WHERE part = :part) AND state = 'open'
"""
_SPENT: Final = f"""
SELECT {UPLOADS.columns} FROM uploads
WHERE state = 'open' AND concat = '{PART}' AND ifnull(touched_at, created_at) < :before
    AND submitter NOT IN (SELECT submitter FROM holds)
    AND EXISTS (
        SELECT 1 FROM parts JOIN uploads AS joined ON joined.id = parts.final
        WHERE parts.part = uploads.id AND joined.state = 'sealed' AND joined.ended_at < :before
    )
    AND {UNNEEDED}
LIMIT :limit
"""


KEPT_AFTER: Final = timedelta(hours=1)
"""How long parts are kept after something was joined from them, should more be."""


@dataclass(frozen=True, slots=True)
class Part:
    """One place in what is joined: the upload that fills it, as far as it is."""

    id: UploadId
    offset: int
    length: int | None
    state: UploadState

    @property
    def complete(self) -> bool:
        """Tell whether all its bytes are there."""
        return self.state is UploadState.OPEN and self.offset == self.length


class _Named(NamedTuple):
    submitter: str
    concat: str
    state: str
    length: int | None


def lengths_of(db: apsw.Connection, final: Upload, parts: Sequence[UploadId]) -> list[int | None]:
    """Give the lengths of what is to be joined, in order, None where one is not told yet.

    Raises UploadExists for what was begun before under the same key, and PartsUnfit: for another's
    upload with the very words that are for none.
    """
    refuse_second(db, final)
    rows = db.execute(_NAMED, (json.dumps(parts),))
    named = {str(row[0]): _Named(*row[1:]) for row in rows}
    return [_length(named.get(part), final, number) for number, part in enumerate(parts, 1)]


def begin(
    db: apsw.Connection, final: Upload, parts: Sequence[UploadId], *, now: datetime
) -> Upload:
    """Commit what is to be joined, and from what; the parts count as moved on.

    Gives it with its length where that is known. Raises UploadExists, PartsUnfit.
    """
    lengths = lengths_of(db, final, parts)
    known = [length for length in lengths if length is not None]
    begun = replace(final, length=sum(known) if len(known) == len(lengths) else None)
    keep(db, None, begun, ())
    db.execute(_INSERT, (begun.id, json.dumps(parts)))
    db.execute(_TOUCH, (to_ms(now), json.dumps(parts)))
    return begun


def parts_of(db: apsw.Connection, final: UploadId) -> list[Part]:
    """Give what it is joined from, in order."""
    rows = db.execute(_OF, (final,))
    return [Part(UploadId(row[0]), row[1], row[2], UploadState(row[3])) for row in rows]


def unjoined(db: apsw.Connection, part: UploadId | None = None) -> list[UploadId]:
    """Name what is still to be joined: all of it, or what this part is of."""
    rows = db.execute(_UNJOINED) if part is None else db.execute(_WAITING, (part,))
    return [UploadId(str(row[0])) for row in rows]


def moved(db: apsw.Connection, part: Upload, *, now: datetime) -> None:
    """Let what is still to be joined know that a part of it moved on: its age, and its length."""
    db.execute(_MOVED, {"part": part.id, "now": to_ms(now)})


def refuse_needed(db: apsw.Connection, upload: Upload) -> None:
    """Raise IllegalEvent for a part of what is still to be joined."""
    if upload.is_partial and unjoined(db, upload.id):
        raise IllegalEvent("an upload is still to be joined from this part: DELETE that one first")


def expire_spent(
    db: apsw.Connection, *, before: datetime, now: datetime, limit: int
) -> list[Upload]:
    """End parts of what was sealed before then, which nobody needed or moved on since."""
    rows = db.execute(_SPENT, {"before": to_ms(before), "limit": limit}).fetchall()
    left = [UPLOADS.of(row) for row in rows]
    for upload in left:
        move(db, upload, advance(upload, Expired(), now=now))
    return left


def _length(named: _Named | None, final: Upload, number: int) -> int | None:
    if named is None or named.submitter != final.submitter:
        raise PartsUnfit(f"part {number} is no upload of this submitter")
    if named.concat != PART:
        raise PartsUnfit(f"part {number} was not begun with Upload-Concat: {PART}")
    if named.state != UploadState.OPEN:
        raise PartsUnfit(f"part {number} was {named.state}: hand it in again")
    return named.length
