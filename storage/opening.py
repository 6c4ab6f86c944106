"""How every reader opens what holds an upload's bytes: a regular file of that name, and no other.

A link may lead anywhere, a named pipe is waited for without end, and neither is what was kept.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from titip.errors import Damaged

if TYPE_CHECKING:
    from pathlib import Path

NO_FILE: Final = "what lies in its place is no file"

ODD: Final = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR})
"""What the system answers for a link that is not followed, a socket, a folder to be written to."""


def open_bytes(path: Path, *, size: int | None = None) -> int:
    """Open the file to read, of this size if one is given; the caller closes it.

    Raises Damaged for what is something else, and OSError as it comes.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY)
    except OSError as error:
        if error.errno in ODD:
            raise Damaged(NO_FILE) from error
        raise
    try:
        _refuse_odd(os.fstat(fd), size)
    except Damaged:
        os.close(fd)
        raise
    return fd


def _refuse_odd(told: os.stat_result, size: int | None) -> None:
    if not stat.S_ISREG(told.st_mode):
        raise Damaged(NO_FILE)
    if size is not None and told.st_size != size:
        raise Damaged(f"it has {told.st_size} bytes instead of {size}")
