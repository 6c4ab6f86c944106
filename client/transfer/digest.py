"""Compute a file's SHA-256 before it is sent, reading it once and holding one block."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from client.errors import Refused, Stopped, unreadable

if TYPE_CHECKING:
    import threading

    from client.plan import Item

BLOCK = 1 << 20
"""1 MiB: larger reads gain nothing measurable, and a stop is noticed within one block."""
COARSEST_CLOCK = 2.0
"""Seconds: FAT's grain of modification times, the coarsest of the file systems in use."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A file's SHA-256 in hex. `settled` tells that size and mtime are enough to trust it later."""

    sha256: str
    settled: bool = True


def digest(item: Item, *, stop: threading.Event) -> Digest:
    """Read the file through and give its digest.

    Raises Refused when the file cannot be read or changes meanwhile, Stopped when asked to stop.
    """
    running = hashlib.sha256()
    block = memoryview(bytearray(min(BLOCK, item.size + 1)))
    started = time.time()
    try:
        with item.path.open("rb", buffering=0) as stream:
            while taken := stream.readinto(block):
                if stop.is_set():
                    raise Stopped
                running.update(block[:taken])
        ensure_unchanged(item)
    except OSError as error:
        raise Refused(unreadable(error)) from error
    # A file younger than the clock's grain may change once more under the same mtime.
    settled = (
        item.mtime_ns < (started - COARSEST_CLOCK) * 1e9
    )  # this way round, no int is too large
    return Digest(running.hexdigest(), settled)


def ensure_unchanged(item: Item) -> None:
    """Raise Refused if the file is not what it was when it was found. May raise OSError."""
    facts = item.path.stat()
    if (facts.st_size, facts.st_mtime_ns) != (item.size, item.mtime_ns):
        raise Refused("changed while it was being handed in: push it again once it is finished")
