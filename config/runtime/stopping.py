"""Stopping: told once by a signal, orderly if that can be, and in time whatever hangs.

A thread of its own waits for the signals: the event loop may be stuck in a system call, and so may
any other thread. When the orderly way takes too long, that thread closes what must be closed and
ends the process. Whatever was acknowledged is on the disk by then: that is what acknowledged means.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger()

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

WITHIN: Final = 8.0
"""Seconds that the orderly way may take."""

SOON: Final = 1.5
"""Seconds that the threads left over may take once all is closed."""

EACH: Final = 0.5
"""Seconds that each thing to be closed may take when the orderly way took too long."""


class StopOrder:
    """The order to stop, for the event loop and for whoever watches the time."""

    def __init__(self) -> None:
        """Begin with none given."""
        self._given = Event()
        self._over = Event()
        self._lock = Lock()
        self._heard: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._at_last: list[Callable[[], object]] = []
        self.code = 0
        self.last_words: Callable[[], object] = lambda: None
        """Brings out what was said, before the process ends without the interpreter's help."""

    def heard(self) -> asyncio.Event:
        """Give an event of the running loop that is set once the order is given."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._heard.append((loop, event))
            if self._given.is_set():
                event.set()
        return event

    def give(self) -> None:
        """Give the order; again is as good as once. From any thread."""
        with self._lock:
            self._given.set()
            for loop, event in self._heard:
                with suppress(RuntimeError):  # that loop is closed
                    loop.call_soon_threadsafe(event.set)

    def at_last(self, act: Callable[[], object]) -> None:
        """Have this done, the newest first, when the orderly way takes too long.

        It is called from another thread, perhaps while it is being done in an orderly way.
        """
        self._at_last.append(act)

    def over(self) -> None:
        """Tell that all is closed: what is left waits for nothing that matters."""
        self._over.set()

    def listen(self) -> None:
        """Take the signals from now on; call this before any other thread is begun.

        A second signal changes nothing: it is never delivered.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        Thread(target=self._watch, name="stop", daemon=True).start()

    def _watch(self) -> None:
        signal.sigwait(SIGNALS)
        self.give()
        self.see_to_it()

    def see_to_it(
        self, *, within: float = WITHIN, leave: Callable[[int], object] = os._exit
    ) -> None:
        """Wait for the end, then make it: a process that ended in time does not get that far."""
        in_order = self._over.wait(within)
        if in_order:
            Event().wait(SOON)
        else:
            _briefly(lambda: log.warning("titip.forced", seconds=within))
            for act in reversed(self._at_last):
                _briefly(act)
            _briefly(lambda: log.info("titip.stopped", forced=True))
        _briefly(self.last_words)
        leave(self.code)


def _briefly(act: Callable[[], object]) -> None:
    """Do it in a thread that may hang, and wait for it a moment."""

    def do() -> None:
        with suppress(Exception):
            act()

    doing = Thread(target=do, name="stop at last", daemon=True)
    doing.start()
    doing.join(EACH)
