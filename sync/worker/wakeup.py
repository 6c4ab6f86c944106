"""Wakes the workers of this process when there may be work."""

from __future__ import annotations

import asyncio


class LoopWakeup:
    """Implements titip.ports.delivery.Wakeup; set before an event loop listens, it does nothing."""

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self._listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def listen(self) -> asyncio.Event:
        """Give an event of the running loop that each call of `set` sets."""
        event = asyncio.Event()
        self._listeners.append((asyncio.get_running_loop(), event))
        return event

    def set(self) -> None:
        """Wake whoever listens; from any thread."""
        for loop, event in self._listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
