"""Resumable Uploads for HTTP, the IETF draft, as a pure function: headers to a command.

Interop versions 6 and 8 (draft-ietf-httpbis-resumable-upload). Its fields are structured fields
(RFC 9651): one that cannot be read counts as not sent. Whatever the headers hold, `parse` gives a
command or raises ProtocolViolation. Its answers are in `draft_responses.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import http_sf

from gateway.protocol import digest_fields, plain
from gateway.protocol.commands import (
    Append,
    BodyHeaders,
    Create,
    Inspect,
    Terminate,
    bad_request,
    creation_key,
    single_header,
    size_of_body,
)
from gateway.protocol.errors import ProtocolViolation
from gateway.protocol.problems import INCONSISTENT_LENGTH, NO_METHOD, WRONG_TYPE
from titip import metadata
from titip.upload import Completion

if TYPE_CHECKING:
    from gateway.protocol.commands import Command, Fields

OLDER: Final = 6
NEWER: Final = 8

SPOKEN: Final = frozenset({OLDER, NEWER})
"""The interop versions that are answered with 104s; others are read by the rules of the newer."""

BODY_TYPE: Final = "application/partial-upload"

_VERSION: Final = "Upload-Draft-Interop-Version"
_COMPLETE: Final = "Upload-Complete"
_LENGTH: Final = "Upload-Length"
_OFFSET: Final = "Upload-Offset"


def speaks(fields: Fields) -> bool:
    """Tell whether a request is of this protocol."""
    return any(fields.getall(name, ()) for name in (_VERSION, _COMPLETE))


def interop(fields: Fields) -> int | None:
    """Give the version that the sender names."""
    return _integer(fields, _VERSION)


def parse(method: str, fields: Fields, *, item: str = "", version: int | None = None) -> Command:
    """Read the command for an upload's own address, which ends in `item`, or for the one of all.

    A creation whose Upload-Complete is missing is one without resumption. Raises
    ProtocolViolation.
    """
    match method, bool(item):
        case ("POST", False) | ("PUT", _):
            return _create(fields, name=item)
        case "PATCH", True:
            return _append(fields, version)
        case (("HEAD" | "GET"), True):
            _refuse(fields, (_OFFSET, _COMPLETE, _LENGTH), version)
            return Inspect()
        case "DELETE", True:
            _refuse(fields, (_OFFSET, _COMPLETE), version)
            return Terminate()
        case _:
            allowed = "HEAD, GET, PATCH, DELETE, PUT, OPTIONS" if item else "POST, PUT, OPTIONS"
            raise ProtocolViolation(NO_METHOD.with_headers({"Allow": allowed}))


def _create(fields: Fields, *, name: str) -> Create:
    complete = _boolean(fields, _COMPLETE)
    if complete is None:
        return plain.parse(fields, name=name)
    size = size_of_body(fields)
    length = _length(fields, end=size or 0, ends=complete and size is not None)
    return Create(
        length,
        _metadata(fields) or plain.described(fields, name=name),
        None if size == 0 else BodyHeaders(size, digest_fields.content_digest(fields)),
        key=creation_key(fields),
        sha256=digest_fields.declared_sha256(fields),
        closing=Completion.NOW if complete else Completion.NOT_YET,
    )


def _metadata(fields: Fields) -> str:
    """Give what tus-js-client tells of a file in this protocol too, empty where it cannot be read.

    The draft has no such field, so a sender that speaks nothing else says it as HTTP does.
    """
    header = ", ".join(fields.getall("Upload-Metadata", ())).strip()
    try:
        metadata.parse(header)
    except metadata.BadMetadata:
        return ""
    return header


def _append(fields: Fields, version: int | None) -> Append:
    media_type = (single_header(fields, "Content-Type") or "").partition(";")[0].strip().lower()
    if media_type != BODY_TYPE:
        told = f"Send the next bytes, with Content-Type: {BODY_TYPE}."
        raise ProtocolViolation(WRONG_TYPE.because(told, headers={"Accept-Patch": BODY_TYPE}))
    offset = _integer(fields, _OFFSET)
    if offset is None:
        raise bad_request("Upload-Offset is missing: ask for it with HEAD")
    complete = _boolean(fields, _COMPLETE)
    if complete is None and version != OLDER:
        raise bad_request("Upload-Complete is missing: ?1 if the file ends with this body, else ?0")
    size = size_of_body(fields)
    ends = bool(complete) and size is not None
    return Append(
        offset,
        BodyHeaders(size, digest_fields.content_digest(fields)),
        length=_length(fields, end=offset + (size or 0), ends=ends),
        closing=Completion.NOW if complete else Completion.NOT_YET,
    )


def _length(fields: Fields, *, end: int, ends: bool) -> int | None:
    """Give the length that is told: outright, or by a body that `ends` the file at `end`."""
    told = _integer(fields, _LENGTH)
    if told is not None and (told != end if ends else told < end):
        raise ProtocolViolation(INCONSISTENT_LENGTH)
    return end if ends else told


def _refuse(fields: Fields, names: tuple[str, ...], version: int | None) -> None:
    """Refuse what the older version alone wants to be refused: fields with a request's own sense.

    A field that cannot be read is one of its name all the same.
    """
    if version != OLDER:
        return
    for name in names:
        if fields.getall(name, ()):
            raise bad_request(f"{name} does not go with this method")


def _integer(fields: Fields, name: str) -> int | None:
    value = _item(fields, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return None
    return value


def _boolean(fields: Fields, name: str) -> bool | None:
    value = _item(fields, name)
    return value if isinstance(value, bool) else None


def _item(fields: Fields, name: str) -> object:
    """Read the item of a field without its parameters, None where it cannot be read."""
    lines = fields.getall(name, ())
    if not lines:
        return None
    text = ", ".join(lines).encode("utf-8", "backslashreplace")
    try:
        value = http_sf.parse(text, tltype="item")
    except http_sf.StructuredFieldError:
        return None
    return value[0] if isinstance(value, tuple) else value
