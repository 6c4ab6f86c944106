"""The only file that speaks to the disk about bytes: positioned writes, syncs, and their errors.

Every OSError leaves here as StorageFull or StorageBroken, so that nobody above mistakes a lost
network connection (an OSError too) for a broken disk.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from titip.errors import StorageBroken, StorageFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHORT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""The system is short of files or memory for the moment: trouble, but none of the disk's."""

_ADVICE: Final = {
    errno.EIO: "look at the kernel's log, mend or replace the disk, restart Titip",
    errno.EROFS: "it is read-only: look at the kernel's log, mend it, mount it for writing, "
    "restart Titip",
    errno.EACCES: "give the data folder to the account that runs titip",
    errno.EPERM: "give the data folder to the account that runs titip",
    errno.ENOENT: "a part of the data folder is gone: is its disk mounted?",
    errno.ENOTDIR: "a part of the data folder is gone: is its disk mounted?",
}

_IOV_MAX: Final = os.sysconf("SC_IOV_MAX") if "SC_IOV_MAX" in os.sysconf_names else 1024

_fdatasync = getattr(os, "fdatasync", os.fsync)


@contextmanager
def translated() -> Iterator[None]:
    """Turn an OSError of the block into StorageFull or StorageBroken."""
    try:
        yield
    except OSError as error:
        word = errno.errorcode.get(error.errno or 0, "unknown error")
        if error.errno in FULL:
            raise StorageFull(f"the disk is full ({word})") from error
        if error.errno in _SHORT:
            raise StorageFull(f"the system has no room for another open file ({word})") from error
        advice = _ADVICE.get(error.errno or 0, "look at the kernel's log")
        raise StorageBroken(f"the disk refused ({word}): {advice}") from error


@contextmanager
def closing_fd(fd: int) -> Iterator[int]:
    """Close an open file at the end of the block."""
    try:
        yield fd
    finally:
        os.close(fd)


def write_at(fd: int, pieces: Sequence[bytes], offset: int) -> int:
    """Write all pieces one after the other at the offset; give the bytes written."""
    total = sum(map(len, pieces))
    views = [memoryview(piece) for piece in pieces if piece]
    done = 0
    with translated():
        while done < total:
            wrote = os.pwritev(fd, views[:_IOV_MAX], offset + done)
            done += wrote
            views = _left(views, wrote)
    return total


def sync_data(fd: int) -> None:
    """Bring the file's bytes, and its size, to stable storage."""
    with translated():
        _fdatasync(fd)


def cut_to(fd: int, size: int) -> None:
    """Cut off what a file has beyond so many bytes."""
    with translated():
        if os.fstat(fd).st_size > size:
            os.ftruncate(fd, size)


def sync_folder(path: Path | str) -> None:
    """Bring the names in a folder to stable storage."""
    with translated():
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def make_way(path: Path) -> None:
    """Make the folders above this path that are missing, and sync the name of each.

    What lies below a folder whose name a power cut takes is lost with it. Raises OSError.
    """
    for missing in reversed([one for one in path.parents if not one.exists()]):
        missing.mkdir(exist_ok=True)
        sync_folder(missing.parent)


def make_folder(path: Path) -> None:
    """Make a folder of our own, readable by nobody else, and sync its name; fine if it is there.

    Raises StorageBroken, StorageFull.
    """
    with translated():
        try:
            path.mkdir(mode=0o700)
        except FileExistsError as error:
            if not path.is_dir():
                raise StorageBroken(f"{path} is a file: move it away") from error
            return
    sync_folder(path.parent)


def _left(views: list[memoryview], wrote: int) -> list[memoryview]:
    for index, view in enumerate(views):
        if wrote < len(view):
            return [view[wrote:], *views[index + 1 :]]
        wrote -= len(view)
    return []
