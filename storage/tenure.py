"""One gateway and one sync daemon per data folder: a lock that dies with its process."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from storage.durable import translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Taken(RuntimeError):
    """Another process already does this work on this data folder."""


@contextmanager
def tenure(root: Path, role: str) -> Iterator[None]:
    """Hold the role for the block; raises Taken if another process holds it."""
    import fcntl  # noqa: PLC0415 - not on Windows, where only `titip push` is at home

    with translated():
        fd = os.open(root / f"{role}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Taken(f"another {role} already runs on {root}") from error
        yield
    finally:
        os.close(fd)
