"""Bringing one file of the spool somewhere else: shared with it where that is safe, else copied.

A file has its final name only once it is complete and on stable storage, so that whoever finds
the name with the right size need not look again. Errors are the system's own, with their path.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PART: Final = ".part"
"""Ends the name of what is not complete yet."""

PIECE: Final = 1 << 20
"""Bytes copied or digested at a time."""

FICLONE: Final = 0x40049409
"""Linux: share the blocks of a file until one of the two is written to (btrfs, xfs, bcachefs)."""


class Way(StrEnum):
    """How a file was brought: blocks shared, one file under two names, or bytes copied."""

    SHARED = "shared"
    LINKED = "linked"
    COPIED = "copied"


class TooShort(Exception):
    """The source has fewer bytes than it must."""


def bring(source: Path, target: Path, *, size: int, immutable: bool) -> Way:
    """Bring the first `size` bytes of a file to `target`, replacing it, durable but for its name.

    The caller syncs the folder. `immutable`: nothing writes to the source any more, so that the
    two may be one file. Raises TooShort, and OSError as it comes.
    """
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)
    with _opened(source, os.O_RDONLY) as from_fd:
        if os.fstat(from_fd).st_size < size:
            raise TooShort(source)
        way = _share(from_fd, part, size) or (
            _link(source, part) if immutable and os.fstat(from_fd).st_size == size else None
        )
        if way is None:
            way = _copy(from_fd, part, size)
    part.replace(target)
    part.unlink(missing_ok=True)  # renaming one name of a file to another of its own does nothing
    return way


def size_of(path: Path) -> int | None:
    """Give the size of a file, None where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def sha256_of(path: Path) -> str:
    """Digest a file, in hex."""
    digest = hashlib.sha256()
    with _opened(path, os.O_RDONLY) as fd:
        while piece := os.read(fd, PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _share(from_fd: int, part: Path, size: int) -> Way | None:
    """Share the blocks where the file system can; None where it cannot."""
    import fcntl  # noqa: PLC0415 - not on Windows, where there is no server to back up

    with _opened(part, os.O_RDWR | os.O_CREAT | os.O_EXCL) as fd:
        try:
            fcntl.ioctl(fd, FICLONE, from_fd)
        except OSError:
            part.unlink()
            return None
        os.ftruncate(fd, size)
        os.fsync(fd)
    return Way.SHARED


def _link(source: Path, part: Path) -> Way | None:
    """Give the file a second name; None across file systems and where links are not allowed."""
    with suppress(OSError):
        part.hardlink_to(source)
        return Way.LINKED
    return None


def _copy(from_fd: int, part: Path, size: int) -> Way:
    with _opened(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as fd:
        done = 0
        while done < size:
            piece = os.pread(from_fd, min(PIECE, size - done), done)
            if not piece:
                raise TooShort(part)
            view = memoryview(piece)
            while view:
                wrote = os.write(fd, view)
                done, view = done + wrote, view[wrote:]
        os.fsync(fd)
    return Way.COPIED


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    fd = os.open(path, flags, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)
