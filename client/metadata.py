"""Say what a file is: the pairs of Upload-Metadata, and the key that names its creation.

The key is sent as Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), so that the same
file handed in twice is one upload at the gateway. It is computed from the file alone: after a
reboot, in another process and on another device it is the same.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.plan import Item

FIELD = "Idempotency-Key"
FORM = "titip-push-1"
"""Changes with what the key is computed from, so that keys of two forms never meet."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
"""How Python spells the bytes of a file name that is not UTF-8."""


def describe(item: Item, sha256: str) -> dict[str, str]:
    """Give the metadata of one file, every value non-empty and encodable as UTF-8.

    A key without a value is left out. `mtime` is RFC 3339 in UTC; `sha256` is the
    hex digest of the whole file.
    """
    # Only the ending is looked up: a whole name may look like an address to mimetypes.
    filetype, _ = mimetypes.guess_type(f"file{item.path.suffix}")
    pairs = {
        "filename": encodable(item.path.name),
        "relativePath": encodable(item.relative),
        "filetype": encodable(filetype or ""),
        "mtime": _moment(item.mtime_ns),
        "sha256": sha256,
    }
    return {key: value for key, value in pairs.items() if value}


def upload_key(item: Item, sha256: str, *, nonce: str = "") -> str:
    """Give 43 letters, digits, "-" and "_" for these bytes under this name.

    `nonce` makes it another upload on purpose. The time of the file is left out: a copy has its
    own.
    """
    parts = (FORM, sha256, str(item.size), item.relative, nonce)
    # A name may hold bytes that are not UTF-8 but never a NUL, so no two files share the text.
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")


def encodable(text: str) -> str:
    """Replace what UTF-8 cannot carry by the replacement character."""
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _moment(nanoseconds: int) -> str:
    try:
        moment = datetime.fromtimestamp(nanoseconds // 1_000_000_000, tz=UTC)
    except (OverflowError, OSError, ValueError):
        return ""
    return moment.isoformat().replace("+00:00", "Z")
