"""What `titip status` says: the journal's numbers as sentences, and what there is to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cli.output import age, clock, sentence
from titip.delivery import MIRROR, REGISTRY, DeliveryState
from titip.health import PROBE_VETO_LIMIT, Circuit
from titip.text import amount, count
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from titip.health import Health
    from titip.ports.operations import DestinationStatus, Totals
    from titip.ports.storage import DiskSpace


@dataclass(frozen=True, slots=True)
class StatusContext:
    """What the settings and the machine say, as far as it matters here."""

    by_hand: bool
    mirror_wanted: bool
    gateway_runs: bool
    sync_runs: bool
    reserve: int
    registry_asked: bool = False
    reserved: bool = True
    troubles: tuple[str, ...] = ()
    clock: str = ""


@dataclass(frozen=True, slots=True)
class DestinationLine:
    """One destination: its numbers, and how it is in words."""

    name: str
    waiting: int
    in_progress: int
    delivered: int
    parked: int
    skipped: int
    oldest: str
    condition: str
    well: bool


@dataclass(frozen=True, slots=True)
class StatusView:
    """The whole screen."""

    headline: str
    kept: str
    lines: list[DestinationLine]
    todo: list[str] = field(default_factory=list)
    alarm: str = ""


def build_status(
    totals: Totals, room: DiskSpace, *, how: StatusContext, now: datetime
) -> StatusView:
    """Say how things stand and what is to be done about it."""
    standings = {one.name: one for one in totals.destinations}
    lines = [
        _line(one, how=how, now=now)
        for one in totals.destinations
        if one.name == REGISTRY or how.mirror_wanted or any(one.counts.values())
    ]
    return StatusView(
        headline=_headline(standings, how=how, now=now),
        kept=_kept(totals, room),
        lines=lines,
        todo=[*_repairs(totals), *_todo(standings, lines, room, how), *_unclosed(totals)]
        or ["Nothing to do."],
        alarm=_alarm(totals),
    )


def condition(standing: DestinationStatus, *, how: StatusContext, now: datetime) -> str:
    """Say in plain words how a destination is."""
    if standing.paused:
        return "paused by an operator: nothing is sent"
    if standing.name == REGISTRY and how.by_hand:
        return "none is configured: operators enter the files by hand"
    if standing.health is None:
        return "not tried yet"
    said = _health(standing.health, now, asked=standing.name == MIRROR or how.registry_asked)
    first = min(standing.brakes.refusing.values(), key=lambda run: run.since, default=None)
    if first is None:
        return said
    return f"refuses files since {clock(first.since, now=now)} ({first.reason}); {said}"


def _health(health: Health, now: datetime, *, asked: bool) -> str:
    reason = f" ({health.reason})" if health.reason else ""
    since = clock(health.since, now=now)
    match health.circuit:
        case Circuit.CLOSED:
            if health.bad_streak:
                return f"failing now and then{reason}; {int(health.window):,} at once"
            return f"healthy; {int(health.window):,} at once"
        case Circuit.OPEN:
            return f"stalled since {since}{reason}; {_next_try(health, now, asked=asked)}"
        case Circuit.HALF_OPEN:
            return f"recovering since {since}: the next file that is due is tried alone"


def _next_try(health: Health, now: datetime, *, asked: bool) -> str:
    until = health.until or health.since
    if until <= now and asked:
        latest = clock(until + PROBE_VETO_LIMIT, now=now)
        return f"asked often whether it is well: a file is tried then, or at {latest} all the same"
    if until <= now:
        return "the next file that is due is tried"
    return f"next try in {age(until - now + timedelta(seconds=1))}"


def _headline(standings: dict[str, DestinationStatus], *, how: StatusContext, now: datetime) -> str:
    registry = standings.get(REGISTRY)
    if how.by_hand:
        return "Files are taken in and kept; no registry is configured."
    if registry is None:
        return "Nothing is known of the registry."
    said = f"The registry: {condition(registry, how=how, now=now)}."
    if registry.paused or registry.health is None or not registry.health.stalled:
        return said
    return f"{said} {_meanwhile(standings.get(MIRROR), how)}"


def _meanwhile(mirror: DestinationStatus | None, how: StatusContext) -> str:
    """Say where the files are while the registry is stalled; one copy is less than two."""
    if not how.mirror_wanted:
        return "Nothing is lost: files are kept here until it is back."
    health = None if mirror is None else mirror.health
    ill = health is not None and health.stalled
    if ill or (mirror is not None and mirror.paused) or not how.sync_runs:
        return "Files are kept, but here alone: nothing is being mirrored now."
    if health is not None and health.bad_streak:
        return "Files are kept, but the mirror has trouble: see below."
    if mirror is None or not mirror.counts.get(DeliveryState.DELIVERED):
        return "Files are kept here; none of them is mirrored yet."
    return "Nothing is lost: files are being mirrored until it is back."


def _kept(totals: Totals, room: DiskSpace) -> str:
    sealed = totals.uploads.get(UploadState.SEALED, 0) - totals.freed
    still_open = totals.uploads.get(UploadState.OPEN, 0)
    text = f"{count(sealed, 'file')} kept ({amount(totals.sealed_bytes)})"
    if still_open:
        text += f"; {still_open:,} still being handed in ({amount(totals.open_bytes)} to come)"
    if totals.unclosed:
        text += _fully_received(totals.unclosed)
    if totals.freed:
        text += f"; {totals.freed:,} delivered and freed"
    return f"{text}. Free on the disk: {amount(room.free)}."


def _fully_received(number: int) -> str:
    verb = "is" if number == 1 else "are"
    whose = (
        "its sender has not completed it"
        if number == 1
        else "their senders have not completed them"
    )
    return f"; {number:,} {verb} fully received, but {whose}"


def _alarm(totals: Totals) -> str:
    if not totals.damaged:
        return ""
    verb = "is" if totals.damaged == 1 else "are"
    return (
        f"{count(totals.damaged, 'kept file')} {verb} DAMAGED: what is on the disk is not what "
        "was sealed. It is not delivered so."
    )


def _repairs(totals: Totals) -> Iterator[str]:
    if totals.damaged:
        yield (
            "Look at the disk (the kernel's log), then titip repair --all: it puts back what the "
            "mirror has, and says what to do for the rest."
        )


def _unclosed(totals: Totals) -> Iterator[str]:
    if totals.unclosed:
        yield (
            "titip uploads --state open: what stands at 100% is not delivered before its sender "
            "says that it is over. If that has given up, hand the file in again."
        )


def _line(standing: DestinationStatus, *, how: StatusContext, now: datetime) -> DestinationLine:
    counts = standing.counts
    health = standing.health
    return DestinationLine(
        name=standing.name,
        waiting=sum(number for state, number in counts.items() if state.waiting),
        in_progress=counts.get(DeliveryState.ACTIVE, 0),
        delivered=counts.get(DeliveryState.DELIVERED, 0),
        parked=counts.get(DeliveryState.PARKED, 0),
        skipped=counts.get(DeliveryState.SKIPPED, 0),
        oldest="" if standing.oldest_owed is None else age(now - standing.oldest_owed),
        condition=condition(standing, how=how, now=now) + _in_doubt(standing),
        well=not (
            standing.paused or standing.brakes.refusing or (health is not None and health.stalled)
        ),
    )


def _in_doubt(standing: DestinationStatus) -> str:
    """Say how many may be there already, in whatever state they wait."""
    number = f"{standing.maybe_delivered:,}" if standing.maybe_delivered else ""
    return number and f"; {number} of what is owed may be there already"


def _todo(
    standings: dict[str, DestinationStatus],
    lines: list[DestinationLine],
    room: DiskSpace,
    how: StatusContext,
) -> Iterator[str]:
    for trouble in how.troubles:
        yield f"The storage failed, nothing is taken in until a restart: {trouble}."
    if how.clock:
        yield sentence(how.clock)
    if not how.gateway_runs:
        yield "No gateway runs on this data folder: start titip serve."
    if not how.sync_runs and any(line.waiting for line in lines):
        yield "No sync daemon runs on this data folder: nothing is passed on. Start titip serve."
    if not how.reserved:
        yield (
            "The disk was full: files are refused until the journal's own room is reserved again, "
            "by itself. Make room."
        )
    elif room.free - room.promised < how.reserve:
        yield f"The disk is nearly full: files are refused below {amount(how.reserve)}. Make room."
    for line in lines:
        yield from _todo_of(line, standings[line.name], how)


def _todo_of(
    line: DestinationLine, standing: DestinationStatus, how: StatusContext
) -> Iterator[str]:
    name = line.name
    if standing.paused:
        yield f"The {name} is paused: titip resume {name} when it may receive again."
    if name == REGISTRY and how.by_hand:
        yield from _by_hand(line, standing)
    else:
        yield from _attention(line, standing)
    yield from _refused(line, standing)
    if name == MIRROR and not standing.paused and not line.well:
        yield "The mirror itself is in trouble: titip check says what to fix."


def _by_hand(line: DestinationLine, standing: DestinationStatus) -> Iterator[str]:
    """Say what is to be entered by hand: nothing goes by itself, whatever state it is in."""
    if not (number := line.waiting + line.in_progress + line.parked):
        return
    text = (
        f"{count(number, 'file')} to be entered by hand: titip deliveries --to registry, "
        "then titip delivered ID --reference R for each."
    )
    if doubted := standing.maybe_delivered:
        text += f" {doubted:,} of these may be there already: look there first (the list marks it)."
    if line.parked:
        text += f" {line.parked:,} of these did not get in before: --parked says why."
    yield text


def _attention(line: DestinationLine, standing: DestinationStatus) -> Iterator[str]:
    """Say what of one destination needs attention, and what to do about it."""
    name = line.name
    if line.parked:
        verb = "needs" if line.parked == 1 else "need"
        yield (
            f"{count(line.parked, 'file')} for the {name} {verb} attention: titip deliveries "
            f"--parked --to {name} says why; fix that, then titip resync --parked --to {name}."
        )
    if standing.moved:
        verb = "was" if standing.moved == 1 else "were"
        yield (
            f"{standing.moved:,} of these {verb} sent to another address than registry.url names "
            "now. If it is the same registry: titip resync --moved. If not, look at the old one."
        )
    if standing.in_doubt and name == REGISTRY:  # a mirror is always looked at first
        yield (
            f"{standing.in_doubt:,} of these may be there already, so they are not sent again "
            "unless a look-up can tell. Look there: titip delivered ID --reference R for what is "
            "there, titip resync ID --not-there for what is not."
        )


def _refused(line: DestinationLine, standing: DestinationStatus) -> Iterator[str]:
    """Say what a destination refuses alike, and what it took without showing it."""
    name = line.name
    if standing.brakes.refusing:
        yield (
            f"The {name} refuses one file after another alike: most wait, and one tries each "
            f"minute. titip deliveries --parked --to {name} says why; what it parked goes once "
            "more by itself when one got through."
        )
    elif braked := len(standing.brakes.braked):
        yield (
            f"Files of {count(braked, 'submitter')} are refused by the {name} one after another "
            f"alike: their others wait, and one tries each minute. titip deliveries --parked --to "
            f"{name} says why."
        )
    if standing.unproven:
        have = "has" if standing.unproven == 1 else "have"
        yield (
            f"{count(standing.unproven, 'delivery', 'deliveries')} to the {name} {have} no "
            "evidence: it said yes, and nothing shows that the file is there. The bytes are kept. "
            "Look there, then titip delivered ID --reference R."
        )
