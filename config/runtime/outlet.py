"""An outlet: what is printed waits in a queue, and a thread of its own brings it out.

Whoever reads standard error may stand still: a collector that froze, Ctrl-S on a terminal, a disk
that hangs. A write then waits for ever, and the event loop would wait with it. So nothing that
serves writes there itself: it leaves its lines here, which takes no time and never fails. When the
queue is full lines are dropped and counted, and a line in their place tells how many, once the
reader goes on.
"""

from __future__ import annotations

import atexit
import io
import os
import select
import sys
import time
from collections import deque
from contextlib import suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO, TextIO

    from _typeshed import ReadableBuffer

LINES: Final = 10_000
"""Lines that wait at most: some seconds of the busiest gateway, hours of an ordinary one."""

SIZE: Final = 4 << 20
"""Bytes that wait at most, 400 for each line: neither bound hides the other, and no machine on
which Titip runs misses so much."""

FLUSH: Final = 0.5
"""Seconds in which the last lines are brought out at the end; a stop has ten for all."""


class Outlet(io.BufferedIOBase):
    """The way out to one open file, for a TextIOWrapper; a write waits for nobody, and is whole.

    `notice` renders the line that tells of so many lost ones.
    """

    def __init__(
        self,
        fd: int,
        *,
        notice: Callable[[int], str] = lambda _count: "",
        lines: int = LINES,
        size: int = SIZE,
    ) -> None:
        super().__init__()
        self._fd = fd
        self._notice = notice
        self._most = lines, size
        self._news = Condition()
        self._queue: deque[bytes | int] = deque()  # a number: so many lines are missing here
        self._lines = self._size = 0
        self._missing = 0
        self._busy = self._failing = self._torn = False
        self.dropped = 0
        """Lines that were lost since the start."""
        Thread(target=self._bring_out, name="outlet", daemon=True).start()

    def writable(self) -> bool:
        """Tell that this is for writing."""
        return True

    def fileno(self) -> int:
        """Give the open file behind it."""
        return self._fd

    def isatty(self) -> bool:
        """Tell whether a person may be reading."""
        return os.isatty(self._fd)

    def write(self, data: ReadableBuffer, /) -> int:
        """Take it whole, or drop it whole and count its lines."""
        text = bytes(data)
        with self._news:
            if self._has_room_for(text):
                if self._missing:
                    self._queue.append(self._missing)
                    self._missing = 0
                self._queue.append(text)
                self._count(text, 1)
            else:
                self._lose(text)
            self._news.notify_all()
        return len(text)

    def close(self) -> None:
        """Take nothing more: the thread ends once all is out. The file stays open."""
        super().close()
        with self._news:
            self._news.notify_all()

    def drain(self, within: float) -> bool:
        """Wait until all is out, for so many seconds at most; tell whether it is."""
        with self._news:
            return self._news.wait_for(lambda: not (self._busy or self._has_work()), within)

    def _has_room_for(self, text: bytes) -> bool:
        """Tell whether it fits; after a loss only into a queue half empty, so that gaps are few."""
        lines, size = self._most
        if self._missing and not self._failing:
            lines, size = lines // 2, size // 2
        return self._lines + _lines_of(text) <= lines and self._size + len(text) <= size

    def _count(self, text: bytes, sign: int) -> None:
        self._lines += sign * _lines_of(text)
        self._size += sign * len(text)

    def _lose(self, text: bytes) -> None:
        self._missing += _lines_of(text)
        self.dropped += _lines_of(text)

    def _has_work(self) -> bool:
        """Tell whether there is something to write; a loss is not told to who just failed."""
        return bool(self._queue or (self._missing and not self._failing))

    def _bring_out(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self.closed or self._has_work())
                if not self._has_work():
                    return
                missing, text = self._taken()
                self._busy = True
            written = self._written(missing, text)
            with self._news:
                self._busy = False
                self._count(text, -1 if text else 0)
                self._failing = not written
                if not written:
                    self._missing += missing
                    if text:
                        self._lose(text)
                self._news.notify_all()

    def _taken(self) -> tuple[int, bytes]:
        """Take the next text from the queue, and how many lines are missing before it."""
        missing = 0
        if self._failing or not self._queue:
            missing, self._missing = self._missing, 0
        while self._queue:
            one = self._queue.popleft()
            if isinstance(one, bytes):
                return missing, one
            missing += one
        return missing, b""

    def _written(self, missing: int, text: bytes) -> bool:
        """Write it, however long that takes; tell whether it is out. Raises nothing."""
        told = b""
        with suppress(Exception):  # the thread must live, whatever cannot be told
            told = self._notice(missing).encode() if missing else b""
        rest = memoryview((b"\n" if self._torn else b"") + told + text)
        whole = len(rest)
        try:
            while rest:
                rest = rest[self._put(rest) :]
        except OSError:  # the reader went away, the disk is full: no error of the work
            self._torn = self._torn or len(rest) < whole
            return False
        self._torn = False
        return True

    def _put(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:  # another program made this file answer at once
            select.select([], [self._fd], [])
            return 0


def _lines_of(text: bytes) -> int:
    return max(1, text.count(b"\n"))


class Outlets:
    """Standard output and standard error of this process, as far as they are open files."""

    def __init__(self, *outlets: Outlet, faces: Sequence[TextIO] = ()) -> None:
        """Watch over these, and over the streams before them."""
        self._outlets = outlets
        self._faces = faces

    @property
    def dropped(self) -> int:
        """Tell how many lines were lost since the start."""
        return sum(one.dropped for one in self._outlets)

    def drain(self, within: float = FLUSH) -> None:
        """Wait until all is out, for so many seconds at most."""
        until = time.monotonic() + within
        for face in self._faces:
            with suppress(OSError, ValueError):
                face.flush()  # a line without an end
        for one in self._outlets:
            one.drain(max(0.0, until - time.monotonic()))


def take_over(*, notice: Callable[[int], str]) -> Outlets:
    """Put outlets in the place of `sys.stdout` and `sys.stderr`, to the end of the process.

    Whatever is printed from now on goes through them, by whom it may be: tracebacks of threads,
    warnings, what libraries log. Begin no thread before the signals are taken.
    """
    outlets, faces = [], []
    for name, said in (("stdout", lambda _count: ""), ("stderr", notice)):
        stream: TextIO | None = getattr(sys, name)
        fd = _descriptor(stream)
        if stream is None or fd is None:
            continue
        with suppress(OSError, ValueError):
            stream.flush()
        outlet = Outlet(fd, notice=said)
        face = io.TextIOWrapper(
            cast("BinaryIO", outlet),
            stream.encoding,
            errors="backslashreplace",
            line_buffering=True,
        )
        setattr(sys, name, face)
        outlets.append(outlet)
        faces.append(face)
    taken = Outlets(*outlets, faces=faces)
    atexit.register(taken.drain)
    return taken


def _descriptor(stream: TextIO | None) -> int | None:
    """Give the open file behind a stream; None for one that is closed or in memory."""
    if stream is None:
        return None
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
