"""The sync daemon: one lane per destination, the janitor and the scrubber, until told to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sync.janitor import Janitor
    from sync.lane import Lane
    from sync.scrubber import Scrubber


async def run_daemon(
    lanes: Sequence[Lane], janitor: Janitor, stopping: asyncio.Event, *, scrubber: Scrubber
) -> None:
    """Run all of them; one that fails for a reason nobody foresaw stops the whole daemon."""
    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(lane.run(stopping))
        group.create_task(janitor.run(stopping))
        group.create_task(scrubber.run(stopping))
