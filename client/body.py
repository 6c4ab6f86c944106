"""One chunk of a file as a request body: read while it is sent, a block at a time."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from client.errors import Refused, Stopped, unreadable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable


class Slice:
    """The next `length` bytes of an open file, for requests: it asks `__len__` and `read`.

    `moved` hears the length of each block handed to the connection. A file that ends early raises
    Refused, never OSError, which urllib3 would take for a broken line.
    """

    def __init__(
        self,
        stream: IO[bytes],
        length: int,
        *,
        stop: threading.Event,
        moved: Callable[[int], None],
    ) -> None:
        self._stream = stream
        self._length = length
        self._done = 0
        self._stop = stop
        self._moved = moved

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes, at most `size`; nothing once the slice is through."""
        if self._stop.is_set():
            raise Stopped
        left = self._length - self._done
        wanted = left if size < 0 else min(size, left)
        try:
            block = self._stream.read(wanted)
        except OSError as error:
            raise Refused(unreadable(error)) from error
        if len(block) < wanted:
            raise Refused("became shorter while it was being handed in: push it again")
        self._done += len(block)
        self._moved(wanted)
        return block
