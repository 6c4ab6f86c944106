"""Screens of the reading commands: gathered from the journal, laid out for people."""

import asyncio
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.lookup import Attempts
from cli.output import age, clock, console, iso, table
from cli.screens.status import DestinationLine, StatusContext, StatusView, build_status
from config.runtime.clock import noted_against_clock
from config.runtime.processes import runs
from config.settings import Settings
from config.version import VERSION
from config.wiring.storage import BALLAST, JournalServices, open_journal
from storage.files.failure_note import trouble_of
from storage.files.reserved_space import Ballast
from storage.journal import uploads
from storage.journal.holds import all_holds
from titip.clock import ClockState, advice
from titip.delivery import Delivery, DeliveryState
from titip.json_views import status_json as views_status_json
from titip.metadata import filename
from titip.ports.operations import Hold, Totals
from titip.ports.storage import DiskSpace
from titip.receipt import Receipt
from titip.text import amount, seen
from titip.upload import Upload, UploadState

GLANCE_SECONDS: Final = 2.0
SHORT_ID: Final = 12
"""Hex digits of an id on the screen: its beginning is as good as the whole in every command."""


def print_status(settings: Settings) -> None:
    """Print the one screen."""
    with open_journal(settings) as services:
        console().print(_screen(services, settings))


def watch(settings: Settings) -> None:
    """Keep the screen fresh until Ctrl-C."""
    with (
        suppress(KeyboardInterrupt),
        open_journal(settings) as services,
        Live(console=console(), auto_refresh=False) as live,
    ):
        while True:
            live.update(_screen(services, settings), refresh=True)
            time.sleep(GLANCE_SECONDS)


def status_json(settings: Settings) -> dict[str, Any]:
    """Give the same for programs: what `GET /api/status` answers, and the words."""
    now = datetime.now(UTC)
    with open_journal(settings) as services:
        totals, room, doubts, held = asyncio.run(gathered(services, settings, now))
    how = context_of(settings, doubts)
    shown = build_status(totals, room, how=how, now=now)
    return {
        **views_status_json(totals, room, version=VERSION, now=now, clock=doubts),
        "gateway_runs": how.gateway_runs,
        "sync_runs": how.sync_runs,
        "headline": shown.headline,
        "alarm": shown.alarm,
        "holds": [hold_json(one) for one in held],
        "todo": shown.todo,
    }


def print_uploads(found: Iterable[Upload]) -> None:
    """List uploads."""
    columns = ("id", "begun", "state", "size", "submitter", "file")
    rows = [
        (
            one.id[:SHORT_ID],
            clock(one.created_at),
            _progress(one),
            "?" if one.length is None else amount(one.length),
            one.submitter,
            filename(one.metadata) or "(no name given)",
        )
        for one in found
    ]
    console().print(table(*columns, right=("size",), rows=rows))


def print_deliveries(found: Iterable[Delivery]) -> None:
    """List deliveries."""
    now = datetime.now(UTC)
    columns = ("id", "state", "tries", "owed", "next", "submitter", "reason or place")
    rows = [
        (
            f"{one.upload[:SHORT_ID]}.{one.destination}",
            one.state.value,
            str(one.attempts),
            age((one.ended_at or now) - one.queued_at),
            clock(one.due_at, now=now) if one.state.waiting else "",
            one.submitter,
            one.locator or _reason(one),
        )
        for one in found
    ]
    console().print(table(*columns, right=("tries", "owed"), rows=rows))


def _reason(delivery: Delivery) -> str:
    """Say why it waits; first of all that it may be there already."""
    doubt = delivery.maybe_delivered and delivery.state.owed
    words = ("may be there already" if doubt else "", delivery.reason, delivery.detail)
    return ": ".join(word for word in words if word)


def print_history(tries: Mapping[str, Attempts]) -> None:
    """List every attempt."""
    rows = [
        (
            f"{delivery[:SHORT_ID]}.{delivery.rpartition('.')[2]}",
            str(one["attempt"] or ""),
            str(one["started_at"]),
            str(one["ended_at"] or "(under way, or cut off)"),
            str(one["outcome"]),
            str(one["reason"]),
        )
        for delivery, attempts in tries.items()
        for one in attempts
    ]
    columns = ("id", "attempt", "started", "ended", "outcome", "reason")
    console().print(table(*columns, right=("attempt",), rows=rows))


