"""Waiting for a fact with a bound: facts of threads, sockets and processes set no event."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

BOUND = 10.0
"""Seconds a fact may take to come true on a busy machine."""

GLANCE = 0.005
"""Seconds between two looks."""


async def until(fact: Callable[[], Any], *, within: float = BOUND, glance: float = GLANCE) -> Any:
    """Wait until a fact, awaitable or not, holds, and give it; raises TimeoutError."""
    async with asyncio.timeout(within):
        while True:
            found = fact()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(glance)


def wait_for(fact: Callable[[], Any], *, within: float = BOUND, glance: float = GLANCE) -> Any:
    """Wait, blocking, until a fact holds, and give it; raises TimeoutError."""
    deadline = time.monotonic() + within
    while not (found := fact()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s")
        time.sleep(glance)
    return found
