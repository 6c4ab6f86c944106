"""A destination's health: trouble there is one fact, not ten thousand failures.

The circuit tells whether anything may be claimed at all, the window how many deliveries may be
carried at once. Closing starts at a window of one and grows: doubling up to the size that last
proved too much, by one per full window above it (TCP's slow start and congestion avoidance; a
registry that just came back meets no stampede).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, assert_never

from titip.errors import IllegalEvent
from titip.retry import respecting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from random import Random

FAILED_COHORT: Final = 5
"""So many bad answers in a row mean illness however large the window (Envoy's ejection rule)."""

SHRINK: Final = 0.7
"""What a push-back leaves of the window (between Netflix's 0.9 and TCP's 0.5)."""

PROBE_VETO_LIMIT: Final = timedelta(minutes=10)
"""So long after the rest a probe may say no before a trial file goes all the same: it may be the
probe's address that is wrong, and one file more harms no registry."""

EARLY_CLOSE_LIMIT: Final = 3
"""After so many failed trial files a good probe no longer shortens the cool-off: it may lie."""


class Circuit(StrEnum):
    """Whether a destination may be tried."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """How soon a destination counts as ill and how fast it is trusted again."""

    slow_after: timedelta = timedelta(seconds=30)
    max_window: int = 8
    cool_off: timedelta = timedelta(seconds=5)
    cool_off_ceiling: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        """Refuse a policy under which nothing would ever be claimed, or a rest would be none."""
        if self.max_window < 1:
            raise ValueError("health.max_window must be at least 1; pause a destination to stop it")
        if not timedelta(0) < self.cool_off <= self.cool_off_ceiling:
            raise ValueError("health.cool_off must be above zero and not above its ceiling")
        if self.slow_after <= timedelta(0):
            raise ValueError("health.slow_after must be above zero")


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one destination; a value that lives in the journal.

    `since` is when the circuit last changed, `asked` that the destination itself named `until`.
    """

    since: datetime
    circuit: Circuit = Circuit.CLOSED
    window: float = 1.0
    threshold: float = math.inf
    bad_streak: int = 0
    openings: int = 0
    until: datetime | None = None
    asked: bool = False
    reason: str = ""

    @property
    def stalled(self) -> bool:
        """Tell whether the destination is not to be relied on now."""
        return self.circuit is not Circuit.CLOSED


@dataclass(frozen=True, slots=True)
class Good:
    """It answered as it should, in good time."""


@dataclass(frozen=True, slots=True)
class Bad:
    """It was too slow, failed, or asked for time (`retry_after`); `outage`: one sign is enough."""

    reason: str
    retry_after: timedelta | None = None
    outage: bool = False


@dataclass(frozen=True, slots=True)
class CooledOff:
    """Its rest is over: one trial file may go."""


HealthEvent = Good | Bad | CooledOff

ALLOWED: Final[Mapping[Circuit, Mapping[type[HealthEvent], frozenset[Circuit]]]] = {
    Circuit.CLOSED: {
        Good: frozenset({Circuit.CLOSED}),
        Bad: frozenset({Circuit.CLOSED, Circuit.OPEN}),
    },
    Circuit.OPEN: {
        Good: frozenset({Circuit.OPEN}),
        Bad: frozenset({Circuit.OPEN}),
        CooledOff: frozenset({Circuit.HALF_OPEN}),
    },
    Circuit.HALF_OPEN: {
        Good: frozenset({Circuit.CLOSED}),
        Bad: frozenset({Circuit.OPEN}),
    },
}


def advance(
    health: Health,
    event: HealthEvent,
    *,
    now: datetime,
    policy: HealthPolicy,
    rng: Random,
) -> Health:
    """Give the health after the event; raises IllegalEvent where the table has no step.

    While the circuit is open, late answers of deliveries already under way change nothing but
    the rest that the destination asks for.
    """
    if type(event) not in ALLOWED[health.circuit]:
        raise IllegalEvent(f"a circuit that is {health.circuit} cannot cool off")
    match event:
        case CooledOff():
            return replace(health, circuit=Circuit.HALF_OPEN, since=now, until=None)
        case Good():
            return _well(health, now=now, policy=policy)
        case Bad():
            return _ill(health, event, now=now, policy=policy, rng=rng)
        case _ as never:
            assert_never(never)


def counts(health: Health, *, claimed_at: datetime) -> bool:
    """Tell whether a delivery claimed then says anything of the destination as it is now.

    What was claimed before a stall is a straggler after it: neither the trial file nor in its way.
    """
    return health.circuit is Circuit.OPEN or claimed_at >= health.since


def available_slots(health: Health, *, in_flight: int) -> int:
    """Tell how many more deliveries may be claimed now: one trial file when half open."""
    most = {Circuit.OPEN: 0, Circuit.HALF_OPEN: 1, Circuit.CLOSED: int(health.window)}
    return max(0, most[health.circuit] - in_flight)


def cooled_off(health: Health, *, now: datetime, probed_well: bool | None) -> bool:
    """Tell whether an open circuit may let its trial file go.

    `probed_well` is the last probe's word, None where there is no probe. A good probe ends the rest
    early, unless the destination itself asked for it or keeps promising what the trial files do not
    find; a bad one prolongs it, but not for ever.
    """
    if health.circuit is not Circuit.OPEN:
        return False
    until = health.until or health.since
    if probed_well is False:
        return now >= until + PROBE_VETO_LIMIT
    early = probed_well is True and not health.asked and health.openings <= EARLY_CLOSE_LIMIT
    return early or now >= until


def _well(health: Health, *, now: datetime, policy: HealthPolicy) -> Health:
    match health.circuit:
        case Circuit.OPEN:
            return health
        case Circuit.HALF_OPEN:
            return replace(
                health,
                circuit=Circuit.CLOSED,
                since=now,
                reason="",
                window=1.0,
                bad_streak=0,
                openings=0,
            )
        case Circuit.CLOSED:
            step = 1.0 if health.window < health.threshold else 1.0 / health.window
            window = min(float(policy.max_window), health.window + step)
            return replace(health, window=window, bad_streak=0)
        case _ as never:
            assert_never(never)


def _ill(
    health: Health,
    event: Bad,
    *,
    now: datetime,
    policy: HealthPolicy,
    rng: Random,
) -> Health:
    if health.circuit is Circuit.OPEN:
        return _rested(health, event, now)
    if health.circuit is Circuit.CLOSED:
        limit = min(FAILED_COHORT, int(health.window))
        health = _weakened(health, event)
        at_once = event.outage or event.retry_after is not None
        if not at_once and health.bad_streak < limit:
            return health
    doublings = min(health.openings, 16)
    longest = min(policy.cool_off * (1 << doublings), policy.cool_off_ceiling)
    rest = respecting(longest * rng.uniform(0.5, 1.0), event.retry_after)
    return replace(
        health,
        circuit=Circuit.OPEN,
        openings=health.openings + 1,
        bad_streak=0,
        since=now,
        until=now + rest,
        asked=event.retry_after is not None,
        reason=event.reason,
    )


def _weakened(health: Health, event: Bad) -> Health:
    shrunk = max(1.0, health.window * SHRINK)
    streak = health.bad_streak + 1
    return replace(health, bad_streak=streak, window=shrunk, threshold=shrunk, reason=event.reason)


def _rested(health: Health, event: Bad, now: datetime) -> Health:
    if event.retry_after is None or health.until is None:
        return health
    asked = now + respecting(timedelta(0), event.retry_after)
    return replace(health, until=max(health.until, asked), asked=True)
