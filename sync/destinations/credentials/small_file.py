"""Files that somebody else writes: opening one cannot wait for ever, nor reading fill memory."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path


Signature = tuple[int, int, int]


def signature(path: Path) -> Signature:
    """Give what is another one once the file has changed; raises OSError, ValueError."""
    told = path.stat()
    return told.st_ino, told.st_mtime_ns, told.st_size


def open_regular(path: Path) -> FileIO:
    """Open a file to read; raises OSError, also for what is no regular file.

    A named pipe is not waited for, and a device never ends.
    """
    return open(path, "rb", buffering=0, opener=_regular)


def read_small(path: Path, *, most: int) -> bytes:
    """Give what a file holds; raises OSError, also for one of more than `most` bytes."""
    data = b""
    with open_regular(path) as file:
        while len(data) <= most and (piece := file.read(most + 1 - len(data))):
            data += piece
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most >> 10} KiB")
    return data


def _regular(path: str, flags: int) -> int:
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "it is no regular file")
