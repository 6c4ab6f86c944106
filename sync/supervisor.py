"""A supervisor: what runs for as long as the process does, and ended before, is begun again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from sync.contained import ended, guarded
from titip.faults import kind_of, trace_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()

FLOOR: Final = 1.0
"""Seconds before it is begun again for the first time; each time twice as long."""

CEILING: Final = 60.0
"""The longest rest; what ran for as long before it failed is rested for as at first."""


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
        _tell(name, error, again_in=rest)
        await pause(stopping, rest)
        rest = min(2 * rest, CEILING)


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until Titip stops."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return


def _tell(name: str, error: BaseException, *, again_in: float) -> None:
    cause = error.__cause__ or error
    where = trace_of(cause)
    log.error("task.ended", task=name, error=kind_of(cause), where=where, again_in=again_in)
