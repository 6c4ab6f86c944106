"""The doorbell: wakes the lanes of this process when there may be work."""

from __future__ import annotations

import asyncio


class LoopDoorbell:
    """Implements titip.ports.Doorbell for one event loop; rung before a loop runs, it is silent."""

    def __init__(self) -> None:
        """Hang it up with nobody listening."""
        self._listeners: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def listen(self) -> asyncio.Event:
        """Give an event of the running loop that each ring sets."""
        event = asyncio.Event()
        self._listeners.append((asyncio.get_running_loop(), event))
        return event

    def ring(self) -> None:
        """Wake whoever listens; from any thread."""
        for loop, event in self._listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
