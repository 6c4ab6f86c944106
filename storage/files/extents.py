"""Joining bytes that lie in several files: shared with the new one where the disk can do that.

Where it cannot, they are copied in small steps, each synced before the next: on ext4 a commit of
somebody else's waits for all new bytes that any file has not brought to the disk yet.
"""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Final

from storage.files.durable import FULL, sync_data, translated, write_at
from titip.errors import ContentDamaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from storage.files.spool import SpoolContent

_CLONE: Final = 0x4020940D
"""FICLONERANGE of Linux: let a range of this file share the bytes of another one's."""

_PROBE: Final = 64 << 10
"""Bytes that are a whole number of blocks on every file system."""

_QUICK, _SLOW = 0.004, 0.012
"""Seconds of a step below which the next one is larger, and above which it is smaller: what
somebody else's sync may have to wait for, several times over, stays far below 50 ms."""


class AdaptiveChunk:
    """How many bytes are copied between two syncs; for one thread."""

    SMALLEST: Final = 256 << 10
    LARGEST: Final = 4 << 20

    def __init__(self) -> None:
        self.size = 1 << 20

    def took(self, seconds: float) -> None:
        """Learn from a step how fast the disk is now."""
        if seconds < _QUICK:
            self.size = min(self.size * 2, self.LARGEST)
        elif seconds > _SLOW:
            self.size = max(self.size // 2, self.SMALLEST)


def shares_extents(folder: Path) -> bool:
    """Tell whether files in this folder can share bytes on the disk; a full one shares nothing."""
    try:
        with (
            tempfile.TemporaryFile(dir=folder) as one,
            tempfile.TemporaryFile(dir=folder) as other,
        ):
            one.write(bytes(_PROBE))
            one.flush()
            return _shared(one.fileno(), other.fileno(), at=0, count=_PROBE)
    except OSError:
        return False


def block_of(where: int | Path) -> int:
    """Give the size of what files share: whole ones of these, but for the last of a file."""
    with translated():
        return os.statvfs(where).f_bsize


def unshared(lengths: Iterable[int], *, block: int) -> int:
    """Tell how many bytes cannot be shared: those of parts that do not begin at a block."""
    at = copied = 0
    for length in lengths:
        copied += length if at % block else 0
        at += length
    return copied


def append_from(
    content: SpoolContent,
    fd: int,
    *,
    at: int,
    count: int,
    stride: AdaptiveChunk,
    go_on: Callable[[], None],
) -> None:
    """Bring the first `count` bytes of the content to this place of a file, which ends there.

    What was copied is synced on return, what is shared is not. `go_on` is called before each step
    and may raise. Raises ContentDamaged when the content cannot be read, StorageFull,
    StorageBroken.
    """
    go_on()
    if content.size < count:
        raise ContentDamaged("it has fewer bytes than were committed")
    if count and at % block_of(fd) == 0:
        with translated():
            if _shared(content.fd, fd, at=at, count=count):
                return
    done = 0
    while done < count:
        go_on()
        begun = time.monotonic()
        done += _copied(content, fd, skip=done, at=at, count=min(stride.size, count - done))
        sync_data(fd)
        stride.took(time.monotonic() - begun)


def _shared(source: int, target: int, *, at: int, count: int) -> bool:
    """Share the first bytes of one file; False where that cannot be done, for whatever reason.

    Only a full disk is raised: what else is wrong, copying will tell, and whose fault it is.
    """
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415 - not everywhere

    try:
        fcntl.ioctl(target, _CLONE, struct.pack("qQQQ", source, 0, count, at))
    except OSError as error:
        if error.errno in FULL:
            raise
        return False
    return True


def _copied(content: SpoolContent, fd: int, *, skip: int, at: int, count: int) -> int:
    """Copy some bytes, within the kernel where it can do that; tell how many."""
    if hasattr(os, "copy_file_range"):
        try:
            wrote = os.copy_file_range(content.fd, fd, count, skip, at + skip)
        except OSError:
            wrote = 0  # it cannot, or one of the two is bad: what follows says which
        if wrote:
            return wrote
    return write_at(fd, [content.read(skip, count)], at + skip)
