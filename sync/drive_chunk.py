"""How many bytes the next PUT to Drive carries."""

from __future__ import annotations

from typing import Final

from sync.drive_options import UNIT

AIM: Final = 10.0
"""Seconds that a chunk should take: long enough to hide its answer, short enough to repeat."""

SHORTEST: Final = 0.001
"""Seconds that a chunk is taken to last at least."""


def next_size(size: int, seconds: float, *, ceiling: int) -> int:
    """Give the size for the next chunk after one of `size` bytes took so long.

    It changes by no more than the factor two at a time and stays a multiple of 256 KiB.
    """
    factor = min(max(AIM / max(seconds, SHORTEST), 1 / 2), 2)
    return max(min(int(size * factor), ceiling) // UNIT * UNIT, UNIT)


def next_most(most: int, *, sent: int, gained: int, ceiling: int) -> int:
    """Give the size that the next chunk has at most, after `gained` of `sent` bytes were taken.

    What takes a part of a chunk may take no more at a time; what takes all of it may take more.
    """
    if 0 < gained < sent:
        return max(gained // UNIT * UNIT, UNIT)
    return min(most * 2, ceiling) if sent and gained == sent else most
