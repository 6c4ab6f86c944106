"""How uploads, deliveries, tokens and a destination's health are kept in the journal."""

from __future__ import annotations

import json
import math
from typing import Final

from storage.journal.table import FLAG, TEXT, TIME, TIME_OR_NONE, Kind, Table, one_of
from titip.access import Role, Token
from titip.delivery import Delivery, DeliveryState, ParkedFor
from titip.evidence import Doubt, Evidence
from titip.health import Circuit, Health
from titip.policies.brake import Brakes, Run
from titip.upload import Upload, UploadState

UPLOADS: Final = Table(
    Upload,
    state=one_of(UploadState),
    created_at=TIME,
    touched_at=TIME_OR_NONE,
    ended_at=TIME_OR_NONE,
    freed_at=TIME_OR_NONE,
    damaged_at=TIME_OR_NONE,
)
DELIVERIES: Final = Table(
    Delivery,
    state=one_of(DeliveryState),
    due_at=TIME,
    queued_at=TIME,
    trouble_since=TIME_OR_NONE,
    maybe_delivered=one_of(Doubt),
    checkpoint=TEXT,
    locator=TEXT,
    reason=TEXT,
    ended_at=TIME_OR_NONE,
    from_backup=FLAG,
    doubt_since=TIME_OR_NONE,
    settles_at=TIME_OR_NONE,
    evidence=one_of(Evidence),
    detail=TEXT,
    parked_for=one_of(ParkedFor),
)
TOKENS: Final = Table(Token, role=one_of(Role), created_at=TIME, revoked_at=TIME_OR_NONE)

_HEALTH: Final = Table(
    Health,
    since=TIME,
    circuit=one_of(Circuit),
    threshold=Kind(
        lambda kept: math.inf if kept is None else kept,
        lambda size: None if math.isinf(size) else size,
    ),
    until=TIME_OR_NONE,
    reason=TEXT,
)
_RUNS: Final = Table(Run, since=TIME, trial_at=TIME_OR_NONE)


def health_of(text: str) -> Health | None:
    """Give the health kept in a text, None where none was noted."""
    return _HEALTH.of_named(json.loads(text)) if text else None


def text_of_health(health: Health) -> str:
    """Write the health for keeping."""
    return json.dumps(_HEALTH.named(health))


def brakes_of(text: str) -> Brakes:
    """Give the brakes kept in a text."""
    if not text:
        return Brakes()
    kept = json.loads(text)
    runs = {name: _RUNS.of_named(one) for name, one in kept["runs"].items()}
    return Brakes(runs, alone=kept["alone"])


def text_of_brakes(brakes: Brakes) -> str:
    """Write the brakes for keeping."""
    runs = {name: _RUNS.named(run) for name, run in brakes.runs.items()}
    return json.dumps({"runs": runs, "alone": brakes.alone})
