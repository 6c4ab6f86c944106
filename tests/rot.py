"""Rot, planted in the spool: what a disk, a restore or somebody's hand does to a sealed file."""

import errno
import os
from pathlib import Path
from random import Random

import pytest

from storage.journal.deliveries import Transitions
from storage.repair import Repair
from tests.storage_fixtures import POLICY


def flip(path: Path, at: int = 0) -> None:
    """Change one bit of one byte."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def flip_last(path: Path) -> None:
    flip(path, path.stat().st_size - 1)


def cut(path: Path) -> None:
    """Lose the end."""
    os.truncate(path, path.stat().st_size - 1)


def grow(path: Path) -> None:
    """Gain a byte."""
    with path.open("ab") as file:
        file.write(b"x")


def vanish(path: Path) -> None:
    """Lose the file."""
    path.unlink()


def repair_of(house) -> Repair:
    """The repairs of a house, by its clock."""
    return Repair(house.spool, house.journal, Transitions(POLICY, Random(3)), now=house.clock)


async def pieces_of(data: bytes, size: int = 1 << 20):
    """A copy that a mirror gives back."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def unreadable(path: Path, patch: pytest.MonkeyPatch) -> None:
    """Let the system refuse to read it, as a file system that is not permitted to does."""
    this, read = path.stat(), os.pread

    def refusing(fd: int, size: int, offset: int) -> bytes:
        if os.path.samestat(os.fstat(fd), this):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return read(fd, size, offset)

    patch.setattr(os, "pread", refusing)
