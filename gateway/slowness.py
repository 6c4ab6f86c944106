"""When a sender is too slow to be waited for: one byte every 29 s would hold a place for years."""

from __future__ import annotations


class Slowness:
    """Counts the seconds spent waiting for a sender, and what came in them. Pure.

    Only waiting counts: a disk that is slow is not held against the sender.
    """

    def __init__(self, *, min_rate: int, window: float) -> None:
        """Ask for `min_rate` bytes a second, over each `window` seconds of waiting."""
        self._min_rate = min_rate
        self._window = window
        self._waited = 0.0
        self._from = 0

    def too_slow(self, waited: float, *, received: int) -> bool:
        """Take in one more wait in seconds, and all bytes received so far; judge full windows."""
        self._waited += waited
        if self._waited < self._window:
            return False
        enough = received - self._from >= self._min_rate * self._waited
        self._waited, self._from = 0.0, received
        return not enough
