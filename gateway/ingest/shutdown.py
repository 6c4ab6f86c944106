"""A word given once: those who listen are called at once, and late listeners too."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class OneShotEvent:
    """Something that may be said once, and then is `is_set`; to be used from one event loop."""

    __slots__ = ("_listeners", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._listeners: set[Callable[[], None]] = set()

    def set(self) -> None:
        """Say it; may be called twice."""
        self.is_set = True
        for listener in tuple(self._listeners):
            listener()

    @contextmanager
    def on_set(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call the listener when it is said, as long as the block lasts."""
        self._listeners.add(listener)
        if self.is_set:
            listener()
        try:
            yield
        finally:
            self._listeners.discard(listener)


class ShutdownSignal(OneShotEvent):
    """Said when the process is to stop: bodies end at their next batch, nothing new begins."""
