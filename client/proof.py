"""Compare what the gateway says it holds with what this machine sent."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

from client.errors import DigestMismatch

_SHA256_FIELD = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]*):")
_HEX = re.compile(r"[0-9a-f]{64}")
_SHA256_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The gateway sealed these very bytes.

    `sealed_at`, at the latest: another sender of the same file may have been first. By the
    gateway's clock, RFC 3339 or ''.
    """

    upload: str
    sha256: str
    sealed_at: str


def digest_in(field: str) -> str:
    """Give the SHA-256 of a Repr-Digest field (RFC 9530) in hex, or '' if it carries none."""
    found = _SHA256_FIELD.search(field)
    if found is None:
        return ""
    try:
        raw = base64.b64decode(found[1], validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == _SHA256_BYTES else ""


def hex_digest(value: object) -> str:
    """Give a SHA-256 in lower-case hex, or '' if `value` is anything else."""
    if isinstance(value, str) and _HEX.fullmatch(value.lower()):
        return value.lower()
    return ""


def compare(*, upload: str, here: str, there: str, sealed_at: str) -> Proof:
    """Prove that both ends hold the same bytes, or raise DigestMismatch."""
    if here != there:
        raise DigestMismatch(dispute(upload=upload, here=here, there=there))
    return Proof(upload=upload, sha256=here, sealed_at=sealed_at)


def dispute(*, upload: str, here: str, there: str) -> str:
    """Say that the two ends differ, and what to do."""
    return (
        f"NOT PROVEN: the gateway holds other bytes than this file has (upload {upload}, sha256 "
        f"{there or 'unknown'} there, {here} here). Keep the file, tell your operator, and hand it "
        "in anew with --again"
    )
