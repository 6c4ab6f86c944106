"""Never hand out damaged bytes: a content that digests what is read of it.

The last byte is given only when the digest over all bytes, as they were given out, is the sealed
one. So no destination gets the whole of a damaged file, however it reads.
"""

from __future__ import annotations

import hashlib
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Final

from titip.errors import ContentDamaged

if TYPE_CHECKING:
    from hashlib import _Hash as Digest

    from titip.ports.delivery import Content
    from titip.upload import Upload

SMALL: Final = 1 << 20
"""Bytes up to which a file is read and proved before its first byte is given, and then kept."""

PIECE: Final = 1 << 20
"""Bytes read at once of what is digested and not given."""

REMEMBERED: Final = 16
"""Reads that can be gone back to for nothing: who reads again mostly wants its last chunk."""

NOT_SEALED: Final = "its bytes are not the sealed ones"


class VerifiedContent:
    """Implements titip.ports.Content; `inner` is None where there are no bytes at all.

    A read that goes back takes the digest back, and one that leaps has what is between digested:
    the digest always covers what was last given for each place, from the first byte on.
    """

    def __init__(self, inner: Content | None, upload: Upload) -> None:
        """Check `inner` against what was sealed of this upload."""
        self.size = upload.size
        """The sealed length, whatever the file's is."""
        self._inner = inner
        self._upload = upload
        self._lock = Lock()
        self._kept: bytes | None = None
        self._mark = 0
        self._digest: Digest = hashlib.sha256()
        self._before: deque[tuple[int, Digest]] = deque(maxlen=REMEMBERED)

    def read(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`; blocking. Raises ContentDamaged, StorageBroken."""
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        with self._lock:
            if self.size <= SMALL:
                return self._whole()[offset : offset + size]
            return self._in_order(offset, size)

    def prove(self) -> None:
        """Raise ContentDamaged where that can be known before anything is given out; blocking."""
        with self._lock:
            self._sound()
            if 0 < self.size <= SMALL:
                self._whole()

    def _sound(self) -> Content:
        """Give the inner content unless it is known to be wrong."""
        if self._upload.damaged:
            raise ContentDamaged("it was found to differ from what was sealed")
        if self._inner is None:
            raise ContentDamaged("its file is missing")
        if self._inner.size != self.size:
            raise ContentDamaged(f"it has {self._inner.size} bytes instead of {self.size}")
        return self._inner

    def _whole(self) -> bytes:
        if self._kept is None:
            self._digest = hashlib.sha256()
            pieces: list[bytes] = []
            while (there := sum(map(len, pieces))) < self.size:
                pieces.append(self._taken(there, self.size - there))
            self._kept = b"".join(pieces)
        return self._kept

    def _in_order(self, offset: int, size: int) -> bytes:
        while self._before and offset < self._mark:
            self._mark, self._digest = self._before.pop()
        if offset < self._mark:
            self._mark, self._digest = 0, hashlib.sha256()
        while self._mark < offset:
            self._taken(self._mark, min(PIECE, offset - self._mark))
        self._before.append((self._mark, self._digest.copy()))
        return self._taken(offset, size)

    def _taken(self, offset: int, size: int) -> bytes:
        """Read and digest at the mark; what ends the file must make the digest right."""
        piece = self._sound().read(offset, size)
        if not piece:
            raise ContentDamaged("it has fewer bytes than were sealed")
        self._digest.update(piece)
        self._mark = offset + len(piece)
        if self._mark == self.size and self._digest.hexdigest() != self._upload.sha256:
            raise ContentDamaged(NOT_SEALED)
        return piece
