"""Write a body to a file piece by piece and digest it on the way, so that memory stays bounded."""

import asyncio
import hashlib
from pathlib import Path
from typing import Self

PIECE_BYTES = 256 * 1024
"""How much of a body is held at once."""


class HashingFile:
    """A file being written, with the digest and the size of what it holds so far."""

    def __init__(self, path: Path) -> None:
        """Make the file at `path`, empty."""
        self.path = path
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        """Give the sink itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file and keep it."""
        self._file.close()

    async def write(self, piece: bytes) -> None:
        """Add a piece at the end, away from the event loop."""
        await asyncio.to_thread(self._write, piece)

    @property
    def sha256(self) -> str:
        """Give the hex digest of everything written so far."""
        return self._sha256.hexdigest()

    def _write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._sha256.update(piece)
        self.size += len(piece)
