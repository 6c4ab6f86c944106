"""One blocking step of a tus delivery, run in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sync.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

    from sync.wire import Wire

T = TypeVar("T")

PATIENCE: Final = 5.0
"""Seconds that a cancelled call may take to notice that its connection was shut."""


class Hop:
    """Runs blocking steps of one delivery in a thread, and ends them when it is cancelled."""

    def __init__(self, pool: ThreadPoolExecutor, wire: Wire) -> None:
        self._pool = pool
        self._wire = wire

    async def __call__(self, step: Callable[[], T]) -> T:
        """Run one step."""
        return await in_thread(step, pool=self._pool, stop=self._wire.abort, patience=PATIENCE)
