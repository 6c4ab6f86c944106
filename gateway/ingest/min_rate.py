"""How fast and in what pieces bodies are taken in; every number with its reason. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How a body is taken in; times in seconds, sizes in bytes.

    It ends as silent when no byte comes for `idle`, or when fewer than `min_rate` a second come
    over `rate_window`: so slow a sender comes again once its line is better. What came is written
    after `flush` at the latest, and in smaller batches when many bodies come at once: `memory` is
    what all of them should hold together, `least` the smallest batch.

    A long body is committed on its way after so many bytes or seconds: one PATCH may carry a
    whole file, and a crash must not cost all of it.
    """

    idle: float = 30.0
    flush: float = 2.0
    min_rate: int = 256
    rate_window: float = 60.0
    patience: float = 5.0
    batch: int = 1 << 20
    least: int = 64 << 10
    memory: int = 128 << 20
    commit_bytes: int = 64 << 20
    commit_seconds: float = 10.0

    def batch_among(self, bodies: int) -> int:
        """Give the batch of a body that comes while there are so many."""
        return max(self.least, min(self.batch, self.memory // max(1, bodies)))


class Slowness:
    """Counts the seconds spent waiting for a sender, and what came in them.

    Only waiting counts: a disk that is slow is not held against the sender. Without it one byte
    every 29 s would hold a place for years.
    """

    def __init__(self, pace: Pace) -> None:
        """Ask for `min_rate` bytes a second, over each `rate_window` seconds of waiting."""
        self._pace = pace
        self._waited = 0.0
        self._from = 0

    def too_slow(self, waited: float, *, received: int) -> bool:
        """Take in one more wait in seconds, and all bytes received so far; judge full windows."""
        self._waited += waited
        if self._waited < self._pace.rate_window:
            return False
        enough = received - self._from >= self._pace.min_rate * self._waited
        self._waited, self._from = 0.0, received
        return not enough
