"""What a request asks for, whatever protocol it speaks, and how its headers are read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from gateway.protocol.errors import ProtocolViolation
from gateway.protocol.problems import BAD_REQUEST
from titip.upload import Completion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta

    from gateway.protocol.checksum import Checksum
    from titip.upload import UploadId

_NUMBER: Final = re.compile(r"[0-9]{1,40}", re.ASCII)
"""As long as nonsense may be and still be told "too large" rather than "not a number"."""

_KEY: Final = re.compile(r'("?)([A-Za-z0-9._-]{1,128})\1', re.ASCII)
"""A structured field's string (draft-ietf-httpapi-idempotency-key-header); bare ones pass too."""


class Fields(Protocol):
    """The headers of a request, by name in any case."""

    def getall(self, key: str, default: tuple[()], /) -> Sequence[str]:
        """Give every value of that name, in order."""

    def __iter__(self) -> Iterator[str]:
        """Give the name of every header."""


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What this gateway takes: the largest upload in bytes, how long an unfinished one stays."""

    max_upload: int
    max_unfinished_age: timedelta | None


@dataclass(frozen=True, slots=True)
class BodyHeaders:
    """What the headers tell of a body: its size in bytes where known, its checksum where given.

    `trailed`: the checksum follows in a trailer field. `whole`: it counts whole or not at all,
    checksum or none.
    """

    size: int | None
    checksum: Checksum | None = None
    trailed: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Create:
    """Begin an upload; with a body, take its first bytes in the same request.

    `length`: None while the sender leaves it open. Under a `key` only the submitter's first
    creation takes place. `concat` is the Upload-Concat header, `parts` what it names; `sha256` in
    hex is what the sender says that the whole digests to.
    """

    length: int | None
    metadata: str
    body: BodyHeaders | None
    key: str = ""
    concat: str = ""
    parts: tuple[UploadId, ...] = ()
    sha256: str = ""
    closing: Completion = Completion.AT_LENGTH


@dataclass(frozen=True, slots=True)
class Append:
    """Go on with an upload from this offset; `length` where it is told only now."""

    offset: int
    body: BodyHeaders
    length: int | None = None
    closing: Completion = Completion.AT_LENGTH


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


def single_header(fields: Fields, name: str) -> str | None:
    """Give the value of a header that may be there once; raises ProtocolViolation."""
    values = fields.getall(name, ())
    if len(values) > 1:
        raise bad_request(f"{name} may be sent only once")
    return values[0] if values else None


def integer_header(fields: Fields, name: str) -> int | None:
    """Give the bytes that a header counts; raises ProtocolViolation."""
    text = single_header(fields, name)
    if text is None:
        return None
    if _NUMBER.fullmatch(text) is None:
        raise bad_request(f"{name} must be a number of bytes")
    return int(text)


def size_of_body(fields: Fields) -> int | None:
    """Give the bytes of the body, None where they are not told; raises ProtocolViolation."""
    if single_header(fields, "Transfer-Encoding") is not None:
        return None
    return integer_header(fields, "Content-Length") or 0


def creation_key(fields: Fields) -> str:
    """Give the sender's name for this creation, or an empty text; raises ProtocolViolation."""
    text = single_header(fields, "Idempotency-Key")
    if text is None:
        return ""
    named = _KEY.fullmatch(text.strip())
    if named is None:
        raise bad_request("Idempotency-Key must be 1 to 128 of A-Z a-z 0-9 . _ - in double quotes")
    return named[2]


def bad_request(detail: str) -> ProtocolViolation:
    """Say how a request does not follow its protocol."""
    return ProtocolViolation(BAD_REQUEST.because(detail))
