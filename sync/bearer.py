"""What can never be a bearer token, as a configuration or a file gives it by mistake."""

from __future__ import annotations

import re
from typing import Final

_FAULTS: Final = (
    (re.compile(r"bearer\s", re.IGNORECASE), 'begins with "Bearer", which is added by itself'),
    (re.compile(r"(?P<quote>[\"'`]).*(?P=quote)\Z"), "stands in quotes of its own"),
    (re.compile(r"(?:export\s+)?[A-Z][A-Z0-9_]+=[^=]"), "looks like NAME=VALUE"),
    (re.compile(r"\$(?:\{\w+\}|[A-Za-z_]\w*)\Z"), "is the name of a variable, which is not filled"),
)
_PATH: Final = re.compile(
    r"@?(?:/(?:run|etc|var|home|root|opt|srv|mnt|media|tmp|usr|secrets)/|~/)"
    r"|file\s*(?::|=)",
    re.IGNORECASE,
)
"""Where secrets lie. A token may begin with any other slash: base64 has it."""


def bearer_fault(text: str) -> str:
    """Say why a text is no token, and what to write; "" where it may be one. It is not shown."""
    for pattern, fault in _FAULTS:
        if pattern.match(text):
            return f"{fault}: write the token alone"
    if _PATH.match(text):
        return 'begins like a path: write "file:/run/secrets/registry" to have the file read'
    return ""
