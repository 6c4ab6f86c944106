"""Which protocol a request speaks: tus, the IETF draft, or plain HTTP; all share one store.

Pure.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.protocol import draft, tus

if TYPE_CHECKING:
    from gateway.protocol.commands import Fields


class Dialect(StrEnum):
    """What a request speaks; one that speaks none that we know is judged as tus."""

    TUS = "tus"
    DRAFT = "draft"
    PLAIN = "plain"


_OURS: Final = ("upload-", "tus-")
"""Beginnings of the names of headers that only resumable uploads have."""

_FORM: Final = "multipart/"


def dialect_of(method: str, fields: Fields) -> Dialect:
    """Tell what a request speaks; `method` is the effective one. Never raises."""
    if fields.getall("Tus-Resumable", ()):
        return Dialect.TUS
    if draft.speaks(fields):
        return Dialect.DRAFT
    return Dialect.PLAIN if _is_plain(method, fields) else Dialect.TUS


def _is_plain(method: str, fields: Fields) -> bool:
    if method not in {"POST", "PUT"} or any(name.lower().startswith(_OURS) for name in fields):
        return False
    if method == "POST" and not _has_body(fields):
        return False
    media_type = ", ".join(fields.getall("Content-Type", ())).strip().lower()
    return not media_type.startswith((tus.BODY_TYPE, _FORM))


def _has_body(fields: Fields) -> bool:
    """Tell whether bytes are to come; a PUT without any is an empty file."""
    if fields.getall("Transfer-Encoding", ()):
        return True
    return any(size.strip() not in {"", "0"} for size in fields.getall("Content-Length", ()))
