"""Bringing one file of the spool somewhere else: shared with it where that is safe, else copied.

A file has its final name only once it is complete and on stable storage, so that whoever finds
the name with the right size need not look again. Errors are the system's own, with their path.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from storage.files.durable import closing_fd
from storage.files.spool import open_bytes
from titip.errors import ContentDamaged

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

SHORT: Final = "it has fewer bytes than were committed"

PART: Final = ".part"
"""Ends the name of what is not complete yet."""

PIECE: Final = 1 << 20
"""Bytes copied or digested at a time."""

FICLONE: Final = 0x40049409
"""Linux: share the blocks of a file until one of the two is written to (btrfs, xfs, bcachefs)."""


class CopyMethod(StrEnum):
    """How a file was brought: blocks shared, one file under two names, or bytes copied."""

    SHARED = "shared"
    LINKED = "linked"
    COPIED = "copied"


def bring(source: Path, target: Path, *, size: int, immutable: bool) -> CopyMethod:
    """Bring the first `size` bytes of a file to `target`, replacing it, durable but for its name.

    The caller syncs the folder. `immutable`: nothing writes to the source any more, so that the two
    may be one file, and that it has no more bytes. Raises ContentDamaged, and OSError as it comes.
    """
    part = target.with_name(target.name + PART)
    part.unlink(missing_ok=True)
    with closing_fd(open_bytes(source, size=size if immutable else None)) as from_fd:
        if os.fstat(from_fd).st_size < size:
            raise ContentDamaged(SHORT)
        way = _share(from_fd, part, size) or (_link(source, part) if immutable else None)
        if way is None:
            way = _copy(from_fd, part, size)
    part.replace(target)
    part.unlink(missing_ok=True)  # renaming one name of a file to another of its own does nothing
    return way


def size_of(path: Path) -> int | None:
    """Give the size of a file, None where there is none, or something else."""
    try:
        told = path.lstat()
    except FileNotFoundError:
        return None
    return told.st_size if stat.S_ISREG(told.st_mode) else None


def sha256_of(path: Path) -> str:
    """Digest a file, in hex."""
    digest = hashlib.sha256()
    with closing_fd(open_bytes(path)) as fd:
        while piece := os.read(fd, PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _share(from_fd: int, part: Path, size: int) -> CopyMethod | None:
    """Share the blocks where the file system can; None where it cannot."""
    import fcntl  # noqa: PLC0415 - not on Windows, where there is no server to back up

    with _made(part, os.O_RDWR) as fd:
        try:
            fcntl.ioctl(fd, FICLONE, from_fd)
        except OSError:
            part.unlink()
            return None
        os.ftruncate(fd, size)
        os.fsync(fd)
    return CopyMethod.SHARED


def _link(source: Path, part: Path) -> CopyMethod | None:
    """Give the file a second name; None across file systems and where links are not allowed."""
    with suppress(OSError):
        part.hardlink_to(source)
        return CopyMethod.LINKED
    return None


def _copy(from_fd: int, part: Path, size: int) -> CopyMethod:
    with _made(part, os.O_WRONLY) as fd:
        done = 0
        while done < size:
            piece = os.pread(from_fd, min(PIECE, size - done), done)
            if not piece:
                raise ContentDamaged(SHORT)
            view = memoryview(piece)
            while view:
                wrote = os.write(fd, view)
                done, view = done + wrote, view[wrote:]
        os.fsync(fd)
    return CopyMethod.COPIED


def _made(path: Path, flags: int) -> AbstractContextManager[int]:
    return closing_fd(os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600))
