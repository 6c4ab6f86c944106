"""Threads for work that may hang: one more is made while all are busy, and none holds up an end.

A pool of a fixed size is full once so many calls hang on one mount, and everything else that needs
a thread waits behind them. The interpreter waits at its end for such a pool's threads, too.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from threading import Lock, Semaphore, Thread
from typing import TYPE_CHECKING, Final, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE: Final = 5.0
"""Seconds that a cancelled call may take to notice; what hangs must hold nobody up for longer."""


class DaemonThreads(Executor):
    """As many threads as there are calls at work: whoever hands work in bounds their number."""

    def __init__(self, name: str) -> None:
        """Name the threads."""
        self._name = name
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._idle = Semaphore(0)

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a thread make the call."""
        future: Future[T] = Future()

        def make() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - carried to whoever waits
                future.set_exception(error)
            else:
                future.set_result(result)

        self._calls.put(make)
        if not self._idle.acquire(blocking=False):
            Thread(target=self._run, name=self._name, daemon=True).start()
        return future

    def _run(self) -> None:
        while True:
            self._calls.get()()
            self._idle.release()


THREADS: Final = DaemonThreads("sync")
"""Those of this process."""


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
        running.add_done_callback(look_away)
        if hop.give_up():
            if stop is not None:
                stop()
            await asyncio.wait([running], timeout=patience)
        raise


class _Hop(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock = Lock()
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


def look_away(running: asyncio.Future[T]) -> None:
    """Read the outcome nobody waits for, so that the loop does not complain of it."""
    if not running.cancelled():
        running.exception()
