"""The bytes of one request, in the pieces in which they reach the socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE: Final = 256 * 1024
"""Bytes of one send. A socket's time limit covers one: so large a piece must leave within it."""


class ChunkBody:
    """Bytes that are handed to the socket piece by piece, any number of times.

    In one piece, a chunk of 8 MiB would be cut off on a line that takes longer for it than the
    time limit, however steadily it moves. It can be sent again, since a client library does so
    when a token has run out.
    """

    def __init__(self, data: bytes, *, sent: Callable[[int], None]) -> None:
        self._data = data
        self._sent = sent
        self._told = 0

    def __len__(self) -> int:
        """Give the length in bytes."""
        return len(self._data)

    def __iter__(self) -> Iterator[memoryview]:
        """Give the pieces; each counts once, when the socket asks for the one after it."""
        view = memoryview(self._data)
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            yield piece
            if start >= self._told:
                self._told = start + len(piece)
                self._sent(len(piece))
