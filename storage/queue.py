"""The deliveries as a worker sees them: implements titip.ports.delivery.Queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from storage.clock import to_ms
from storage.destinations import field_of, is_paused, put
from storage.journal.damage import mark_damaged
from storage.journal.deliveries import (
    CLAIMABLE,
    begin_attempt,
    end_attempt,
    find_delivery,
    heads,
    note_event,
    strayed,
    update,
    waiting,
    waiting_rows,
)
from storage.journal.rows import DELIVERIES
from storage.journal.uploads import existing
from titip.delivery import (
    MIRROR,
    REGISTRY,
    ClaimedDelivery,
    ClaimedEvent,
    Delivery,
    DeliveryState,
    MovedEvent,
    PostponedEvent,
    SkippedEvent,
)
from titip.policies.brake import ONCE_MORE
from titip.policies.delivery_plan import delivery_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import apsw

    from storage.journal.database import Journal
    from storage.journal.deliveries import Transitions

SPARED_AT_ONCE: Final = 500
"""Deliveries skipped in one transaction."""

MOVED: Final = (
    "needs attention: it may be at {before}, where it was sent; if {place} is the same registry, "
    "titip resync --moved looks for it there; else look at {before}, then titip delivered, or "
    "titip resync ID --not-there"
)

_LAPSE: Final = (
    "UPDATE deliveries SET due_at = :until WHERE destination = :destination AND state = 'active'"
)

_SETTLE_ANEW: Final = (
    "UPDATE deliveries SET settles_at = :until "
    "WHERE destination = :destination AND maybe_delivered <> 0 "
    "AND state NOT IN ('delivered', 'skipped') AND settles_at IS NOT NULL"
)

_BRING_BACK: Final = (
    f"UPDATE deliveries SET due_at = :until WHERE destination = :destination AND {CLAIMABLE} "
    "AND state <> 'active' AND due_at > :until"
)

_UNDER_WAY: Final = (
    f"SELECT {DELIVERIES.columns} FROM deliveries "
    f"WHERE destination = ? AND {CLAIMABLE} AND state = 'active'"
)

IN_RUN: Final = (
    "UPDATE deliveries SET refused_run = iif(refused_run = :once, :once, :run) WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class JournalQueue:
    """One journal's deliveries; `spare_mirror` when the mirror only stands in for the registry.

    `mirror_place` is noted once a copy was made there.
    """

    journal: Journal
    transitions: Transitions
    spare_mirror: bool
    mirror_place: str = ""

    async def waiting(
        self, destination: str, *, now: datetime, ignore_delay: bool
    ) -> Sequence[str]:
        """Name the submitters with something due; see titip.ports.delivery.Queue."""

        def look(db: apsw.Connection) -> list[str]:
            if is_paused(db, destination):
                return []
            return waiting(db, destination, now=now, ignore_delay=ignore_delay)

        return await self.journal.read(look)

    async def claim(
        self,
        destination: str,
        submitter: str,
        *,
        now: datetime,
        until: datetime,
        limit: int,
        ignore_delay: bool,
    ) -> Sequence[ClaimedDelivery]:
        """Claim what is due first; see titip.ports.delivery.Queue."""

        def take(db: apsw.Connection) -> list[ClaimedDelivery]:
            if is_paused(db, destination):
                return []
            due = heads(db, destination, submitter, now=now, ignore_delay=ignore_delay, limit=limit)
            return [self._take(db, one, now=now, until=until) for one in due]

        return await self.journal.write(take)

    async def record(
        self, before: Delivery, after: Delivery, *, now: datetime, run: str = ""
    ) -> None:
        """Write the outcome of an attempt; see titip.ports.delivery.Queue."""

        def settle(db: apsw.Connection) -> None:
            update(db, before, after)
            end_attempt(db, after, now=now)
            if run:
                db.execute(IN_RUN, {"id": after.id, "run": run, "once": ONCE_MORE})
            if after.wants_bytes:
                mark_damaged(db, after.upload, now=now)
            if after.destination == REGISTRY and after.evidence.enough:
                self._spare(db, after, now=now)
            if after.destination == MIRROR and after.state is DeliveryState.DELIVERED:
                self._note_mirror(db)

        await self.journal.write(settle)

    async def checkpoint(self, delivery: Delivery, text: str) -> Delivery:
        """Keep the destination's checkpoint; see titip.ports.delivery.Queue."""
        return await self._refine(delivery, replace(delivery, checkpoint=text))

    async def extend(self, delivery: Delivery, until: datetime) -> Delivery:
        """Prolong the lease; see titip.ports.delivery.Queue."""
        return await self._refine(delivery, replace(delivery, due_at=until))

    async def expire_leases(self, destination: str, *, until: datetime, farthest: datetime) -> int:
        """End at `until` the leases left behind; see titip.ports.delivery.Queue."""

        def shorten(db: apsw.Connection) -> int:
            db.execute(_BRING_BACK, {"destination": destination, "until": to_ms(farthest)})
            db.execute(_SETTLE_ANEW, {"destination": destination, "until": to_ms(until)})
            db.execute(_LAPSE, {"destination": destination, "until": to_ms(until)})
            return db.changes()

        return await self.journal.write(shorten)

    async def spare(self, destination: str, *, now: datetime) -> int:
        """Skip all that waits for a destination that is no longer wanted; tell how many."""

        def skip(db: apsw.Connection) -> int:
            rows = waiting_rows(db, destination, limit=SPARED_AT_ONCE)
            for one in rows:
                self.transitions.apply(db, one, SkippedEvent(), now=now)
            return len(rows)

        total = 0
        while skipped := await self.journal.write(skip):
            total += skipped
        return total

    async def moved(
        self, destination: str, place: str, *, now: datetime, formerly: str = ""
    ) -> int:
        """Note where the destination is; park what may be at another place; tell how many.

        A look-up here says nothing of what was sent there. `formerly` is the name that an older
        Titip noted for the same place.
        """
        before = await self.journal.read(lambda db: field_of(db, "place", destination, ""))
        total = 0
        if before not in {"", place, formerly}:
            reason = MOVED.format(before=before, place=place)

            def park(db: apsw.Connection) -> int:
                rows = strayed(db, destination, reason=reason, limit=SPARED_AT_ONCE)
                for one in rows:
                    after = self.transitions.apply(db, one, MovedEvent(reason), now=now)
                    note_event(db, after, "moved", reason=reason, now=now)
                return len(rows)

            while parked := await self.journal.write(park):
                total += parked
        await self.journal.write(lambda db: put(db, "place", destination, place))
        return total

    async def let_go(self, destination: str, *, now: datetime) -> int:
        """End what was under way to a destination that is configured no more; tell how many.

        Each waits from then on, and may be there already.
        """

        def end(db: apsw.Connection) -> int:
            rows = [DELIVERIES.of(row) for row in db.execute(_UNDER_WAY, (destination,))]
            for row in rows:
                claimed = self._take(db, row, now=now, until=now).delivery
                left = PostponedEvent("it was under way when nothing was configured there any more")
                end_attempt(db, self.transitions.apply(db, claimed, left, now=now), now=now)
            return len(rows)

        return await self.journal.write(end)

    async def _refine(self, before: Delivery, after: Delivery) -> Delivery:
        await self.journal.write(lambda db: update(db, before, after))
        return after

    def _take(
        self,
        db: apsw.Connection,
        delivery: Delivery,
        *,
        now: datetime,
        until: datetime,
    ) -> ClaimedDelivery:
        claimed = self.transitions.apply(db, delivery, ClaimedEvent(until), now=now)
        begin_attempt(db, claimed, now=now)
        return ClaimedDelivery(claimed, existing(db, delivery.upload))

    def _note_mirror(self, db: apsw.Connection) -> None:
        if field_of(db, "place", MIRROR, "") != self.mirror_place:
            put(db, "place", MIRROR, self.mirror_place)

    def _spare(self, db: apsw.Connection, registered: Delivery, *, now: datetime) -> None:
        if not self.spare_mirror:
            return
        mirror = find_delivery(db, delivery_id(registered.upload, MIRROR))
        if mirror and mirror.state in {DeliveryState.QUEUED, DeliveryState.DEFERRED}:
            self.transitions.apply(db, mirror, SkippedEvent(), now=now)
