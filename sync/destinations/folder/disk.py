"""What the folder mirror asks of a disk, and whom its errors are blamed on."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from sync.content import PIECE
from sync.destinations.credentials.small_file import open_regular
from titip.errors import DestinationUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GONE: Final = (
    "mirror.path is missing or empty, and copies were made there: is its disk mounted? If it is "
    "meant to be a new folder, make it and put any file into it"
)

_CANNOT_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP})
"""What mounts without a way to sync a folder answer; there is nothing better to do there."""

_NO_NAMELESS: Final = frozenset({errno.EISDIR, errno.EOPNOTSUPP})
"""What systems without files that have no name answer (open(2), O_TMPFILE)."""

_ADVICE: Final = {
    errno.ENOSPC: "the mirror's disk is full: free some room, or point mirror.path elsewhere",
    errno.EDQUOT: "the mirror's disk quota is used up: raise it, or point mirror.path elsewhere",
    errno.EACCES: "Titip may not write to mirror.path: give its account write permission there",
    errno.EPERM: "Titip may not write to mirror.path: give its account write permission there",
    errno.EROFS: "mirror.path is on a read-only file system: mount it for writing",
    errno.ENOTDIR: "a part of mirror.path is a file: make it a folder, or point it elsewhere",
}


@contextmanager
def blamed_on_folder() -> Iterator[None]:
    """Turn an error of the disk into DestinationUnavailable with a reason that tells what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0)
        told = error.strerror or type(error).__name__
        raise DestinationUnavailable(advice or f"the mirror's folder failed: {told}") from error


@contextmanager
def opened_root(path: Path, *, has_copies: bool) -> Iterator[int]:
    """Hold the mirror's folder open, so that its disk cannot be unmounted meanwhile.

    It is made if it is missing. One that `has_copies` is not: missing, or without anything in it,
    it is a disk's that is not there, and DestinationUnavailable is raised.
    """
    if not has_copies:
        with suppress(FileExistsError):  # of what is no folder, opening tells
            path.mkdir(parents=True)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError as error:
        if has_copies:
            raise DestinationUnavailable(GONE, outage=True) from error
        raise
    try:
        if has_copies and not _holds_anything(descriptor):
            raise DestinationUnavailable(GONE, outage=True)
        yield descriptor
    finally:
        os.close(descriptor)


def _holds_anything(folder: int) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is not None


def digest_file(path: Path, each: Callable[[int], object]) -> tuple[int, str]:
    """Give size and sha256 of a synced file, read from the disk where the system can be made to.

    `each` is called with 0 for each piece: none of it leaves, but it goes on.
    """
    digest = hashlib.sha256()
    size = 0
    with open_regular(path) as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while piece := file.read(PIECE):
            digest.update(piece)
            size += len(piece)
            each(0)
    return size, digest.hexdigest()


def try_writing(folder: Path) -> None:
    """Write and sync a byte there, in a file without a name; raises OSError, or hangs as the disk.

    Where the file system has no such files, nothing is tried.
    """
    kind = getattr(os, "O_TMPFILE", None)
    if kind is None:
        return
    try:
        descriptor = os.open(folder, kind | os.O_WRONLY, 0o600)
    except OSError as error:
        if error.errno in _NO_NAMELESS:
            return
        raise
    try:
        os.write(descriptor, b"\0")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
    finally:
        os.close(descriptor)
