"""A backup's journal: what a cut tells of, bringing it, and the little that is changed in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from storage.clock import to_ms
from storage.files.copying import CopyMethod, bring, sha256_of
from storage.journal.rows import DELIVERIES, UPLOADS
from storage.journal.snapshot import opened_for_writing
from storage.journal.table import assigned
from storage.journal.uploads import has_bytes
from titip.errors import ContentDamaged
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    import apsw

    from titip.delivery import Delivery
    from titip.upload import Upload, UploadId

PAGE: Final = 500
"""Uploads read at a time."""

THREADS: Final = 4
"""Files brought at once: their syncs wait together."""

_PAGE: Final = f"SELECT seq, {UPLOADS.columns} FROM uploads WHERE seq > ? ORDER BY seq LIMIT {PAGE}"
_COUNTS: Final = """
SELECT count(*), count(*) FILTER (WHERE state = 'sealed'),
    ifnull(sum(offset) FILTER (WHERE state IN ('open', 'sealed') AND freed_at IS NULL), 0)
FROM uploads
"""
_CHANGES: Final = assigned(
    "length", "offset", "state", "touched_at", "ended_at", "sha256", "freed_at"
)
_AMEND: Final = f"UPDATE uploads SET {_CHANGES} WHERE id = :id"
_AMEND_DELIVERY: Final = (
    f"INSERT INTO deliveries ({DELIVERIES.columns}) "
    f"VALUES ({DELIVERIES.marks}) ON CONFLICT (id) DO UPDATE SET "
    "state = excluded.state, attempts = excluded.attempts, checkpoint = excluded.checkpoint, "
    "locator = excluded.locator, reason = excluded.reason, ended_at = excluded.ended_at, "
    "evidence = excluded.evidence, detail = excluded.detail, parked_for = excluded.parked_for"
)
_DOUBT: Final = (
    "UPDATE deliveries SET maybe_delivered = 1, from_backup = 1, "
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
        yield [UPLOADS.of(row[1:]) for row in rows]


class Tell(Protocol):
    """Hears how far a backup or a restore is."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Tell the stage in a word, and so much of so much."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; without a `way`, and not absent, it was there already."""

    upload: Upload
    way: CopyMethod | None = None
    absent: bool = False
    damaged: bool = False


@dataclass(slots=True)
class Brought:
    """What was brought, and what was found; `damaged` and `missing` need a person."""

    ways: dict[CopyMethod, int] = field(default_factory=lambda: dict.fromkeys(CopyMethod, 0))
    shards: set[str] = field(default_factory=set)
    bytes: int = 0
    damaged: list[UploadId] = field(default_factory=list)
    missing: list[UploadId] = field(default_factory=list)

    def count(self, upload: Upload, way: CopyMethod, *, damaged: bool) -> None:
        """Count a file that was brought."""
        self.ways[way] += 1
        self.shards.add(upload.id[:2])
        self.bytes += upload.offset
        if damaged:
            self.damaged.append(upload.id)


def bring_all(
    cut: apsw.Connection,
    bring_one: Callable[[Upload], Outcome],
    *,
    note: Callable[[Outcome], None],
    tell: Tell,
) -> None:
    """Bring every file that a cut tells of; `note` hears what became of each, in this thread."""
    total, done = counts(cut).uploads, 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="bring") as threads:
        for page in listed(cut):
            for outcome in threads.map(bring_one, filter(has_bytes, page)):
                note(outcome)
            done += len(page)
            tell("files", done, total)


def bring_upload(upload: Upload, root: Path, into: Path, *, check: bool) -> Outcome:
    """Bring the bytes of one upload from spool to spool, and with `check` digest them there."""
    source, target = place_of(root, upload.id), place_of(into, upload.id)
    sealed = upload.state is UploadState.SEALED
    try:
        way = bring(source, target, size=upload.offset, immutable=sealed)
    except (FileNotFoundError, ContentDamaged):
        return Outcome(upload, absent=True)
    return Outcome(upload, way, damaged=check and sha256_of(target) != upload.sha256)


def place_of(root: Path, upload: UploadId) -> Path:
    """Give an upload's file in the spool of this folder."""
    return root / "spool" / upload[:2] / upload


def amend(journal: Path, ended: Iterable[Ended]) -> None:
    """Write into a cut how uploads ended after it, whose bytes it therefore cannot have."""
    with closing(opened_for_writing(journal)) as db, db:
        for one in ended:
            db.execute(_AMEND, UPLOADS.named(one.upload))
            for delivery in one.deliveries:
                db.execute(_AMEND_DELIVERY, DELIVERIES.row(delivery))


def doubt(journal: Path, *, due: datetime) -> int:
    """Mark all that is owed: it may have arrived since the cut. Tell how many deliveries.

    Leases lapse at `due`, and nothing is looked at before: whoever held them, in another journal,
    may have sent something a moment ago that its destination is still at work on.
    """
    with closing(opened_for_writing(journal)) as db:
        db.execute(_DOUBT, {"due": to_ms(due)})
        return db.changes()
