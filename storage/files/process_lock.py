"""One gateway and one sync daemon per data folder: a lock that dies with its process."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final

from storage.files.durable import translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LOOKS: Final = 10
LOOK_SECONDS: Final = 0.1
"""A lock may be held for a moment by `titip status`, which asks whether somebody works here."""


class AlreadyRunning(RuntimeError):
    """Another process already does this work on this data folder."""


class ProcessLock:
    """A role that is held; the lock lives as long as anybody has its file open."""

    def __init__(self, fd: int) -> None:
        """Hold it by this open file."""
        self._fd = fd
        self._releasing = Lock()

    def release(self) -> None:
        """Let go, by name: a process that the kernel cannot end keeps its files open.

        May be called twice, and from any thread.
        """
        import fcntl  # noqa: PLC0415 - not on Windows, where only `titip push` is at home

        with self._releasing:
            fd, self._fd = self._fd, -1
            if fd < 0:
                return
            try:
                fcntl.flock(fd, fcntl.LOCK_UN)
            finally:
                os.close(fd)


@contextmanager
def tenure(root: Path, role: str) -> Iterator[ProcessLock]:
    """Hold the role for the block; raises AlreadyRunning if another process holds it."""
    with translated():
        fd = os.open(root / f"{role}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    held = ProcessLock(fd)
    try:
        _lock(fd, f"another {role} already runs on {root}")
        yield held
    finally:
        held.release()


def _lock(fd: int, taken: str) -> None:
    import fcntl  # noqa: PLC0415 - not on Windows, where only `titip push` is at home

    for _ in range(LOOKS):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOOK_SECONDS)
        else:
            return
    raise AlreadyRunning(taken)
