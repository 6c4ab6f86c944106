"""The file with Google's credentials, looked at before anything of the library's sees it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sync.addresses import address_problem
from sync.small_file import read_small
from titip.text import decoded

if TYPE_CHECKING:
    from pathlib import Path

LARGEST: Final = 1 << 20
"""Bytes of such a file; Google's have about two thousand."""

_KEYS: Final = {
    "authorized_user": ("refresh_token", "client_id", "client_secret"),
    "service_account": ("client_email", "private_key", "token_uri"),
}
_OTHERS: Final = ("token_uri", "private_key_id", "project_id", "universe_domain", "subject")
"""Read where they are there; nothing but a text is understood."""


def read_credentials(path: Path) -> dict[str, str]:
    """Give what of the file is read, its type among it; raises ValueError that says what to do."""
    document = _document(path)
    kind = document.get("type") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(kind, str) or kind not in _KEYS:
        raise ValueError(
            f"mirror.drive.credentials: {path} is neither of type authorized_user nor of type "
            "service_account; an OAuth client's own file is not enough, authorise it first"
        )
    needed = _KEYS[kind]
    found = {key: document[key] for key in (*needed, *_OTHERS) if document.get(key) is not None}
    wrong = sorted(key for key, value in found.items() if not isinstance(value, str))
    missing = sorted(key for key in needed if not document.get(key))
    if wrong or missing:
        told = (
            f"is incomplete: its {', '.join(wrong)} must be text"
            if wrong
            else f"is incomplete: it has no {', '.join(missing)}"
        )
        raise ValueError(f"mirror.drive.credentials: {path} {told}; make it anew")
    if found.get("token_uri") and address_problem(found["token_uri"]):
        raise ValueError(
            f"mirror.drive.credentials: {path} has no address as token_uri; make it anew"
        )
    return {**found, "type": kind}


def _document(path: Path) -> object:
    named = f"mirror.drive.credentials: {path}"
    try:
        text = decoded(read_small(path, most=LARGEST))
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or "it is no text"
        raise ValueError(f"{named} cannot be read ({told}); make it anew") from error
    if not text.strip():
        raise ValueError(f"{named} is empty; make it anew")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{named} is no JSON; make it anew") from error
