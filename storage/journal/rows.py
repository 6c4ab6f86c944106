"""Rows and the values they stand for."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

from storage.clock import from_ms, from_ms_or_none, to_ms, to_ms_or_none
from titip.access import Role, Token
from titip.delivery import Delivery, DeliveryId, DeliveryState
from titip.evidence import Doubt, Evidence
from titip.health import Circuit, Health
from titip.policies.brake import Brakes, Run
from titip.text import storable
from titip.upload import Upload, UploadId, UploadState

if TYPE_CHECKING:
    from collections.abc import Sequence

UPLOAD: Final = (
    "id, submitter, length, offset, metadata, state, created_at, touched_at, ended_at, sha256, "
    "key, freed_at, damaged_at, repairs, concat, expected, secret"
)
DELIVERY: Final = (
    "id, upload, destination, submitter, state, due_at, queued_at, attempts, trouble_since, "
    "doubtful, checkpoint, locator, reason, ended_at, restored, doubt_since, settles_at, absences, "
    "evidence, detail"
)
TOKEN: Final = "id, role, submitter, digest, created_at, revoked_at"  # noqa: S105 - column names


def upload_of(row: Sequence[Any]) -> Upload:
    """Give the upload of a row selected as UPLOAD."""
    return Upload(
        id=UploadId(row[0]),
        submitter=row[1],
        length=row[2],
        offset=row[3],
        metadata=row[4],
        state=UploadState(row[5]),
        created_at=from_ms(row[6]),
        touched_at=from_ms_or_none(row[7]),
        ended_at=from_ms_or_none(row[8]),
        sha256=row[9],
        key=row[10],
        freed_at=from_ms_or_none(row[11]),
        damaged_at=from_ms_or_none(row[12]),
        repairs=row[13],
        concat=row[14],
        expected_sha256=row[15],
        secret_digest=row[16],
    )


def row_of_upload(upload: Upload) -> tuple[object, ...]:
    """Give the values for UPLOAD."""
    return (
        upload.id,
        upload.submitter,
        upload.length,
        upload.offset,
        upload.metadata,
        upload.state.value,
        to_ms(upload.created_at),
        to_ms_or_none(upload.touched_at),
        to_ms_or_none(upload.ended_at),
        upload.sha256,
        upload.key,
        to_ms_or_none(upload.freed_at),
        to_ms_or_none(upload.damaged_at),
        upload.repairs,
        upload.concat,
        upload.expected_sha256,
        upload.secret_digest,
    )


def delivery_of(row: Sequence[Any]) -> Delivery:
    """Give the delivery of a row selected as DELIVERY."""
    return Delivery(
        id=DeliveryId(row[0]),
        upload=UploadId(row[1]),
        destination=row[2],
        submitter=row[3],
        state=DeliveryState(row[4]),
        due_at=from_ms(row[5]),
        queued_at=from_ms(row[6]),
        attempts=row[7],
        trouble_since=from_ms_or_none(row[8]),
        doubtful=Doubt(row[9]),
        checkpoint=row[10],
        locator=row[11],
        reason=row[12],
        ended_at=from_ms_or_none(row[13]),
        restored=bool(row[14]),
        doubt_since=from_ms_or_none(row[15]),
        settles_at=from_ms_or_none(row[16]),
        absences=row[17],
        evidence=Evidence(row[18]),
        detail=row[19],
    )


def row_of_delivery(delivery: Delivery) -> tuple[object, ...]:
    """Give the values for DELIVERY."""
    return (
        delivery.id,
        delivery.upload,
        delivery.destination,
        delivery.submitter,
        delivery.state.value,
        to_ms(delivery.due_at),
        to_ms(delivery.queued_at),
        delivery.attempts,
        to_ms_or_none(delivery.trouble_since),
        int(delivery.doubtful),
        storable(delivery.checkpoint),
        storable(delivery.locator),
        storable(delivery.reason),
        to_ms_or_none(delivery.ended_at),
        int(delivery.restored),
        to_ms_or_none(delivery.doubt_since),
        to_ms_or_none(delivery.settles_at),
        delivery.absences,
        delivery.evidence.value,
        storable(delivery.detail),
    )


def token_of(row: Sequence[Any]) -> Token:
    """Give the token of a row selected as TOKEN."""
    return Token(
        id=row[0],
        role=Role(row[1]),
        submitter=row[2],
        digest=row[3],
        created_at=from_ms(row[4]),
        revoked_at=from_ms_or_none(row[5]),
    )


def health_of(text: str) -> Health | None:
    """Give the health kept in a text, None where none was noted."""
    if not text:
        return None
    kept = json.loads(text)
    return Health(
        since=from_ms(kept["since"]),
        circuit=Circuit(kept["circuit"]),
        window=kept["window"],
        threshold=math.inf if kept["threshold"] is None else kept["threshold"],
        bad_streak=kept["bad_streak"],
        openings=kept["openings"],
        until=from_ms_or_none(kept["until"]),
        asked=kept["asked"],
        reason=kept["reason"],
    )


def text_of_health(health: Health) -> str:
    """Write the health for keeping."""
    return json.dumps(
        {
            "since": to_ms(health.since),
            "circuit": health.circuit,
            "window": health.window,
            "threshold": None if math.isinf(health.threshold) else health.threshold,
            "bad_streak": health.bad_streak,
            "openings": health.openings,
            "until": to_ms_or_none(health.until),
            "asked": health.asked,
            "reason": storable(health.reason),
        },
    )


def brakes_of(text: str) -> Brakes:
    """Give the brakes kept in a text."""
    if not text:
        return Brakes()
    kept = json.loads(text)
    runs = {
        name: Run(
            id=one["id"],
            alike=one["alike"],
            reason=one["reason"],
            since=from_ms(one["since"]),
            count=one["count"],
            trial_at=from_ms_or_none(one["trial_at"]),
            others_got_in=one.get("others_got_in", False),
        )
        for name, one in kept["runs"].items()
    }
    return Brakes(runs, alone=kept["alone"])


def text_of_brakes(brakes: Brakes) -> str:
    """Write the brakes for keeping."""
    runs = {
        name: {
            "id": run.id,
            "alike": run.alike,
            "reason": run.reason,
            "since": to_ms(run.since),
            "count": run.count,
            "trial_at": to_ms_or_none(run.trial_at),
            "others_got_in": run.others_got_in,
        }
        for name, run in brakes.runs.items()
    }
    return json.dumps({"runs": runs, "alone": brakes.alone})
