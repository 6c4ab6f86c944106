"""Keep a pace: a token bucket that callers wait at."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class RateLimiter:
    """At most `burst` at once and `per_second` sustained; those who wait pass in their order."""

    def __init__(
        self,
        *,
        per_second: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._interval = 1 / per_second
        self._slack = self._interval * (burst - 1)
        self._clock = clock
        self._sleep = sleep
        self._next = clock() - self._slack
        self._line = asyncio.Lock()

    async def take(self) -> None:
        """Wait until one more may go."""
        async with self._line:
            self._next = max(self._next, self._clock() - self._slack)
            await self._sleep(max(0.0, self._next - self._clock()))
            self._next += self._interval
