"""How fast and in what pieces bodies are taken in; every number with its reason."""

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
