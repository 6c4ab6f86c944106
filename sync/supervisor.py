"""A supervisor: what runs for as long as the process does, and ended before, is begun again.

The sync daemon is its jobs, workers, janitor and scrubber, each supervised, until told to stop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from sync.containment import ended, guarded, tell_bug

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

log = structlog.get_logger()

FLOOR: Final = 1.0
"""Seconds before it is begun again for the first time; each time twice as long."""

CEILING: Final = 60.0
"""The longest rest; what ran for as long before it failed is rested for as at first."""

STOP_WITHIN: Final = 6.5
"""Seconds that all of them have to stop: a worker's grace, and what breaking off may take."""

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


async def supervised(
    name: str, run: Callable[[], Awaitable[None]], stopping: asyncio.Event
) -> None:
    """Run it until it returns or Titip stops; what it raises is told, and it is begun again."""
    clock, rest = asyncio.get_running_loop().time, FLOOR
    while not stopping.is_set():
        begun = clock()
        task: asyncio.Task[None] = asyncio.create_task(guarded(run), name=name)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            await ended(task)
            raise
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            return
        rest = FLOOR if clock() - begun >= CEILING else rest
        tell_bug("task.ended", error.__cause__ or error, task=name, again_in=rest)
        await pause(stopping, rest)
        rest = min(2 * rest, CEILING)


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until Titip stops."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
