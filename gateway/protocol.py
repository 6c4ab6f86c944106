"""tus 1.0 as pure functions: headers to a command, an upload to the answer's headers.

Nothing here reads a body, a clock or a disk. Whatever the headers hold, `parse` gives a command
or raises ProtocolViolation, and nothing else.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final, Protocol

from gateway import checksum
from gateway.errors import ProtocolViolation
from gateway.problems import BAD_REQUEST, NO_METHOD, TOO_LARGE, WRONG_TYPE, WRONG_VERSION
from titip import metadata
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from gateway.checksum import Checksum
    from titip.upload import Upload

VERSION: Final = "1.0.0"
BODY_TYPE: Final = "application/offset+octet-stream"

OVERRIDABLE: Final = frozenset({"PATCH", "DELETE", "HEAD"})
"""What a POST may stand in for, where an old proxy or browser knows no more than POST."""

_NUMBER: Final = re.compile(r"[0-9]{1,40}", re.ASCII)
"""As long as nonsense may be and still be told "too large" rather than "not a number"."""

_KEY: Final = re.compile(r'("?)([A-Za-z0-9._-]{1,128})\1', re.ASCII)
"""A structured field's string (draft-ietf-httpapi-idempotency-key-header); bare ones pass too."""


class Fields(Protocol):
    """The headers of a request, by name in any case."""

    def getall(self, key: str, default: tuple[()], /) -> Sequence[str]:
        """Give every value of that name, in order."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What this gateway takes: the largest upload in bytes, how long an unfinished one stays."""

    max_upload: int
    max_unfinished_age: timedelta | None


@dataclass(frozen=True, slots=True)
class Body:
    """What the headers tell of a body: its size in bytes where known, its checksum where given."""

    size: int | None
    checksum: Checksum | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """Begin an upload; with a body, take its first bytes in the same request.

    Under a `key` only the submitter's first creation takes place.
    """

    length: int
    metadata: str
    body: Body | None
    key: str = ""


@dataclass(frozen=True, slots=True)
class Append:
    """Go on with an upload from this offset."""

    offset: int
    body: Body


@dataclass(frozen=True, slots=True)
class Inspect:
    """Tell the committed offset."""


@dataclass(frozen=True, slots=True)
class Terminate:
    """Withdraw an unfinished upload."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Give the bytes of a sealed upload back; plain HTTP, no tus."""


Command = Create | Append | Inspect | Terminate | Fetch


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status and the headers that are particular to it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


# ---------------------------------------------------------------- headers to a command


def effective_method(method: str, fields: Fields) -> str:
    """Give the method that is meant: X-HTTP-Method-Override on a POST stands for another."""
    meant = _one(fields, "X-HTTP-Method-Override")
    if meant is None or method != "POST":
        return method
    if meant.strip().upper() not in OVERRIDABLE:
        raise _bad(f"X-HTTP-Method-Override may be {', '.join(sorted(OVERRIDABLE))}")
    return meant.strip().upper()


def parse(method: str, fields: Fields, *, item: bool) -> Command:
    """Read the command; `item` tells an upload's own address from the one that creates them.

    `method` is the effective one. Raises ProtocolViolation.
    """
    if method == "GET" and item:
        return Fetch()
    if _one(fields, "Tus-Resumable") != VERSION:
        raise ProtocolViolation(WRONG_VERSION)
    match method, item:
        case "POST", False:
            return _create(fields)
        case "PATCH", True:
            return _append(fields)
        case "HEAD", True:
            return Inspect()
        case "DELETE", True:
            return Terminate()
        case _:
            allowed = "HEAD, PATCH, DELETE, GET, OPTIONS" if item else "POST, OPTIONS"
            raise ProtocolViolation(NO_METHOD.because("", headers={"Allow": allowed}))


def _create(fields: Fields) -> Create:
    if _one(fields, "Upload-Concat") is not None:
        raise _bad("Concatenation is not offered here: create one upload for the whole file")
    if _one(fields, "Upload-Defer-Length") is not None:
        raise _bad("A deferred length is not offered here: send Upload-Length at creation")
    length = _number(fields, "Upload-Length")
    if length is None:
        raise _bad("Upload-Length is missing: tell the length of the file in bytes")
    body = _body(fields)
    key = _key(fields)
    if body.size == 0:
        return Create(length, _whole_metadata(fields), None, key)
    _plain_bytes(fields)
    if body.size is not None and body.size > length:
        raise ProtocolViolation(TOO_LARGE.because("The body is longer than its Upload-Length"))
    return Create(length, _whole_metadata(fields), body, key)


