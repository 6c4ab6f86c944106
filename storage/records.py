"""Reading for people: implements titip.ports.operations.Records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from storage.clock import from_ms
from storage.journal.damage import count_damaged
from storage.journal.deliveries import deliveries_of_upload
from storage.journal.rows import DELIVERIES, UPLOADS, brakes_of, health_of
from titip.delivery import DESTINATIONS, DeliveryState, ParkedFor
from titip.ports.operations import DestinationStatus, Query, Totals
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apsw

    from storage.journal.database import Journal
    from titip.delivery import Delivery
    from titip.upload import Upload, UploadId

MOST: Final = 1000
"""Rows in one page at most."""

_UNFINISHED: Final = "SELECT count(*) FROM uploads WHERE submitter = ? AND state = 'open'"
_OLDEST: Final = (
    "SELECT min(queued_at) FROM deliveries "
    "WHERE destination = ? AND state NOT IN ('delivered', 'skipped')"
)

_UNPROVEN: Final = (
    "SELECT count(*) FROM deliveries "
    "WHERE destination = ? AND state = 'delivered' AND evidence IN ('', 'status')"
)
_IN_DOUBT: Final = (
    "SELECT state, parked_for, count(*) FROM deliveries "
    "WHERE destination = ? AND maybe_delivered <> 0 AND state NOT IN ('delivered', 'skipped') "
    "GROUP BY state, parked_for"
)
"""Both spelled as their partial indexes are."""


@dataclass(frozen=True, slots=True)
class JournalRecords:
    """One journal's rows, as values."""

    journal: Journal

    async def uploads(self, query: Query) -> Sequence[Upload]:
        """List uploads, newest first."""
        text, bindings = _page("uploads", UPLOADS.columns, query)
        return await self.journal.read(
            lambda db: [UPLOADS.of(row) for row in db.execute(text, bindings)],
        )

    async def deliveries(self, query: Query) -> Sequence[Delivery]:
        """List deliveries, newest first."""
        text, bindings = _page("deliveries", DELIVERIES.columns, query)
        return await self.journal.read(
            lambda db: [DELIVERIES.of(row) for row in db.execute(text, bindings)],
        )

    async def of_upload(self, upload: UploadId) -> Sequence[Delivery]:
        """List the deliveries of one upload."""
        return await self.journal.read(lambda db: deliveries_of_upload(db, upload))

    async def totals(self) -> Totals:
        """Count everything."""
        return await self.journal.read(_census)

    async def unfinished(self, submitter: str) -> int:
        """Count the submitter's uploads that are neither sealed nor ended."""
        return await self.journal.read(
            lambda db: int(next(iter(db.execute(_UNFINISHED, (submitter,))))[0]),
        )


def _page(table: str, columns: str, query: Query) -> tuple[str, dict[str, Any]]:
    where = ["1"]
    bindings: dict[str, Any] = {"limit": max(1, min(query.limit, MOST))}
    if query.submitter is not None:
        where.append("submitter = :submitter")
        bindings["submitter"] = query.submitter
    if query.destination is not None and table == "deliveries":
        where.append("destination = :destination")
        bindings["destination"] = query.destination
    if query.states:
        names = {f"state{number}": state for number, state in enumerate(query.states)}
        where.append(f"state IN ({', '.join(f':{name}' for name in names)})")
        bindings |= {name: str(state) for name, state in names.items()}
    if query.after:
        where.append(f"seq < (SELECT seq FROM {table} WHERE id = :after)")
        bindings["after"] = query.after
    text = (
        f"SELECT {columns} FROM {table} WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT :limit"
    )
    return text, bindings


_UNCLOSED: Final = (
    "SELECT count(*) FROM uploads WHERE state = 'open' AND offset = length AND concat = ''"
)


def _census(db: apsw.Connection) -> Totals:
    tallies: dict[str, dict[str, tuple[int, int]]] = {}
    for what, state, rows, size in db.execute("SELECT what, state, rows, bytes FROM tallies"):
        tallies.setdefault(what, {})[state] = (rows, size)
    uploads = tallies.get("upload", {})
    freed, freed_bytes = tallies.get("freed", {}).get("sealed", (0, 0))
    return Totals(
        uploads={UploadState(state): rows for state, (rows, _) in uploads.items()},
        sealed_bytes=uploads.get("sealed", (0, 0))[1] - freed_bytes,
        open_bytes=uploads.get("open", (0, 0))[1],
        destinations=[_standing(db, name, tallies.get(name, {})) for name in DESTINATIONS],
        damaged=count_damaged(db),
        freed=freed,
        unclosed=next(iter(db.execute(_UNCLOSED)))[0],
    )


def _standing(
    db: apsw.Connection, name: str, tally: dict[str, tuple[int, int]]
) -> DestinationStatus:
    text = "SELECT paused, health, brakes FROM destinations WHERE name = ?"
    paused, health, brakes = db.execute(text, (name,)).fetchone() or (0, "", "")
    oldest = next(iter(db.execute(_OLDEST, (name,))))[0]
    doubted = list(db.execute(_IN_DOUBT, (name,)))
    unproven = int(next(iter(db.execute(_UNPROVEN, (name,))))[0])
    return DestinationStatus(
        name=name,
        paused=bool(paused),
        health=health_of(health),
        counts={DeliveryState(state): rows for state, (rows, _) in tally.items()},
        oldest_owed=None if oldest is None else from_ms(oldest),
        unproven=unproven,
        in_doubt=sum(rows for state, _, rows in doubted if state == DeliveryState.PARKED),
        moved=sum(rows for _, parked_for, rows in doubted if parked_for == ParkedFor.MOVED),
        maybe_delivered=sum(rows for _, _, rows in doubted),
        brakes=brakes_of(str(brakes)),
    )
