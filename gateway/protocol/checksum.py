"""The checksum extension of tus: which algorithms there are, and whether a body fits its own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Hash(Protocol):
    """What we use of a hashlib object."""

    @property
    def digest_size(self) -> int:
        """Give the digest's length in bytes."""

    def update(self, data: bytes, /) -> None:
        """Take these bytes in."""

    def digest(self) -> bytes:
        """Give the digest of all that was taken in."""


class _Crc32:
    """CRC-32 (ISO-HDLC, as zlib has it), its four bytes in network order."""

    digest_size = 4

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self.digest_size, "big")


ALGORITHMS: Final[Mapping[str, Callable[[], Hash]]] = {
    "sha1": partial(hashlib.sha1, usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "md5": partial(hashlib.md5, usedforsecurity=False),
    "crc32": _Crc32,
}
"""By their tus names; sha1 is the one every server must know (tus 1.0, checksum extension)."""


class BadChecksum(ValueError):
    """The header is not an `algorithm base64` pair of a known algorithm."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a sender says its body digests to."""

    algorithm: str
    digest: bytes


class BodyDigest:
    """What a body digests to that counts whole or not at all.

    One whose checksum is `trailed` is digested in each way there is: only its end tells which one
    was meant.
    """

    def __init__(self, told: Checksum | None, *, trailed: bool = False) -> None:
        self.trailed = trailed
        self._told = told
        names = ALGORITHMS if trailed else () if told is None else (told.algorithm,)
        self._running = {name: ALGORITHMS[name]() for name in names}

    def update(self, data: bytes, /) -> None:
        """Take these bytes in."""
        for running in self._running.values():
            running.update(data)

    def fits(self, trailed: Checksum | None = None) -> bool:
        """Tell whether the body is the one that was meant; one without a checksum is."""
        told = trailed or self._told
        return told is None or hmac.compare_digest(
            self._running[told.algorithm].digest(), told.digest
        )


def parse(header: str) -> Checksum:
    """Read an Upload-Checksum header; raises BadChecksum."""
    algorithm, _, encoded = header.strip().partition(" ")
    make = ALGORITHMS.get(algorithm)
    if make is None:
        raise BadChecksum(f"Upload-Checksum knows {', '.join(ALGORITHMS)}")
    try:
        digest = base64.b64decode(encoded.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadChecksum("Upload-Checksum must be an algorithm and a base64 digest") from error
    if len(digest) != make().digest_size:
        raise BadChecksum(f"Upload-Checksum is not as long as a {algorithm} digest")
    return Checksum(algorithm, digest)
