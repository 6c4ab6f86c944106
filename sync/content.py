"""Read the bytes of a sealed upload, exactly or not at all."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from titip.errors import AttemptFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from titip.ports.delivery import Content

PIECE: Final = 1 << 20
"""Bytes read at once: large enough that a thread hop costs nothing beside it."""


def read_exactly(content: Content, offset: int, size: int) -> bytes:
    """Read `size` bytes at `offset`; blocking. Raises AttemptFailed where the spool gives fewer."""
    pieces: list[bytes] = []
    missing = size
    while missing:
        try:
            piece = content.read(offset + size - missing, missing)
        except OSError as error:
            raise AttemptFailed(f"the spool could not be read: {error.strerror}") from error
        if not piece:
            raise AttemptFailed("the spool holds fewer bytes of this upload than were sealed")
        pieces.append(piece)
        missing -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def pieces(content: Content, *, start: int = 0) -> Iterator[bytes]:
    """Read from `start` to the end, a piece at a time; blocking."""
    for offset in range(start, content.size, PIECE):
        yield read_exactly(content, offset, min(PIECE, content.size - offset))


def md5_of(content: Content) -> str:
    """Digest the content for a destination that knows no better digest; blocking."""
    digest = hashlib.md5(usedforsecurity=False)
    for piece in pieces(content):
        digest.update(piece)
    return digest.hexdigest()
