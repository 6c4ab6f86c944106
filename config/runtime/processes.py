"""Whether a gateway or a sync daemon works on a data folder now."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def runs(root: Path, role: str) -> bool:
    """Tell whether a process holds this role: its lock dies with it, so the word is good."""
    try:
        fd = os.open(root / f"{role}.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
