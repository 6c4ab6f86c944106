"""Threads for work that may hang: one more is made while all are busy, and none holds up an end.

A pool of a fixed size is full once so many calls hang on one mount, and everything else that needs
a thread waits behind them. The interpreter waits at its end for such a pool's threads, too.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


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
