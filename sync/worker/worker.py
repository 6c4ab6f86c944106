"""A worker: brings every delivery of one destination there, whatever the destination is.

Claim what is due and what the destination's health allows, carry each parcel, record how it
ended. A claim is committed before its first byte leaves; a lease that is not prolonged lapses by
itself; so there is no recovery code: a restarted worker finds everything by its one question.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from sync.containment import Contained, tell_bug
from sync.worker.attempt import carry_leased, failed
from sync.worker.brake_monitor import BrakeMonitor
from sync.worker.lease import Lease
from sync.worker.response_timer import ResponseTimer
from sync.worker.verdicts import Verdicts
from titip.delivery import DeliveryState, UnknownEvent, advance
from titip.errors import LeaseLost, StorageFull, TitipError
from titip.evidence import Doubt
from titip.faults import kind_of
from titip.policies.fair_queue import FairQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from sync.worker.health_monitor import HealthMonitor
    from sync.worker.rules import WorkerDeps, WorkerRules
    from titip.delivery import ClaimedDelivery, DeliveryEvent
    from titip.health import HealthEvent
    from titip.ports.delivery import Destination

    Hear = Callable[[HealthEvent], Coroutine[None, None, None]]

log = structlog.get_logger()

BREAK_OFF: Final = timedelta(seconds=2)
"""How long a delivery may take to end, and be recorded, once it is broken off."""

CEILING: Final = timedelta(minutes=1)
"""The longest rest of a worker whose turns fail for a reason nobody foresaw."""


class DeliveryWorker:
    """One destination's deliveries, one after the other and several at once."""

    def __init__(
        self,
        destination: Destination,
        world: WorkerDeps,
        *,
        watch: HealthMonitor,
        rules: WorkerRules,
        wake: asyncio.Event,
    ) -> None:
        """Serve this destination; `wake` is set when there may be work."""
        self._destination = Contained(destination)
        self._world = world
        self._watch = watch
        self._rules = rules
        self._wake = wake
        self._turns = FairQueue()
        self._verdicts = Verdicts()
        self._brakes = BrakeMonitor(destination.name, world.refusals, askable=rules.askable)
        self._carrying: dict[asyncio.Task[None], datetime] = {}
        self._leases: set[Lease] = set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop, then let what is under way finish, or break it off in time."""
        name, failures = self._destination.name, 0
        try:
            await self._begin()
            while not stopping.is_set():
                self._wake.clear()
                failures = 0 if await self._turned() else failures + 1
                await self._rest(stopping, failures)
        finally:
            await self._finish()
        log.info("worker.stopped", destination=name)

    async def _begin(self) -> None:
        name, now = self._destination.name, self._world.now()
        try:
            await self._world.queue.expire_leases(
                name, until=now + self._rules.settle, farthest=now + self._rules.farthest
            )
        except StorageFull as error:  # they lapse by themselves, only later
            log.error("worker.error", destination=name, reason=str(error))
        await self._watch.load()
        await self._brakes.load()
        log.info("worker.started", destination=name, circuit=self._watch.health.circuit.value)

    async def _turned(self) -> bool:
        """Take a turn; tell whether it failed in no way or in a foreseen one."""
        name = self._destination.name
        try:
            await self.turn()
        except TitipError as error:
            log.error("worker.error", destination=name, reason=str(error))
        except Exception as error:  # noqa: BLE001 - what is being carried goes on
            tell_bug("worker.bug", error, destination=name)
            return False
        return True

    async def turn(self) -> int:
        """Look after the destination's health, then start what may be started; tell how many."""
        await self._watch.look()
        started = 0
        while (free := self._free()) > 0:
            taken = await self._claim(free)
            if not taken:
                break
            started += taken
        return started

    async def idle(self) -> None:
        """Wait until nothing is being carried."""
        while self._carrying:
            await asyncio.wait(self._carrying)

    def _free(self) -> int:
        """Tell how many may be claimed; what hangs and counts no more still takes room."""
        places = self._watch.places(self._carrying.values())
        return min(places, self._rules.most_carried - len(self._carrying))

    async def _claim(self, free: int) -> int:
        now, name = self._world.now(), self._destination.name
        await self._keep_what_is_carried(now)
        ignore_delay = await self._hurried()
        queue = self._world.queue
        waiting = await queue.waiting(name, now=now, ignore_delay=ignore_delay)
        self._verdicts.waiting(waiting)
        ready, taken = self._brakes.ready(waiting, now=now), 0
        for submitter in self._turns.order(ready)[:free]:
            share = max(1, (free - taken) // len(ready))
            parcels = await queue.claim(
                name,
                submitter,
                now=now,
                until=now + self._rules.lease,
                limit=self._brakes.limit(submitter, share, now=now),
                ignore_delay=ignore_delay,
            )
            if parcels:
                self._brakes.went(submitter, now=now)
            for parcel in parcels:
                size = parcel.upload.size
                self._turns = self._turns.charge(submitter, size, waiting=waiting)
                self._start(parcel, now)
            taken += len(parcels)
        return taken

    async def _keep_what_is_carried(self, now: datetime) -> None:
        """Prolong own leases that ran out while the process was frozen, or the clock was moved.

        Else this worker would claim, and carry twice at once, what it carries already.
        """
        for lease in tuple(self._leases):
            if lease.delivery.due_at <= now:
                with suppress(LeaseLost):
                    await lease.renew()

    async def _hurried(self) -> bool:
        if self._world.expedite_when_down is None:
            return False
        health = await self._world.destinations.health(self._world.expedite_when_down)
        return health is not None and health.stalled

    def _start(self, parcel: ClaimedDelivery, claimed_at: datetime) -> None:
        hear = partial(self._watch.heard, claimed_at=claimed_at)
        overdue = ResponseTimer(hear, self._rules.slow_after, self._rules.silent_after)
        lease = Lease(
            parcel.delivery,
            self._world.queue,
            term=self._rules.lease,
            settle=self._rules.settle,
            now=self._world.now,
            timer=overdue,
        )
        self._leases.add(lease)
        attending = self._attend(parcel, lease, overdue=overdue, hear=hear)
        task = asyncio.create_task(attending, name=f"carry {parcel.delivery.id}")
        self._carrying[task] = claimed_at
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._carrying[task]
        self._wake.set()

    async def _attend(
        self, parcel: ClaimedDelivery, lease: Lease, *, overdue: ResponseTimer, hear: Hear
    ) -> None:
        try:
            event, sign = await carry_leased(
                parcel,
                lease,
                destination=self._destination,
                archive=self._world.archive,
                renew_every=self._rules.lease / 3,
            )
            await self._keep_outcome(lease, event)
            heard = self._verdicts.sign(sign, parcel.delivery)
            if heard is not None and not overdue.told:
                await hear(heard)
        except LeaseLost:
            log.warning("delivery.lease_lost", delivery=parcel.delivery.id)
        except TitipError as error:
            log.error("delivery.unrecorded", delivery=parcel.delivery.id, reason=str(error))
        except Exception as error:  # noqa: BLE001 - one delivery's trouble, never the worker's
            tell_bug("delivery.unrecorded", error, delivery=parcel.delivery.id)
        finally:
            self._leases.discard(lease)
            overdue.end()

    async def _keep_outcome(self, lease: Lease, event: DeliveryEvent) -> None:
        """Record how it ended; where that cannot be kept, that it ended.

        A row that stayed active would be carried again each time its lease ran out.
        """
        try:
            now = self._world.now()
            judged = self._verdicts.event(event, lease.delivery, now=now)
            run = self._brakes.run_of(judged, lease.delivery, now=now)
            await self._record(lease, judged, run=run)
            await self._brakes.settle(judged, lease.delivery, now=now)
        except (LeaseLost, StorageFull):
            raise
        except Exception as error:  # noqa: BLE001 - of whatever kind, the row must not stay so
            tell_bug("delivery.outcome_unfit", error, delivery=lease.delivery.id)
            reason = f"its outcome could not be recorded ({kind_of(error)})"
            await self._record(lease, failed(lease, reason))

    async def _record(self, lease: Lease, event: DeliveryEvent, *, run: str = "") -> None:
        now, before = self._world.now(), lease.delivery
        if isinstance(event, UnknownEvent):
            # Whoever said so told nothing of the whole body's leaving.
            if not before.maybe_delivered:
                lease.doubted(Doubt.UNHEARD)
                before = lease.delivery
            event = replace(event, settle=lease.settles_in())
        after = advance(before, event, now=now, policy=self._rules.retry, rng=self._world.rng)
        await self._world.queue.record(before, after, now=now, run=run)
        tell = log.warning if after.state is DeliveryState.PARKED else log.info
        tell(
            f"delivery.{after.state}",
            upload=after.upload,
            destination=after.destination,
            attempt=after.attempts,
            due_at=after.due_at.isoformat() if after.state.waiting else None,
            reason=after.reason,  # and not its detail: others' words may name a person
        )

    async def _rest(self, stopping: asyncio.Event, failures: int = 0) -> None:
        """Wait for work, or for the next poll; after failures longer each time, and for no work."""
        waits = {asyncio.ensure_future(stopping.wait())}
        if not failures:
            waits.add(asyncio.ensure_future(self._wake.wait()))
        seconds = self._rules.poll.total_seconds() * 2 ** min(failures, 16)
        try:
            await asyncio.wait(
                waits,
                timeout=min(seconds, max(self._rules.poll, CEILING).total_seconds()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for wait in waits:
                wait.cancel()

    async def _finish(self) -> None:
        await self._watch.close()
        if self._carrying:
            await asyncio.wait(self._carrying, timeout=self._rules.grace.total_seconds())
        for task in tuple(self._carrying):
            task.cancel()
        if self._carrying:
            await asyncio.wait(self._carrying, timeout=BREAK_OFF.total_seconds())
        for task in self._carrying:
            log.error(
                "delivery.not_ended", destination=self._destination.name, task=task.get_name()
            )
