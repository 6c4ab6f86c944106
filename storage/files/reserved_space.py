"""Room that the journal has reserved for itself: a file to be given up when the disk is full.

While it is there, whatever fills the disk, a commit that meets a full disk can be tried again at
once. While it is gone nothing new is taken in, so that the room it left is the journal's alone.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from storage.files.durable import closing_fd, sync_folder, translated
from titip.errors import CustodyError

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

SIZE: Final = 32 << 20
"""Bytes: SQLite's log at its largest, and the rows of some ten thousand uploads."""

SHARE: Final = 16
"""On a small disk the ballast is at most one part in so many."""

UNIT: Final = 1 << 16
"""Bytes to which the size is rounded down."""

_GONE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Ballast:
    """One file in the data folder; several processes may share it."""

    def __init__(self, path: Path, *, size: int = SIZE) -> None:
        """Find out how large it should be on this disk; makes nothing yet. Raises StorageBroken."""
        self._path = path
        self._growing = path.with_name(f"{path.name}.new")
        self._text = str(path)  # a Path costs more than the call it is made for
        with translated():
            disk = os.statvfs(path.parent)
        share = disk.f_blocks * disk.f_frsize // SHARE
        self.size = min(size, max(UNIT, share // UNIT * UNIT))

    @property
    def held(self) -> bool:
        """Tell whether the room is reserved; looks, since another process may have needed it."""
        try:
            return os.stat(self._text).st_size >= self.size  # noqa: PTH116 - asked per batch
        except OSError:
            return False

    def restock(self) -> bool:
        """Reserve the room, where as much again stays free; tell whether it is reserved now."""
        if self.held:
            return True
        try:
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize < 2 * self.size:
                return False
            self._reserve()
        except (OSError, CustodyError) as error:
            with suppress(OSError):
                self._growing.unlink()
            if getattr(error, "errno", None) not in _GONE:
                log.warning("ballast.not_made", reason=type(error).__name__)
            return False
        log.info("ballast.made", bytes=self.size)
        return True

    def give_up(self) -> bool:
        """Free the room; tell whether there was any."""
        try:
            size = self._path.stat().st_size
            os.truncate(self._path, 0)  # frees it even where somebody holds the file open
            self._path.unlink()
        except OSError:
            return False
        with suppress(CustodyError):
            sync_folder(self._path.parent)  # some file systems free blocks only with their commit
        log.error("ballast.given_up", bytes=size)
        return True

    def _reserve(self) -> None:
        with closing_fd(os.open(self._growing, os.O_RDWR | os.O_CREAT, 0o600)) as fd:
            _allocate(fd, self.size)
            os.fsync(fd)
        self._growing.replace(self._path)
        sync_folder(self._path.parent)


def _allocate(fd: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
        return
    piece = bytes(UNIT)
    for offset in range(0, size, UNIT):
        os.pwrite(fd, piece, offset)
