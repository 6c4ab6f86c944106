"""In-memory rows and levers over a MemoryStore: titip.ports.operations.Records and Operations."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, TypeVar

from titip.delivery import (
    DESTINATIONS,
    REGISTRY,
    Delivery,
    DeliveryId,
    ParkedFor,
    RecordedEvent,
    RequeuedEvent,
    advance,
)
from titip.errors import ReferenceTaken
from titip.ports.operations import DestinationStatus, Query, Selection, Totals
from titip.retry import RetryPolicy
from titip.upload import Upload, UploadId, UploadState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tests.fakes import MemoryStore
    from titip.health import Health

T = TypeVar("T")


class MemoryRecords:
    """Implements titip.ports.operations.Records over a MemoryStore."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.destinations: dict[str, tuple[bool, Health | None]] = dict.fromkeys(
            DESTINATIONS, (False, None)
        )

    async def uploads(self, query: Query) -> Sequence[Upload]:
        rows = [
            one
            for one in self._store.uploads.values()
            if query.submitter in {None, one.submitter}
            and (not query.states or one.state in query.states)
        ]
        return _page([(one.created_at, one.id, one) for one in rows], query)

    async def deliveries(self, query: Query) -> Sequence[Delivery]:
        rows = [
            one
            for one in self._store.deliveries.values()
            if query.submitter in {None, one.submitter}
            and query.destination in {None, one.destination}
            and (not query.states or one.state in query.states)
        ]
        return _page([(one.queued_at, one.id, one) for one in rows], query)

    async def of_upload(self, upload: UploadId) -> Sequence[Delivery]:
        return [one for one in self._store.deliveries.values() if one.upload == upload]

    async def totals(self) -> Totals:
        rows = list(self._store.uploads.values())
        states = {state: [one for one in rows if one.state is state] for state in UploadState}
        return Totals(
            uploads={state: len(ones) for state, ones in states.items()},
            sealed_bytes=sum(one.size for one in states[UploadState.SEALED]),
            open_bytes=sum(one.offset for one in states[UploadState.OPEN]),
            destinations=[self._standing(name) for name in DESTINATIONS],
            unclosed=sum(one.complete and not one.concat for one in states[UploadState.OPEN]),
        )

    async def unfinished(self, submitter: str) -> int:
        rows = self._store.uploads.values()
        return sum(one.submitter == submitter and one.state is UploadState.OPEN for one in rows)

    def _standing(self, name: str) -> DestinationStatus:
        rows = [one for one in self._store.deliveries.values() if one.destination == name]
        paused, health = self.destinations[name]
        return DestinationStatus(
            name=name,
            paused=paused,
            health=health,
            counts={
                state: sum(one.state is state for one in rows)
                for state in {one.state for one in rows}
            },
            oldest_owed=min((one.queued_at for one in rows if one.state.owed), default=None),
            maybe_delivered=sum(bool(one.maybe_delivered) and one.state.owed for one in rows),
        )


class MemoryOperations:
    """Implements titip.ports.operations.Operations over a MemoryStore and its MemoryRecords."""

    def __init__(self, store: MemoryStore, records: MemoryRecords) -> None:
        self._store = store
        self._records = records
        self.probes_asked: list[str] = []
        self.registry = True

    async def resync(self, selection: Selection, *, now: datetime) -> int:
        chosen = [
            one for one in self._chosen(selection) if self.registry or one.destination != REGISTRY
        ]
        for one in chosen:
            self._store.deliveries[one.id] = _step(one, RequeuedEvent(), now)
        return len(chosen)

    async def by_hand(self, selection: Selection) -> int:
        chosen = self._chosen(selection)
        return sum(not self.registry and one.destination == REGISTRY for one in chosen)

    def _chosen(self, selection: Selection) -> list[Delivery]:
        return [
            one
            for one in self._store.deliveries.values()
            if (
                one.id in selection.ids
                or one.upload in selection.ids
                or one.state in selection.states
            )
            and (bool(selection.ids) or selection.moved == (one.parked_for is ParkedFor.MOVED))
            and selection.destination in {None, one.destination}
        ]

    async def pause(self, destination: str, *, paused: bool) -> None:
        _, health = self._records.destinations[destination]
        self._records.destinations[destination] = (paused, health)

    async def ask_probe(self, destination: str) -> None:
        self.probes_asked.append(destination)

    async def delivered(
        self, delivery: DeliveryId, reference: str, *, now: datetime, shared: bool = False
    ) -> Delivery:
        if delivery not in self._store.deliveries:
            raise LookupError(delivery)
        after = _step(self._store.deliveries[delivery], RecordedEvent(reference), now)
        taken = any(
            one.locator == reference and one.upload != after.upload
            for one in self._store.deliveries.values()
        )
        if taken and not shared:
            raise ReferenceTaken(f"{reference} is another upload's")
        self._store.deliveries[delivery] = after
        return after


def _page(rows: list[tuple[datetime, str, T]], query: Query) -> list[T]:
    rows.sort(key=lambda row: row[:2], reverse=True)
    ids = [row[1] for row in rows]
    if query.after and query.after not in ids:
        return []
    start = ids.index(query.after) + 1 if query.after else 0
    return [row[2] for row in rows[start : start + query.limit]]


def _step(delivery: Delivery, event: RequeuedEvent | RecordedEvent, now: datetime) -> Delivery:
    policy = RetryPolicy(timedelta(seconds=1), timedelta(seconds=2))
    return advance(delivery, event, now=now, policy=policy, rng=Random(0))
