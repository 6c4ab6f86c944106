"""The health of one destination as its worker sees it: events in, places out, noted for all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from sync.containment import Contained, ended, tell_bug
from titip.errors import TitipError
from titip.health import (
    Circuit,
    CooledOff,
    Health,
    HealthEvent,
    advance,
    available_slots,
    cooled_off,
    counts,
)
from titip.retry import LONGEST_ASKED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime, timedelta
    from random import Random

    from titip.health import HealthPolicy
    from titip.ports.delivery import Destination, DestinationStore

log = structlog.get_logger()

BRIEF: Final = 0.1
"""Seconds that a turn waits for a probe: most answer by then, and the others go on beside it."""


class HealthMonitor:
    """Keeps one destination's health and asks after it while it is ill."""

    def __init__(
        self,
        destination: Destination,
        standings: DestinationStore,
        *,
        policy: HealthPolicy,
        probe_every: timedelta,
        now: Callable[[], datetime],
        rng: Random,
    ) -> None:
        """Watch this destination; `load` before anything else."""
        self._destination = Contained(destination)
        self._destinations = standings
        self._policy = policy
        self._probe_every = probe_every
        self._now = now
        self._rng = rng
        self.health = Health(since=now())
        """What is known now."""
        self._probed_at: datetime | None = None
        self._wanted = False
        self._probing: asyncio.Task[None] | None = None

    async def load(self) -> None:
        """Take up what was known before a restart; an illness does not end by restarting."""
        kept = await self._destinations.health(self._destination.name) or self.health
        within = replace(kept, window=min(kept.window, float(self._policy.max_window)))
        self.health = _as_of(self._now(), within, longest=self._policy.cool_off_ceiling)

    def places(self, claims: Iterable[datetime]) -> int:
        """Tell how many deliveries may be claimed beside those claimed then and still carried."""
        in_flight = sum(counts(self.health, claimed_at=claimed_at) for claimed_at in claims)
        return available_slots(self.health, in_flight=in_flight)

    async def heard(self, event: HealthEvent, *, claimed_at: datetime) -> None:
        """Take in what a delivery claimed then has found."""
        if counts(self.health, claimed_at=claimed_at):
            await self.note(event)

    async def note(self, event: HealthEvent) -> None:
        """Take in what was found now."""
        before = self.health
        if isinstance(event, CooledOff) and before.circuit is not Circuit.OPEN:
            return
        now = self._now()
        after = advance(before, event, now=now, policy=self._policy, rng=self._rng)
        self.health = after
        if after.circuit is not before.circuit:
            self._tell(before, after)
        if _worth_noting(before, after):
            await self._destinations.note(self._destination.name, after)

    async def look(self) -> None:
        """Ask after an ill destination when that is due; let a trial file go once it has rested.

        Whoever answers late is not waited for: what it says counts when it says it.
        """
        name = self._destination.name
        self._wanted = await self._destinations.probe_wanted(name) or self._wanted
        if self._probing is not None and not self._probing.done():
            return
        is_due = self.health.circuit is Circuit.OPEN and self._due()
        if not self._wanted and not is_due:
            return
        self._probed_at = self._now()
        asking = self._ask(operator=self._wanted)
        self._wanted = False
        self._probing = asyncio.create_task(asking, name=f"probe {name}")
        await asyncio.wait({self._probing}, timeout=BRIEF)

    async def close(self) -> None:
        """Ask no more; an answer that is still to come is not waited for."""
        if self._probing is not None and not self._probing.done():
            await ended(self._probing, within=BRIEF)

    async def _ask(self, *, operator: bool) -> None:
        try:
            well = await self._destination.probe()
            if operator:
                log.info("destination.probed", destination=self._destination.name, healthy=well)
            rested = cooled_off(self.health, now=self._now(), probed_well=well)
            if rested or (operator and well):
                await self.note(CooledOff())
        except TitipError as error:
            log.error("health.unnoted", destination=self._destination.name, reason=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, a probe ends nothing
            tell_bug("probe.bug", error, destination=self._destination.name)

    def _due(self) -> bool:
        return self._probed_at is None or self._now() >= self._probed_at + self._probe_every

    def _tell(self, before: Health, after: Health) -> None:
        tell = log.warning if after.circuit is Circuit.OPEN else log.info
        tell(
            f"circuit.{after.circuit}",
            destination=self._destination.name,
            before=before.circuit.value,
            until=None if after.until is None else after.until.isoformat(),
            reason=after.reason,
        )


def _as_of(now: datetime, health: Health, *, longest: timedelta) -> Health:
    """Mend times that only a clock that was ahead can have noted.

    Else a circuit would stay open for as long, and nothing claimed before its `since` would count.
    """
    since = min(health.since, now)
    if health.until is None:
        return replace(health, since=since)
    return replace(health, since=since, until=min(health.until, now + max(longest, LONGEST_ASKED)))


def _worth_noting(before: Health, after: Health) -> bool:
    return (
        after.circuit is not before.circuit
        or after.until != before.until
        or int(after.window) != int(before.window)
        or (after.bad_streak == 0) != (before.bad_streak == 0)
    )
