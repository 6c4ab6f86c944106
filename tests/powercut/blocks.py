"""Images of a disk of blocks, as cuts leave them: prefixes of its log, and some of what waited."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tests.powercut.cuts import Cut, pieces, through
from tests.powercut.recording import Word, records

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.powercut.recording import Record

SUPERBLOCK_ENDS: Final = 2048
"""Where ext4's superblock ends. It is two of the smallest sectors, under one checksum that a mount
looks at before it replays the journal: torn, the file system is lost with whatever is on it. ext4
stands on disks that write it whole, and a cut in the midst of a mount tells nothing of Titip."""


class Blocks:
    """One recording; positions must be asked for in rising order."""

    def __init__(self, image: Path, log: Path) -> None:
        """Play the log forward on `image`, which is the disk as it was before the first record."""
        self._base = os.open(image, os.O_RDWR)
        self._size = os.fstat(self._base).st_size
        self._coming = records(log)
        self._next: Record | None = next(self._coming, None)
        self._waiting: list[Record] = []

    def forward(self, position: int) -> None:
        """Take in what was told up to there; what was synced is on the disk, the rest waits."""
        while self._next is not None and self._next.end <= position:
            if self._next.word is Word.SYNC:
                for one in self._waiting:
                    os.pwrite(self._base, one.data, one.at)
                self._waiting.clear()
            else:
                self._waiting.append(self._next)
            self._next = next(self._coming, None)

    def leave(self, cut: Cut, image: Path, rng: Random) -> None:
        """Make the image of a cut here; the file keeps its identity, a loop device is on it."""
        fd = os.open(image, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._copy(fd)
            for one in through(cut, self._waiting, rng):
                whole = one.at < SUPERBLOCK_ENDS
                for at, data in pieces(Cut.ALL if whole else cut, one.at, one.data, rng):
                    os.pwrite(fd, data, at)
        finally:
            os.close(fd)

    def close(self) -> None:
        os.close(self._base)

    def _copy(self, fd: int) -> None:
        os.ftruncate(fd, 0)
        os.ftruncate(fd, self._size)
        start = 0
        while start < self._size:
            try:
                start = os.lseek(self._base, start, os.SEEK_DATA)
            except OSError:
                return  # nothing but holes from here on
            end = os.lseek(self._base, start, os.SEEK_HOLE)
            while start < end:
                start += os.pwrite(
                    fd, os.pread(self._base, min(end - start, 1 << 20), start), start
                )
