"""CORS: which pages may call, and what they may send and see. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_AGE: Final = 7200
"""Seconds a preflight is good for: the most that Chromium honours."""

_MAY_SEND: Final = (
    "Authorization, Content-Type, Idempotency-Key, Tus-Resumable, Upload-Length, Upload-Offset, "
    "Upload-Metadata, Upload-Checksum, Upload-Concat, Upload-Defer-Length, "
    "Upload-Secret, Upload-Complete, Upload-Draft-Interop-Version, Content-Disposition, "
    "Content-Digest, Repr-Digest, Want-Repr-Digest, "
    "X-HTTP-Method-Override, X-Request-ID, X-Requested-With"
)
_MAY_SEE: Final = (
    "Location, Retry-After, Repr-Digest, Content-Disposition, Tus-Resumable, Tus-Version, "
    "Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Upload-Offset, Upload-Length, "
    "Upload-Metadata, Upload-Expires, Upload-Checksum, Upload-Concat, Upload-Defer-Length, "
    "Upload-Secret, Upload-Complete, Upload-Limit, Upload-Draft-Interop-Version, Accept-Patch, "
    "X-Request-ID"
)


def answer_headers(origin: str | None, origins: Sequence[str]) -> dict[str, str]:
    """Give the headers that let a page of this origin read the answer."""
    if "*" in origins:
        allowed = {} if origin is None else {"Access-Control-Allow-Origin": "*"}
    elif origin in origins and origin is not None:
        allowed = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Credentials": "true",
            "Vary": "Origin",
        }
    else:
        return {"Vary": "Origin"}
    return {**allowed, "Access-Control-Expose-Headers": _MAY_SEE} if allowed else {}


def preflight_headers() -> dict[str, str]:
    """Give what OPTIONS adds: the methods and headers a page may send."""
    return {
        "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": _MAY_SEND,
        "Access-Control-Max-Age": str(MAX_AGE),
    }
