"""Name a creation, so that the same file handed in twice is one upload at the gateway.

The name is sent as Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). It is computed
from the file alone: after a reboot, in another process and on another device it is the same.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client.plan import Item

FIELD = "Idempotency-Key"
FORM = "titip-push-1"
"""Changes with what the key is computed from, so that keys of two forms never meet."""


def upload_key(item: Item, sha256: str, *, salt: str = "") -> str:
    """Give 43 letters, digits, "-" and "_" for these bytes under this name.

    `salt` makes it another upload on purpose. The time of the file is left out: a copy has its own.
    """
    parts = (FORM, sha256, str(item.size), item.relative, salt)
    # A name may hold bytes that are not UTF-8 but never a NUL, so no two files share the text.
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
