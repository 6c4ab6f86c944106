"""When Titip last ran on this journal, for starts that meet a clock that was set meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storage.clock import from_ms, to_ms
from titip.clock import LONGEST_GRACE, grace_after, went_back

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    import apsw

    from storage.journal.database import Journal

_LATEST: Final = """
SELECT max(seen) FROM (
    SELECT seen_at AS seen FROM clock
    UNION ALL SELECT created_at FROM (SELECT created_at FROM uploads ORDER BY seq DESC LIMIT 1)
    UNION ALL SELECT queued_at FROM (SELECT queued_at FROM deliveries ORDER BY seq DESC LIMIT 1)
)
"""
_NO_REMOVAL_BEFORE: Final = "SELECT no_removal_before FROM clock"
_NOTE: Final = (
    "INSERT INTO clock VALUES (1, :now, :spared) "
    "ON CONFLICT DO UPDATE SET seen_at = :now, no_removal_before = :spared"
)
_TICK: Final = "UPDATE clock SET seen_at = ?"


@dataclass(frozen=True, slots=True)
class Start:
    """What a start found: how far the clock went back, and until when nothing is removed."""

    went_back: timedelta
    no_removal_before: datetime


async def begin(journal: Journal, *, now: datetime) -> Start:
    """Compare the time with what was seen last, and note both it and the grace that follows."""

    def compare(db: apsw.Connection) -> Start:
        seen = _latest(db)
        left = next((from_ms(ms) for (ms,) in db.execute(_NO_REMOVAL_BEFORE)), now)
        fresh = now + grace_after(seen, now=now)
        spared = max(fresh, min(left, now + LONGEST_GRACE))
        db.execute(_NOTE, {"now": to_ms(now), "spared": to_ms(spared)})
        return Start(went_back(seen, now=now), spared)

    return await journal.write(compare)


async def record_heartbeat(journal: Journal, *, now: datetime) -> None:
    """Note that Titip runs at this time."""
    await journal.write(lambda db: db.execute(_TICK, (to_ms(now),)))


async def last_seen(journal: Journal) -> datetime | None:
    """Give the latest time that the journal knows of, None for a new one."""
    return await journal.read(_latest)


def _latest(db: apsw.Connection) -> datetime | None:
    ms = next(iter(db.execute(_LATEST)))[0]
    return None if ms is None else from_ms(ms)
