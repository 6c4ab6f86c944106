"""Reading sealed bytes again, at a bounded rate, and comparing them with what was sealed."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Final

from titip.errors import ContentDamaged

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.files.spool import Spool, SpoolContent
    from titip.upload import Upload

PIECE: Final = 1 << 20
"""Bytes read at once."""

OPENING: Final = 64 << 10
"""Bytes that opening a file counts as: on a turning disk a small one costs its seek."""

SLACK: Final = 0.05
"""Seconds of debt that are not worth a sleep."""

NOT_SEALED: Final = "its bytes are not the sealed ones"


class Stopped(Exception):
    """The reading was told to end; what was read so far says nothing."""


class ReadThrottle:
    """So many bytes a second at most, whatever the time: idle time is not saved up.

    `wait` sleeps, and tells whether it was told to stop; for one thread.
    """

    def __init__(
        self,
        rate: float,
        *,
        wait: Callable[[float], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._wait = wait
        self._clock = clock
        self._free_at = clock()

    def spend(self, count: int) -> None:
        """Pay for bytes that were read; raises Stopped."""
        now = self._clock()
        self._free_at = max(self._free_at, now) + count / self._rate
        owed = self._free_at - now
        if self._wait(owed if owed > SLACK else 0):
            raise Stopped


def damage_of(spool: Spool, upload: Upload, *, pace: ReadThrottle | None = None) -> str:
    """Say how the spool's bytes differ from the sealed ones; empty where they are whole.

    Blocking. Reads the disk and not the system's memory, and leaves that memory to others.
    Raises Stopped, StorageBroken.
    """
    if pace is not None:
        pace.spend(OPENING)
    try:
        with spool.open(upload.id) as content:
            if content.size != upload.size:
                return f"it has {content.size} bytes instead of {upload.size}"
            same = _digest(content, pace) == upload.sha256
    except ContentDamaged as damage:
        return str(damage)
    return "" if same else NOT_SEALED


def _digest(content: SpoolContent, pace: ReadThrottle | None) -> str:
    digest = hashlib.sha256()
    content.forget(0, content.size)
    offset = 0
    while offset < content.size:
        piece = content.read(offset, PIECE)
        content.forget(offset, len(piece))
        digest.update(piece)
        offset += len(piece)
        if pace is not None:
            pace.spend(len(piece))
    return digest.hexdigest()
