"""The life of one delivery: its claims one after another, on a clock of its own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, cast

from hypothesis import settings

from sync.worker.attempt import run_attempt
from sync.worker.lease import Lease
from tests.destination_fakes import SEALED_AT, Crash, MemoryContent, a_parcel, no_timer
from tests.nightly import NIGHTLY
from titip import delivery as d
from titip.delivery import ClaimedEvent, DeliveryState, RequeuedEvent, advance
from titip.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.seams.memory_wire import Request
    from titip.delivery import ClaimedDelivery, Delivery, DeliveryEvent
    from titip.ports.delivery import Destination

SETTLE = timedelta(seconds=60)
POLICY = RetryPolicy(timedelta(seconds=5), timedelta(minutes=30))
LEASE = timedelta(minutes=3)
CLAIMS = 7

SEAM = settings(max_examples=50_000 if NIGHTLY else 2000)


@dataclass
class Clock:
    now: datetime = SEALED_AT

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Rows:
    """A queue of one row."""

    async def checkpoint(self, delivery, text):
        return replace(delivery, checkpoint=text)

    async def extend(self, delivery, until):
        return replace(delivery, due_at=until)


class OneFile:
    """An archive of one file."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @contextmanager
    def open(self, upload):
        yield MemoryContent(self._data)


class Attempts:
    """The requests of each attempt, cut out of all that a far side was asked."""

    def __init__(self, asked: list[Request]) -> None:
        self._asked = asked
        self._begins: list[int] = []

    def told(self, kind: str, _: object) -> None:
        """Listen to a life."""
        if kind == "claim":
            self._begins.append(len(self._asked))

    def requests(self) -> list[list[Request]]:
        """Give them, one list for each attempt."""
        ends = [*self._begins[1:], len(self._asked)]
        return [self._asked[one:end] for one, end in zip(self._begins, ends, strict=True)]


def _next(row: Delivery, event: DeliveryEvent, clock: Clock) -> Delivery:
    return advance(row, event, now=clock(), policy=POLICY, rng=Random(1))


async def attempt(
    parcel: ClaimedDelivery, near: Destination, clock: Clock, *, data: bytes
) -> tuple[Delivery, DeliveryEvent | None]:
    """Carry a claimed parcel as a worker does; give the row as it is written down, if it is."""
    rows = cast("Any", Rows())
    lease = Lease(parcel.delivery, rows, term=LEASE, settle=SETTLE, now=clock, timer=no_timer())
    try:
        event, _ = await run_attempt(parcel, lease, destination=near, archive=OneFile(data))
    except Crash:
        checkpointed = replace(parcel.delivery, checkpoint=lease.delivery.checkpoint)
        return checkpointed, None
    if isinstance(event, d.UnknownEvent):
        event = replace(event, settle=lease.settles_in())
    return _next(lease.delivery, event, clock), event


async def life(
    near: Destination,
    clock: Clock,
    *,
    data: bytes,
    destination: str,
    resyncs: Collection[int],
    told: Callable[[str, Any], object] = lambda kind, what: None,
) -> Delivery:
    """Let one delivery live through its claims; give its row.

    `resyncs` are the claims before which an operator takes it up again where it is parked.
    """
    parcel = a_parcel(data)
    row = replace(parcel.delivery, destination=destination, attempts=0)
    for number in range(CLAIMS):
        if row.state is DeliveryState.DELIVERED:
            break
        if row.state is DeliveryState.PARKED:
            if number not in resyncs:
                break
            row = _next(row, RequeuedEvent(), clock)
        clock.now = max(clock.now, row.due_at)
        row = _next(row, ClaimedEvent(clock.now + LEASE), clock)
        told("claim", row)
        row, event = await attempt(replace(parcel, delivery=row), near, clock, data=data)
        told("row", row)
        assert not isinstance(event, d.ClaimedEvent)
    return row
