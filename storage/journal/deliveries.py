"""The journal's words on deliveries: plain functions on a connection, to be run in its threads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storage.clock import to_ms
from storage.journal.rows import DELIVERIES
from storage.journal.table import assigned
from titip.delivery import DeliveryState, advance
from titip.errors import LeaseLost
from titip.text import storable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from random import Random

    import apsw

    from titip.delivery import Delivery, DeliveryEvent
    from titip.retry import RetryPolicy

CLAIMABLE: Final = "state IN ('queued', 'active', 'deferred', 'verify')"
"""Spelled as in the schema, so that SQLite takes the partial index."""

_DUE: Final = "(due_at <= :now OR (:ignore_delay AND state = 'queued'))"

_INSERT: Final = f"INSERT INTO deliveries ({DELIVERIES.columns}) VALUES "
_FIND: Final = f"SELECT {DELIVERIES.columns} FROM deliveries WHERE id = ?"
_OF_UPLOAD: Final = (
    f"SELECT {DELIVERIES.columns} FROM deliveries "
    "WHERE id > ? || '.' AND id < ? || '/' ORDER BY seq"
)
_CONSTANT: Final = {"id", "upload", "destination", "submitter", "queued_at"}
_CHANGES: Final = [name for name in DELIVERIES.names if name not in _CONSTANT]
_SET: Final = (
    f"UPDATE deliveries SET {assigned(*_CHANGES)} "
    "WHERE id = :id AND attempts = :attempts_before AND state = :state_before"
)
_BEGIN: Final = "INSERT INTO attempts VALUES (?, ?, ?, NULL, '', '')"
_END: Final = (
    "UPDATE attempts SET ended_at = ?, outcome = ?, reason = ? WHERE delivery = ? AND number = ?"
)
_OF_RUN: Final = (
    f"SELECT {DELIVERIES.columns} FROM deliveries "
    "WHERE refused_run = ? AND state = 'parked' AND refused_run <> '' AND destination = ?"
)
_EVENT: Final = "INSERT INTO delivery_events (delivery, at, event, reason) VALUES (?, ?, ?, ?)"
_WAITING: Final = f"""
WITH RECURSIVE who (name) AS (
    SELECT min(submitter) FROM deliveries WHERE destination = :destination AND {CLAIMABLE}
    UNION ALL
    SELECT (SELECT min(submitter) FROM deliveries
            WHERE destination = :destination AND submitter > who.name AND {CLAIMABLE})
    FROM who WHERE who.name IS NOT NULL
)
SELECT name FROM who WHERE name IS NOT NULL AND EXISTS (
    SELECT 1 FROM deliveries
    WHERE destination = :destination AND submitter = name AND {CLAIMABLE} AND {_DUE}
)
"""
_UNBEGUN: Final = (
    f"SELECT {DELIVERIES.columns} FROM deliveries "
    f"WHERE destination = ? AND {CLAIMABLE} AND state IN ('queued', 'deferred') LIMIT ?"
)
_STRAYED: Final = (
    f"SELECT {DELIVERIES.columns} FROM deliveries "
    "WHERE destination = :destination AND reason <> :reason AND "
    f"(state = 'active' OR maybe_delivered <> 0 AND ({CLAIMABLE} OR state = 'parked')) LIMIT :limit"
)
_HEADS: Final = (
    f"SELECT {DELIVERIES.columns} FROM deliveries WHERE destination = :destination "
    f"AND submitter = :submitter AND {CLAIMABLE} AND {_DUE} ORDER BY due_at LIMIT :limit"
)


def insert_deliveries(db: apsw.Connection, deliveries: Sequence[Delivery]) -> None:
    """Queue new deliveries of one upload, in one statement."""
    if deliveries:
        values = [value for delivery in deliveries for value in DELIVERIES.row(delivery)]
        db.execute(_INSERT + ", ".join([f"({DELIVERIES.marks})"] * len(deliveries)), values)


def find_delivery(db: apsw.Connection, delivery: str) -> Delivery | None:
    """Give one delivery."""
    row = db.execute(_FIND, (delivery,)).fetchone()
    return None if row is None else DELIVERIES.of(row)


def deliveries_of_upload(db: apsw.Connection, upload: str) -> list[Delivery]:
    """Give all deliveries of an upload, the oldest first: their ids begin with its own."""
    return [DELIVERIES.of(row) for row in db.execute(_OF_UPLOAD, (upload, upload))]


def waiting(
    db: apsw.Connection, destination: str, *, now: datetime, ignore_delay: bool
) -> list[str]:
    """Name the submitters with something due: one index step for each, however long the queue."""
    bindings = {"destination": destination, "now": to_ms(now), "ignore_delay": ignore_delay}
    return [name for (name,) in db.execute(_WAITING, bindings)]


def heads(
    db: apsw.Connection,
    destination: str,
    submitter: str,
    *,
    now: datetime,
    ignore_delay: bool,
    limit: int,
) -> list[Delivery]:
    """Give a submitter's deliveries that are due, the longest due first."""
    bindings = {
        "destination": destination,
        "submitter": submitter,
        "now": to_ms(now),
        "ignore_delay": ignore_delay,
        "limit": limit,
    }
    return [DELIVERIES.of(row) for row in db.execute(_HEADS, bindings)]


