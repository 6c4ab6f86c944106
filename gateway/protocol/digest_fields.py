"""Digest fields of HTTP (RFC 9530): of one body, and of the whole that bodies come to. Pure.

A field that cannot be read, and an algorithm that is not known, count as not sent (RFC 9651, 4.2;
RFC 9530, 2): a sender that wants certainty compares the Repr-Digest of the answer.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

import http_sf

from gateway.protocol.checksum import Checksum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.protocol.commands import Fields

_SHA256: Final = "sha-256"

_KNOWN: Final = {
    "sha-512": ("sha512", hashlib.sha512().digest_size),
    _SHA256: ("sha256", hashlib.sha256().digest_size),
}
"""Those whose status is Active in the registry that RFC 9530 began, the stronger one first."""


def content_digest(fields: Fields) -> Checksum | None:
    """Give what the sender says that this body digests to."""
    told = _dictionary(fields, "Content-Digest")
    for name, (algorithm, size) in _KNOWN.items():
        digest = told.get(name)
        if isinstance(digest, bytes) and len(digest) == size:
            return Checksum(algorithm, digest)
    return None


def declared_sha256(fields: Fields) -> str:
    """Give in hex what the sender says that the whole digests to; empty where it does not say."""
    digest = _dictionary(fields, "Repr-Digest").get(_SHA256)
    _, size = _KNOWN[_SHA256]
    return digest.hex() if isinstance(digest, bytes) and len(digest) == size else ""


def is_wanted(fields: Fields) -> bool:
    """Tell whether the digest of the whole may be told: weight 0 says that it is not wanted."""
    weight = _dictionary(fields, "Want-Repr-Digest").get(_SHA256, 1)
    return weight != 0


def repr_digest(sha256: str) -> str:
    """Write a hex SHA-256 as Repr-Digest has it."""
    return f"{_SHA256}=:{base64.b64encode(bytes.fromhex(sha256)).decode('ascii')}:"


def _dictionary(fields: Fields, name: str) -> Mapping[str, object]:
    """Read a dictionary's members without their parameters; empty where it cannot be read."""
    lines = fields.getall(name, ())
    if not lines:
        return {}
    try:
        read = http_sf.parse(", ".join(lines).encode("ascii", "replace"), tltype="dictionary")
    except http_sf.StructuredFieldError:
        return {}
    members = read if isinstance(read, dict) else {}
    return {key: item[0] if isinstance(item, tuple) else item for key, item in members.items()}