def _key(fields: Fields) -> str:
    text = _one(fields, "Idempotency-Key")
    if text is None:
        return ""
    named = _KEY.fullmatch(text.strip())
    if named is None:
        raise _bad("Idempotency-Key must be 1 to 128 of A-Z a-z 0-9 . _ - in double quotes")
    return named[2]


def _append(fields: Fields) -> Append:
    _plain_bytes(fields)
    offset = _number(fields, "Upload-Offset")
    if offset is None:
        raise _bad("Upload-Offset is missing: ask for it with HEAD")
    return Append(offset, _body(fields))


def _body(fields: Fields) -> Body:
    given = _one(fields, "Upload-Checksum")
    try:
        told = None if given is None else checksum.parse(given)
    except checksum.BadChecksum as error:
        raise _bad(str(error)) from error
    if _one(fields, "Transfer-Encoding") is not None:
        return Body(None, told)
    return Body(_number(fields, "Content-Length") or 0, told)


def _plain_bytes(fields: Fields) -> None:
    media_type = (_one(fields, "Content-Type") or "").partition(";")[0].strip().lower()
    coding = (_one(fields, "Content-Encoding") or "identity").strip().lower()
    if media_type != BODY_TYPE or coding != "identity":
        raise ProtocolViolation(WRONG_TYPE)


def _whole_metadata(fields: Fields) -> str:
    header = (_one(fields, "Upload-Metadata") or "").strip()
    try:
        metadata.parse(header)
    except metadata.BadMetadata as error:
        raise _bad(f"Upload-Metadata: {error}") from error
    return header


def _number(fields: Fields, name: str) -> int | None:
    text = _one(fields, name)
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise _bad(f"{name} must be a number of bytes")
    return int(text)


def _one(fields: Fields, name: str) -> str | None:
    values = fields.getall(name, ())
    if len(values) > 1:
        raise _bad(f"{name} may be sent only once")
    return values[0] if values else None


def _bad(detail: str) -> ProtocolViolation:
    return ProtocolViolation(BAD_REQUEST.because(detail))


# ---------------------------------------------------------------- an upload to an answer


def extensions(terms: Terms) -> tuple[str, ...]:
    """Name what is offered beyond the core, from what there is."""
    names = ["creation", "creation-with-upload", "termination"]
    if terms.max_unfinished_age is not None:
        names.append("expiration")
    if checksum.ALGORITHMS:
        names.append("checksum")
    return tuple(names)


def discovery(terms: Terms) -> Answer:
    """Answer OPTIONS; 200 and not 204, since some old browsers fail a preflight on 204."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": ",".join(extensions(terms)),
        "Tus-Max-Size": str(terms.max_upload),
        "Tus-Checksum-Algorithm": ",".join(checksum.ALGORITHMS),
    }
    return Answer(200, headers)


def created(upload: Upload, location: str, terms: Terms, *, tells_offset: bool) -> Answer:
    """Answer a creation; the offset is told where bytes came, or none are to come."""
    headers = {"Location": location, **_prospect(upload, terms)}
    if tells_offset or upload.complete:
        headers["Upload-Offset"] = str(upload.offset)
    return Answer(201, headers)


def appended(upload: Upload, terms: Terms) -> Answer:
    """Answer a PATCH whose bytes are committed."""
    return Answer(204, {"Upload-Offset": str(upload.offset), **_prospect(upload, terms)})


def inspected(upload: Upload, terms: Terms) -> Answer:
    """Answer HEAD from what is committed."""
    headers = {
        "Upload-Offset": str(upload.offset),
        "Upload-Length": str(upload.length),
        "Cache-Control": "no-store",
        **_prospect(upload, terms),
    }
    if upload.metadata:
        headers["Upload-Metadata"] = upload.metadata
    return Answer(200, headers)


def terminated() -> Answer:
    """Answer a DELETE that ended the upload."""
    return Answer(204)


def repr_digest(sha256: str) -> str:
    """Write a hex SHA-256 as RFC 9530 has it in Repr-Digest."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode('ascii')}:"


def _prospect(upload: Upload, terms: Terms) -> dict[str, str]:
    if upload.state is UploadState.SEALED:
        return {"Repr-Digest": repr_digest(upload.sha256)}
    if terms.max_unfinished_age is None:
        return {}
    until = upload.last_activity + terms.max_unfinished_age
    return {"Upload-Expires": format_datetime(until, usegmt=True)}
