"""How large the next chunk may be: doubled while the line is swift, halved when it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.options import ChunkLimits


class Pace:
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
