"""A delivery: one upload owed to one destination, and the only ways it can go on.

The table `ALLOWED` is the whole machine; `advance` is the only function that takes a step.

- `due_at` means "look at this again then": the next try of a waiting row, the lease's end of an
  active one. New work, retries and crash recovery are one question.
- `attempts` is the fencing number. Every claim adds one, every later write says "where attempts
  is mine": a worker that lost its lease changes no row.
- `maybe_delivered` means that an attempt may have had its effect although nothing shows it, from
  the moment its whole body had left, whatever was answered: nothing is sent again before a look-up
  at the destination, or a person, has ended the doubt. `doubt_since` is when it began, `settles_at`
  from when on "it is not there" may be believed: until then a registry may still be at work.
- `absences` counts how often a look-up ended a doubt with "it is not there".
- `from_backup` means that it comes from a backup, or was sent to another place, and attempts that
  nothing here tells of may have had their effect: a checkpoint, or that there is none, proves
  nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NewType, assert_never

from titip.errors import IllegalEvent
from titip.evidence import Doubt, Evidence
from titip.retry import respecting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from random import Random

    from titip.retry import RetryPolicy
    from titip.upload import Upload, UploadId

DeliveryId = NewType("DeliveryId", str)

REGISTRY: Final = "registry"
MIRROR: Final = "mirror"
DESTINATIONS: Final = (REGISTRY, MIRROR)


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    QUEUED = "queued"
    ACTIVE = "active"
    DEFERRED = "deferred"
    VERIFY = "verify"
    PARKED = "parked"
    DELIVERED = "delivered"
    SKIPPED = "skipped"

    @property
    def waiting(self) -> bool:
        """Tell whether a worker may claim it once it is due."""
        return self in {DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.VERIFY}

    @property
    def owed(self) -> bool:
        """Tell whether the destination still has something to receive."""
        return self not in {DeliveryState.DELIVERED, DeliveryState.SKIPPED}


class ParkedFor(StrEnum):
    """What a parked delivery waits for a person for."""

    NOTHING = ""
    REJECTED = "rejected"
    DAMAGED = "damaged"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the queue; times are aware UTC."""

    id: DeliveryId
    upload: UploadId
    destination: str
    submitter: str
    due_at: datetime
    queued_at: datetime
    state: DeliveryState = DeliveryState.QUEUED
    attempts: int = 0
    trouble_since: datetime | None = None
    maybe_delivered: Doubt = Doubt.NONE
    checkpoint: str = ""
    locator: str = ""
    reason: str = ""
    ended_at: datetime | None = None
    from_backup: bool = False
    doubt_since: datetime | None = None
    settles_at: datetime | None = None
    absences: int = 0
    evidence: Evidence = Evidence.NONE
    detail: str = ""
    """The destination's own words, for operators alone: they may name a person."""
    parked_for: ParkedFor = ParkedFor.NOTHING

    @property
    def wants_bytes(self) -> bool:
        """Tell whether it was parked because the spool lost or changed the bytes."""
        return self.parked_for is ParkedFor.DAMAGED


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A claimed delivery with the upload it carries."""

    delivery: Delivery
    upload: Upload


@dataclass(frozen=True, slots=True)
class ClaimedEvent:
    """A worker took it until `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class SucceededEvent:
    """The destination has it; `locator` tells where, `evidence` what shows it."""

    locator: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class RejectedEvent:
    """The destination will never take this file as it is, or only a person can go on.

    `alike` is equal for refusals of one cause, "" where the cause is this file's own.
    """

    reason: str
    detail: str = ""
    alike: str = ""


@dataclass(frozen=True, slots=True)
class DamagedEvent:
    """The spool does not hold the sealed bytes any more: nothing goes out until it does."""

    reason: str


@dataclass(frozen=True, slots=True)
class MovedEvent:
    """It may have arrived where its destination was; another place is asked by a person alone."""

    reason: str


@dataclass(frozen=True, slots=True)
class FailedEvent:
    """This attempt failed, by the file's or the path's own trouble."""

    reason: str
    retry_after: timedelta | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class PostponedEvent:
    """The destination was unavailable, or Titip stopped: nothing is held against this delivery."""

    reason: str
    at_once: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """The whole body had left, and neither the answer nor a look-up tells what became of it.

    `settle`: so long the destination may still be at work on it, and an earlier look for it
    would take "not yet" for "never".
    """

    reason: str
    settle: timedelta = timedelta(0)
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RequeuedEvent:
    """An operator mended the cause and sends it again.

    `confirmed_absent`: they looked, and an earlier attempt whose answer was lost had no effect.
    """

    confirmed_absent: bool = False


@dataclass(frozen=True, slots=True)
class SkippedEvent:
    """A mirror that is no longer needed, since the registry has the file."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An operator entered the file by hand; `locator` is the registry's reference.

    For the registry alone: a mirror's copy is Titip's own, and counts for its digest.
    """

    locator: str


DeliveryEvent = (
    ClaimedEvent
    | SucceededEvent
    | RejectedEvent
    | DamagedEvent
    | MovedEvent
    | FailedEvent
    | PostponedEvent
    | UnknownEvent
    | RequeuedEvent
    | SkippedEvent
    | RecordedEvent
)

_Trouble = FailedEvent | PostponedEvent | UnknownEvent

_S = DeliveryState

ALLOWED: Final[Mapping[DeliveryState, Mapping[type[DeliveryEvent], DeliveryState]]] = {
    _S.QUEUED: {
        ClaimedEvent: _S.ACTIVE,
        MovedEvent: _S.PARKED,
        SkippedEvent: _S.SKIPPED,
        RequeuedEvent: _S.QUEUED,
        RecordedEvent: _S.DELIVERED,
    },
    _S.ACTIVE: {
        ClaimedEvent: _S.ACTIVE,
        MovedEvent: _S.PARKED,
        SucceededEvent: _S.DELIVERED,
        RejectedEvent: _S.PARKED,
        DamagedEvent: _S.PARKED,
        FailedEvent: _S.DEFERRED,
        PostponedEvent: _S.DEFERRED,
        UnknownEvent: _S.VERIFY,
    },
    _S.DEFERRED: {
        ClaimedEvent: _S.ACTIVE,
        MovedEvent: _S.PARKED,
        SkippedEvent: _S.SKIPPED,
        RequeuedEvent: _S.QUEUED,
        RecordedEvent: _S.DELIVERED,
    },
    _S.VERIFY: {
        ClaimedEvent: _S.ACTIVE,
        MovedEvent: _S.PARKED,
        RequeuedEvent: _S.VERIFY,
        RecordedEvent: _S.DELIVERED,
    },
    _S.PARKED: {MovedEvent: _S.PARKED, RequeuedEvent: _S.QUEUED, RecordedEvent: _S.DELIVERED},
    _S.DELIVERED: {RecordedEvent: _S.DELIVERED},
    _S.SKIPPED: {RequeuedEvent: _S.QUEUED},
}


_PARKS: Final[Mapping[type[DeliveryEvent], ParkedFor]] = {
    RejectedEvent: ParkedFor.REJECTED,
    DamagedEvent: ParkedFor.DAMAGED,
    MovedEvent: ParkedFor.MOVED,
}


def advance(
    delivery: Delivery,
    event: DeliveryEvent,
    *,
    now: datetime,
    policy: RetryPolicy,
    rng: Random,
) -> Delivery:
    """Give the delivery after the event; raises IllegalEvent where the table has no step."""
    moved = replace(
        delivery,
        state=_next_state(delivery, event),
        parked_for=_PARKS.get(type(event), ParkedFor.NOTHING),
    )
    match event:
        case ClaimedEvent(until):
            claimed = replace(moved, due_at=until, attempts=delivery.attempts + 1)
            return _doubted(claimed) if delivery.state is DeliveryState.ACTIVE else claimed
        case SucceededEvent() | RecordedEvent():
            return _arrived(moved, event, now=now)
        case RejectedEvent() | DamagedEvent() | MovedEvent():
            return replace(_told(moved, event), due_at=now)
        case FailedEvent() | PostponedEvent() | UnknownEvent():
            return _troubled(_told(moved, event), event, now=now, policy=policy, rng=rng)
        case RequeuedEvent(confirmed_absent):
            return _requeued(moved, confirmed_absent=confirmed_absent, now=now)
        case SkippedEvent():
            return replace(moved, ended_at=now, reason="the registry has it", detail="")
        case _ as never:
            assert_never(never)


def _next_state(delivery: Delivery, event: DeliveryEvent) -> DeliveryState:
    if isinstance(event, RecordedEvent) and delivery.destination != REGISTRY:
        raise IllegalEvent(
            "only what a person brought into the registry can be recorded, not a copy on the "
            f"{delivery.destination}; to have that made: titip resync {delivery.id}",
        )
    to = ALLOWED[delivery.state].get(type(event))
    if to is None or delivery.evidence.enough:
        what = type(event).__name__.removesuffix("Event").lower()
        raise IllegalEvent(f"a delivery that is {delivery.state} cannot be {what}")
    return to


def _arrived(
    delivery: Delivery, event: SucceededEvent | RecordedEvent, *, now: datetime
) -> Delivery:
    evidence = event.evidence if isinstance(event, SucceededEvent) else Evidence.PERSON
    return replace(
        _vouched(_told(delivery, None)),
        locator=event.locator,
        ended_at=now,
        checkpoint="",
        evidence=evidence,
    )


def _requeued(delivery: Delivery, *, confirmed_absent: bool, now: datetime) -> Delivery:
    """Send it again; why it is in doubt stays the reason until that has ended."""
    fresh = replace(delivery, due_at=now, trouble_since=None, ended_at=None, absences=0)
    if confirmed_absent:
        return replace(_vouched(_told(fresh, None)), state=DeliveryState.QUEUED)
    return fresh if delivery.maybe_delivered else _told(fresh, None)


def _told(
    delivery: Delivery, event: RejectedEvent | DamagedEvent | MovedEvent | _Trouble | None
) -> Delivery:
    """Keep what was said of the trouble; None: nothing of it counts any more."""
    if event is None:
        return replace(delivery, reason="", detail="")
    if isinstance(event, DamagedEvent):
        return replace(delivery, reason=f"damaged: {event.reason}", detail="")
    if isinstance(event, MovedEvent):
        return replace(_doubted(delivery), from_backup=True, reason=event.reason)
    return replace(delivery, reason=event.reason, detail=event.detail)


def _doubted(delivery: Delivery) -> Delivery:
    return replace(delivery, maybe_delivered=max(delivery.maybe_delivered, Doubt.UNHEARD))


def _vouched(delivery: Delivery) -> Delivery:
    return replace(
        delivery, maybe_delivered=Doubt.NONE, from_backup=False, doubt_since=None, settles_at=None
    )


def _troubled(
    delivery: Delivery,
    event: _Trouble,
    *,
    now: datetime,
    policy: RetryPolicy,
    rng: Random,
) -> Delivery:
    if isinstance(event, PostponedEvent) and event.at_once:
        return replace(delivery, due_at=now)
    since = delivery.trouble_since or now
    wait = policy.wait(now - since, rng)
    if isinstance(event, UnknownEvent):
        delivery = _doubted(delivery)
        wait = max(wait, event.settle)
    if isinstance(event, FailedEvent):
        wait = respecting(wait, event.retry_after)
    return replace(delivery, trouble_since=since, due_at=now + wait)
