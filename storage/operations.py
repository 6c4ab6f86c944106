"""Acting for operators: implements titip.ports.operations.Operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from storage.destinations import put
from storage.journal.deliveries import find_delivery, note_event
from storage.journal.rows import DELIVERIES
from titip.delivery import (
    ALLOWED,
    REGISTRY,
    Delivery,
    DeliveryState,
    RecordedEvent,
    RequeuedEvent,
)
from titip.errors import ReferenceTaken

if TYPE_CHECKING:
    from datetime import datetime

    import apsw

    from storage.journal.database import Journal
    from storage.journal.deliveries import Transitions
    from titip.delivery import DeliveryId
    from titip.ports.delivery import Wakeup
    from titip.ports.operations import Selection

BATCH: Final = 500
"""Deliveries requeued in one transaction, so that a re-sync of millions holds nobody up."""

REQUEUEABLE: Final = tuple(state for state in DeliveryState if RequeuedEvent in ALLOWED[state])


_WITH_BYTES: Final = (
    "NOT EXISTS (SELECT 1 FROM uploads "
    "WHERE uploads.id = deliveries.upload AND uploads.freed_at IS NOT NULL)"
)
"""A mirror copy that was skipped cannot be sent once the bytes were freed."""


@dataclass(frozen=True, slots=True)
class JournalOperations:
    """One journal's levers; wakes the workers. `registry`: one is configured."""

    journal: Journal
    transitions: Transitions
    wakeup: Wakeup
    registry: bool = True

    async def resync(self, selection: Selection, *, now: datetime) -> int:
        """Send the selected deliveries again; see titip.ports.operations.Operations."""
        text, bindings = _page_of(selection, sent="" if self.registry else _NOT_REGISTRY)
        event = RequeuedEvent(confirmed_absent=selection.confirmed_absent)
        total, after = 0, 0

        def requeue(db: apsw.Connection) -> tuple[int, int]:
            rows = db.execute(text, {**bindings, "after": after}).fetchall()
            for row in rows:
                self.transitions.apply(db, DELIVERIES.of(row[1:]), event, now=now)
            return len(rows), int(rows[-1][0] or 0) if rows else 0

        while True:
            moved, after = await self.journal.write(requeue)
            total += moved
            if moved < BATCH:
                break
        self.wakeup.set()
        return total

    async def by_hand(self, selection: Selection) -> int:
        """Count the selected ones that go nowhere; see titip.ports.operations.Operations."""
        if self.registry:
            return 0
        where, bindings = _selected(selection)
        text = f"SELECT count(*) FROM deliveries WHERE {where} AND destination = '{REGISTRY}'"
        return await self.journal.read(
            lambda db: int(next(iter(db.execute(text, {**bindings, "after": 0})))[0])
        )

    async def pause(self, destination: str, *, paused: bool) -> None:
        """Stop or start the claims of a destination."""
        await self.journal.write(lambda db: put(db, "paused", destination, int(paused)))
        self.wakeup.set()

    async def ask_probe(self, destination: str) -> None:
        """Ask the worker to probe its destination now."""
        await self.journal.write(lambda db: put(db, "probe_wanted", destination, 1))
        self.wakeup.set()

    async def delivered(
        self, delivery: DeliveryId, reference: str, *, now: datetime, shared: bool = False
    ) -> Delivery:
        """Record that an operator entered the file by hand; see `Operations.delivered`."""

        def record(db: apsw.Connection) -> Delivery:
            before = find_delivery(db, delivery)
            if before is None:
                raise LookupError(f"there is no delivery {delivery}")
            after = self.transitions.apply(db, before, RecordedEvent(reference), now=now)
            if not shared:
                _refuse_taken(db, after)
            note_event(db, after, "recorded", reason=f"entered by hand as {reference}", now=now)
            return after

        return await self.journal.write(record)


_TAKEN: Final = (
    "SELECT upload FROM deliveries "
    "WHERE destination = ? AND state = 'delivered' AND locator = ? AND upload <> ? LIMIT 1"
)


def _refuse_taken(db: apsw.Connection, after: Delivery) -> None:
    found = db.execute(_TAKEN, (after.destination, after.locator, after.upload)).fetchone()
    if found is not None:
        raise ReferenceTaken(
            f"{after.locator} is the reference of upload {found[0]} already: is it mistyped?"
        )


_NOT_REGISTRY: Final = f" AND destination <> '{REGISTRY}'"


def _page_of(selection: Selection, *, sent: str) -> tuple[str, dict[str, Any]]:
    where, bindings = _selected(selection)
    text = f"SELECT seq, {DELIVERIES.columns} FROM deliveries WHERE {where}{sent} "
    return text + f"ORDER BY seq LIMIT {BATCH}", bindings


def _selected(selection: Selection) -> tuple[str, dict[str, Any]]:
    """Give the condition of what an operator means, from the place `:after` on."""
    wanted = [state for state in REQUEUEABLE if not selection.states or state in selection.states]
    where = ["seq > :after", _in("state", "state", [state.value for state in wanted]), _WITH_BYTES]
    if selection.moved or not selection.ids:
        where.append(f"parked_for {'=' if selection.moved else '<>'} 'moved'")
    bindings: dict[str, Any] = {f"state{n}": state.value for n, state in enumerate(wanted)}
    if selection.ids:
        ids = list(selection.ids)
        where.append(f"({_in('id', 'id', ids)} OR {_in('upload', 'id', ids)})")
        bindings |= {f"id{n}": one for n, one in enumerate(ids)}
    if selection.destination is not None:
        where.append("destination = :destination")
        bindings["destination"] = selection.destination
    return " AND ".join(where), bindings


def _in(column: str, name: str, values: list[str]) -> str:
    return f"{column} IN ({', '.join(f':{name}{n}' for n in range(len(values)))})"
