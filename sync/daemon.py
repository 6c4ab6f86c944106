"""The sync daemon: lanes, janitor and scrubber, each supervised, until told to stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from sync.supervisor import supervised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

log = structlog.get_logger()

STOP_WITHIN: Final = 6.5
"""Seconds that all of them have to stop: a lane's grace, and what breaking off may take."""

BREAK_OFF: Final = 0.5
"""Seconds that what is late has to end once it is cancelled; then it is left behind."""


async def run_daemon(
    jobs: Mapping[str, Callable[[], Awaitable[None]]], stopping: asyncio.Event
) -> None:
    """Run all of them; how one of them ends is nothing to the others."""
    tasks = {
        asyncio.create_task(supervised(name, run, stopping), name=f"supervise {name}")
        for name, run in jobs.items()
    }
    try:
        await stopping.wait()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_WITHIN)
    finally:
        late = {task for task in tasks if not task.done()}
        for task in late:
            task.cancel()
        if late:
            _, left = await asyncio.wait(late, timeout=BREAK_OFF)
            log.warning("daemon.late", tasks=sorted(task.get_name() for task in late | left))
