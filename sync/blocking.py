"""Run blocking work in a thread so that a cancelled delivery leaves no thread reading behind it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from sync.threads import THREADS

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

T = TypeVar("T")


class Abandoned(Exception):
    """The work was given up before a thread took it."""


async def in_thread(
    work: Callable[[], T],
    *,
    pool: Executor | None = None,
    stop: Callable[[], object] | None = None,
    patience: float | None = None,
) -> T:
    """Run `work` in a thread of `pool`, or in one that no other call can hold up.

    When cancelled, work that no thread took yet is given up; else `stop` is called and the end of
    the work is awaited, at most `patience` seconds, before the cancellation goes on. So whoever
    closes a file afterwards takes it from nobody.
    """
    hop = _Hop(work)
    running = asyncio.get_running_loop().run_in_executor(pool or THREADS, hop)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        running.add_done_callback(_swallow)
        if hop.give_up():
            if stop is not None:
                stop()
            await asyncio.wait([running], timeout=patience)
        raise


class _Hop(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._begun = False
        self._abandoned = False

    def __call__(self) -> T:
        with self._lock:
            if self._abandoned:
                raise Abandoned
            self._begun = True
        return self._work()

    def give_up(self) -> bool:
        """Keep the work from beginning; tell whether it had begun already."""
        with self._lock:
            self._abandoned = True
            return self._begun


def _swallow(running: asyncio.Future[T]) -> None:
    """Read the outcome nobody waits for, so that the loop does not complain of it."""
    if not running.cancelled():
        running.exception()