def print_receipt(proof: Receipt) -> None:
    """Lay out a receipt, to be kept or printed."""
    rows = [
        ("receipt of upload", proof.upload),
        ("file", proof.filename or "(no name given)"),
        ("handed in by", proof.submitter),
        ("size", f"{proof.length:,} bytes"),
        ("sha256", proof.sha256),
        ("begun", _moment(proof.begun_at)),
        ("sealed", _moment(proof.sealed_at)),
    ]
    if proof.freed_at is not None:
        rows.append(("bytes", f"no longer kept here since {_moment(proof.freed_at)}"))
    for one in proof.deliveries:
        shows = one.evidence.words if one.state is DeliveryState.DELIVERED else ""
        words = (one.state.value, _moment(one.ended_at), one.locator, shows)
        rows.append((one.destination, "  ".join(word for word in words if word)))
    sheet = Table.grid(padding=(0, 2))
    for label, value in rows:
        sheet.add_row(Text(label, style="bold"), Text(seen(value), overflow="fold"))
    console().print(sheet)


def _screen(services: JournalServices, settings: Settings) -> Group:
    now = datetime.now(UTC)
    totals, room, doubts, held = asyncio.run(gathered(services, settings, now))
    shown = build_status(totals, room, how=context_of(settings, doubts), now=now)
    return Group(
        Text(seen(shown.headline), style="bold"),
        Text(shown.kept),
        *([Text(shown.alarm, style="bold red")] if shown.alarm else []),
        _destinations(shown),
        *(_condition(line) for line in shown.lines),
        *(_held(one) for one in held),
        Text(""),
        *(Text(seen(f"-> {line}"), style="bold") for line in shown.todo),
    )


def _destinations(shown: StatusView) -> Table:
    columns = (
        "destination",
        "waiting",
        "in progress",
        "delivered",
        "needs attention",
        "not needed",
        "oldest",
    )
    rows = [
        (
            line.name,
            f"{line.waiting:,}",
            f"{line.in_progress:,}",
            f"{line.delivered:,}",
            f"{line.parked:,}",
            f"{line.skipped:,}",
            line.oldest,
        )
        for line in shown.lines
    ]
    return table(*columns, right=columns[1:], rows=rows)


def _condition(line: DestinationLine) -> Text:
    return Text(seen(f"{line.name}: {line.condition}"), style="green" if line.well else "yellow")


def _held(one: Hold) -> Text:
    reason = f" ({one.reason})" if one.reason else ""
    return Text(seen(f"on hold: {one.submitter}, since {clock(one.since)}{reason}"), style="yellow")


async def gathered(
    services: JournalServices, settings: Settings, now: datetime
) -> tuple[Totals, DiskSpace, ClockState, list[Hold]]:
    """Read what the one screen shows: counts, room, what is against the clock, holds."""
    totals = await services.records.totals()
    promised = await services.journal.read(uploads.promised)
    room = DiskSpace(free=shutil.disk_usage(settings.storage.path).free, promised=promised)
    doubts = await noted_against_clock(services.journal, now=now)
    return totals, room, doubts, await services.journal.read(all_holds)


def context_of(settings: Settings, doubts: ClockState) -> StatusContext:
    """Tell what the counts alone do not: who runs here, and what the settings say."""
    root = settings.storage.path
    roles = ("gateway", "sync")
    gateway_runs, sync_runs = (runs(root, role) for role in roles)
    return StatusContext(
        by_hand=settings.registry.kind == "none",
        mirror_wanted=settings.mirror.when != "never",
        gateway_runs=gateway_runs,
        sync_runs=sync_runs,
        reserve=settings.storage.reserve,
        registry_asked=settings.registry.kind == "tus" or bool(settings.registry.health),
        reserved=not gateway_runs or Ballast(root / BALLAST).held,
        clock=advice(doubts),
        troubles=tuple(dict.fromkeys(note for role in roles if (note := trouble_of(root, role)))),
    )


def _progress(upload: Upload) -> str:
    if upload.damaged:
        return f"{upload.state.value}, damaged"
    if upload.is_partial:
        return f"{upload.state.value}, a part"
    if upload.state is UploadState.SEALED or not upload.length:
        return upload.state.value
    return f"{upload.state.value} {100 * upload.offset // upload.length}%"


def _moment(time: datetime | None) -> str:
    """Write a moment so that it still says all in a year."""
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S %z}"


def hold_json(one: Hold) -> dict[str, str | None]:
    """Show a hold."""
    return {"submitter": one.submitter, "since": iso(one.since), "reason": one.reason}
