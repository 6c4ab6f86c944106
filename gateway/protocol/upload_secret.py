"""The secret that goes on with one upload and does nothing else: it outlives its sender's login.

A browser whose token ran out would otherwise be told 401 on HEAD, and begin again from zero. Pages
carry the secret as a cookie without knowing of it; other senders send the header back.
"""

from __future__ import annotations

import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.protocol.commands import Append, Inspect
from titip.access import Bearer, Role, digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from gateway.protocol.commands import Command
    from titip.upload import Upload

HEADER: Final = "Upload-Secret"
COOKIE: Final = "titip-upload"

BYTES: Final = 32

LONGEST: Final = 1 << 10
"""Characters that are digested at most: nobody's secret is longer."""

_NO_DIGEST: Final = digest_of("")


def new_secret() -> str:
    """Make a secret nobody can guess."""
    return secrets.token_urlsafe(BYTES)


def presented_secret(headers: Mapping[str, str], command: Command) -> str:
    """Give the secret that a request shows, empty unless it may be enough for what it asks."""
    if not isinstance(command, Append | Inspect):
        return ""
    text = headers.get(HEADER) or _cookie(headers.get("Cookie", ""))
    return text if text.isascii() and len(text) <= LONGEST else ""


def bearer_of(upload: Upload | None, secret: str) -> Bearer | None:
    """Give whose the upload is, if this is its secret and it is not ended.

    What was never given a secret costs as much time as what was.
    """
    known = upload is not None and upload.secret_digest != ""
    digest = upload.secret_digest if upload is not None and known else _NO_DIGEST
    fits = hmac.compare_digest(digest, digest_of(secret))
    if upload is None or not known or not fits or upload.state.ended:
        return None
    return Bearer(Role.LO, upload.submitter)


def secret_headers(
    secret: str, location: str, *, stays: timedelta | None, elsewhere: bool
) -> dict[str, str]:
    """Give the headers that hand the secret of a new upload out.

    `elsewhere`: pages of other sites may carry it too, which browsers allow over TLS only.
    """
    address = urlsplit(location)
    secure = address.scheme == "https"
    parts = [f"{COOKIE}={secret}", f"Path={address.path}", "HttpOnly"]
    if stays is not None:
        parts.append(f"Max-Age={int(stays.total_seconds())}")
    parts.append("SameSite=None" if elsewhere and secure else "SameSite=Strict")
    if secure:
        parts.append("Secure")
    return {HEADER: secret, "Set-Cookie": "; ".join(parts), "Cache-Control": "no-store"}


def _cookie(header: str) -> str:
    if COOKIE not in header:
        return ""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value