def waiting_rows(db: apsw.Connection, destination: str, *, limit: int) -> list[Delivery]:
    """Give deliveries to a destination that were not begun, or failed and wait."""
    return [DELIVERIES.of(row) for row in db.execute(_UNBEGUN, (destination, limit))]


def strayed(db: apsw.Connection, destination: str, *, reason: str, limit: int) -> list[Delivery]:
    """Give deliveries that may have arrived, but for those that have this reason already."""
    bindings = {"destination": destination, "reason": reason, "limit": limit}
    return [DELIVERIES.of(row) for row in db.execute(_STRAYED, bindings)]


def update(db: apsw.Connection, before: Delivery, after: Delivery) -> None:
    """Take a delivery from one value to the next; raises LeaseLost if it is no longer `before`."""
    was = {"attempts_before": before.attempts, "state_before": before.state.value}
    db.execute(_SET, DELIVERIES.named(after) | was)
    if not db.changes():
        raise LeaseLost(f"delivery {before.id} was claimed by another worker")


@dataclass(frozen=True, slots=True)
class Transitions:
    """Takes deliveries on by events, as the retry policy has it."""

    policy: RetryPolicy
    rng: Random

    def apply(
        self, db: apsw.Connection, before: Delivery, event: DeliveryEvent, *, now: datetime
    ) -> Delivery:
        """Write what comes of the event, and give it; raises IllegalEvent, LeaseLost."""
        after = advance(before, event, now=now, policy=self.policy, rng=self.rng)
        update(db, before, after)
        return after


def begin_attempt(db: apsw.Connection, claimed: Delivery, *, now: datetime) -> None:
    """Note an attempt before its first byte leaves."""
    db.execute(_BEGIN, (claimed.id, claimed.attempts, to_ms(now)))


def end_attempt(db: apsw.Connection, after: Delivery, *, now: datetime) -> None:
    """Note how an attempt ended."""
    outcome = after.state.value
    told = f"{after.reason}: {after.detail}" if after.detail else after.reason
    reason = "" if after.state is DeliveryState.DELIVERED else storable(told)
    db.execute(_END, (to_ms(now), outcome, reason, after.id, after.attempts))


def in_run(db: apsw.Connection, destination: str, run: str) -> list[Delivery]:
    """Give the parked deliveries of a run of refusals."""
    return [DELIVERIES.of(row) for row in db.execute(_OF_RUN, (run, destination))]


def note_event(
    db: apsw.Connection, delivery: Delivery, event: str, *, reason: str, now: datetime
) -> None:
    """Note in a delivery's history what was done to it beside its attempts."""
    db.execute(_EVENT, (delivery.id, to_ms(now), event, reason))
