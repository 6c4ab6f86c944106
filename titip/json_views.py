"""Rows as JSON: what `titip status` and its like read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from titip.metadata import filename

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from titip.clock import ClockState
    from titip.delivery import Delivery
    from titip.health import Health
    from titip.ports.operations import DestinationStatus, Totals
    from titip.ports.storage import DiskSpace
    from titip.receipt import Receipt
    from titip.upload import Upload

Json = dict[str, object]


def upload_json(
    upload: Upload,
    deliveries: Iterable[Delivery] | None = None,
    *,
    for_operator: bool = False,
) -> Json:
    """Show an upload; with its deliveries where they were asked for."""
    sealed = bool(upload.sha256)
    shown: Json = {
        "id": upload.id,
        "submitter": upload.submitter,
        "filename": filename(upload.metadata),
        "state": upload.state,
        "part": upload.is_partial,
        "length": upload.length,
        "offset": upload.offset,
        "sha256": upload.sha256 or None,
        "created_at": _time(upload.created_at),
        "sealed_at": _time(upload.ended_at) if sealed else None,
        "freed_at": _time(upload.freed_at),
        "damaged_at": _time(upload.damaged_at),
    }
    if deliveries is not None:
        shown["deliveries"] = [delivery_json(one, for_operator=for_operator) for one in deliveries]
    return shown


def delivery_json(delivery: Delivery, *, for_operator: bool = False) -> Json:
    """Show a delivery; the destination's own words are for operators, they may name a person."""
    shown: Json = {
        "id": delivery.id,
        "upload": delivery.upload,
        "submitter": delivery.submitter,
        "destination": delivery.destination,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "queued_at": _time(delivery.queued_at),
        "due_at": _time(delivery.due_at),
        "reason": delivery.reason,
        "maybe_delivered": bool(delivery.maybe_delivered),
        "locator": delivery.locator,
        "evidence": delivery.evidence.value,
        "ended_at": _time(delivery.ended_at),
    }
    if for_operator:
        shown["detail"] = delivery.detail
    return shown


def receipt_json(receipt: Receipt) -> Json:
    """Show a receipt."""
    return {
        "upload": receipt.upload,
        "submitter": receipt.submitter,
        "filename": receipt.filename,
        "length": receipt.length,
        "sha256": receipt.sha256,
        "begun_at": _time(receipt.begun_at),
        "sealed_at": _time(receipt.sealed_at),
        "deliveries": [
            {
                "destination": one.destination,
                "state": one.state,
                "locator": one.locator,
                "evidence": one.evidence.value,
                "ended_at": _time(one.ended_at),
            }
            for one in receipt.deliveries
        ],
        "freed_at": _time(receipt.freed_at),
    }


def status_json(
    totals: Totals, room: DiskSpace, *, version: str, now: datetime, clock: ClockState
) -> Json:
    """Show everything in numbers."""
    return {
        "titip": version,
        "now": _time(now),
        "clock": {
            "trusted": clock.trusted,
            "set_by_seconds": round(clock.set_by.total_seconds(), 3),
            "went_back_seconds": round(clock.went_back.total_seconds(), 3),
        },
        "uploads": dict(totals.uploads),
        "damaged": totals.damaged,
        "sealed_bytes": totals.sealed_bytes,
        "freed": totals.freed,
        "open_bytes": totals.open_bytes,
        "unclosed": totals.unclosed,
        "disk": {"free": room.free, "promised": room.promised},
        "destinations": [_standing_json(one) for one in totals.destinations],
    }


def _standing_json(standing: DestinationStatus) -> Json:
    return {
        "name": standing.name,
        "paused": standing.paused,
        "health": None if standing.health is None else _health_json(standing.health),
        "counts": dict(standing.counts),
        "oldest_owed": _time(standing.oldest_owed),
        "unproven": standing.unproven,
        "in_doubt": standing.in_doubt,
        "moved": standing.moved,
        "maybe_delivered": standing.maybe_delivered,
        "refusing": _refusing_json(standing),
        "braked": len(standing.brakes.braked),
    }


def _refusing_json(standing: DestinationStatus) -> Json | None:
    """Show since when, to how many and why it refuses everything; no name of a submitter."""
    runs = list(standing.brakes.refusing.values())
    if not runs:
        return None
    first = min(runs, key=lambda run: run.since)
    return {"since": _time(first.since), "submitters": len(runs), "reason": first.reason}


def _health_json(health: Health) -> Json:
    return {
        "circuit": health.circuit,
        "stalled": health.stalled,
        "window": health.window,
        "since": _time(health.since),
        "until": _time(health.until),
        "reason": health.reason,
    }


def _time(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat(timespec="milliseconds")
