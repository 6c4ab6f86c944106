"""How large the next chunk may be: doubled while the line is swift, halved when it fails."""

from __future__ import annotations

from dataclasses import dataclass

from client.errors import BadOptions

KIB = 1 << 10
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLimits:
    """How large one request's body may be, in bytes.

    It starts like aiotus (4 MiB), and never exceeds 64 MiB: what a proxy may have to buffer whole.
    A chunk that took less than `swift` seconds is doubled: round trips, not bytes, were the cost.
    One that took more than `slow` is halved: what is not acknowledged may have to be sent again.
    """

    start: int = 4 * MIB
    floor: int = 256 * KIB
    ceiling: int = 64 * MIB
    swift: float = 2.0
    slow: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.floor <= self.start <= self.ceiling:
            raise BadOptions("the chunk sizes must be in order: 0 < smallest <= first <= largest")


class ChunkSizer:
    """The chunk size of one worker. It outlives a file: it is the line's, not the file's."""

    def __init__(self, limits: ChunkLimits) -> None:
        self._limits = limits
        self.size = limits.start

    def went_well(self, sent: int, *, seconds: float) -> None:
        """Double the size after a whole chunk that went swiftly, halve it after a slow one."""
        if seconds > self._limits.slow:
            self.went_wrong()
        elif sent >= self.size and seconds < self._limits.swift:
            self.size = min(self.size * 2, self._limits.ceiling)

    def went_wrong(self) -> bool:
        """Halve the size; tell whether there was anything left to halve."""
        before = self.size
        self.size = max(self.size // 2, self._limits.floor)
        return self.size < before
