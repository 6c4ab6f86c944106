"""What keeps deliveries from going, in one sentence each, after an operator's act."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.screens.status import condition
from cli.screens.tables import context_of, gathered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from config.settings import Settings
    from config.wiring.storage import JournalServices


def outlook(services: JournalServices, settings: Settings, names: Collection[str]) -> Iterator[str]:
    """Say whether anybody sends, and how these destinations are that still have files coming."""
    now = datetime.now(UTC)
    totals, _, doubts, _ = asyncio.run(gathered(services, settings, now))
    how = context_of(settings, doubts)
    if not how.sync_runs:
        yield "No sync daemon runs on this data folder: nothing goes before titip serve is started."
    for one in totals.destinations:
        owed = any(count for state, count in one.counts.items() if state.owed)
        ill = one.health is not None and one.health.stalled
        if one.name in names and owed and (one.paused or ill):
            yield f"The {one.name}: {condition(one, how=how, now=now)}."
