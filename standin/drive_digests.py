"""Take the three digests that Drive reports of a file, in one pass."""

import hashlib
from pathlib import Path

READ_BYTES = 1024 * 1024


class Digests:
    """md5, sha1 and sha256 of everything fed so far."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    def update(self, piece: bytes) -> None:
        """Add the next bytes."""
        for digest in (self._md5, self._sha1, self._sha256):
            digest.update(piece)

    def report(self) -> dict[str, str]:
        """Give the digests under the names that Drive gives them."""
        return {
            "md5Checksum": self._md5.hexdigest(),
            "sha1Checksum": self._sha1.hexdigest(),
            "sha256Checksum": self._sha256.hexdigest(),
        }


def digests_of(path: Path) -> Digests:
    """Read a file through and digest it; blocks."""
    digests = Digests()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digests.update(piece)
    return digests
