"""An upload: one file being handed in, from its creation to its seal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NewType, assert_never

from titip.errors import CustodyError, DigestMismatch, IllegalEvent, LengthExceeded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

UploadId = NewType("UploadId", str)


class UploadState(StrEnum):
    """Where an upload is on its way."""

    OPEN = "open"
    SEALED = "sealed"
    TERMINATED = "terminated"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """Tell whether it is no more: nothing was sealed, and the bytes are gone."""
        return self in {UploadState.TERMINATED, UploadState.EXPIRED}


class Completion(StrEnum):
    """What the end of a body says of the file's end."""

    AT_LENGTH = "at_length"  # it is over with the last declared byte (tus)
    NOW = "now"  # it is over with this body
    NOT_YET = "later"  # more may follow, or the word that nothing does


PART: Final = "partial"
"""What `concat` says of a part: a tus upload that is there to be joined with others."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of one submitter; `length`, `offset` in bytes, `metadata` as the header gave it.

    `length`: None until its sender tells it. `concat`: the Upload-Concat header as given, which
    makes it a part or what parts are joined to. `expected_sha256`: what its sender says that the
    whole digests to. `secret_digest`: of the secret that goes on with this upload alone.
    `freed_at`: since when a sealed one's bytes, which were delivered, are no longer kept here.
    `damaged_at`: since when they are known not to match `sha256`; `repairs`: how often they were
    put back, so that nobody goes on with what was begun from the damaged ones.
    """

    id: UploadId
    submitter: str
    length: int | None
    created_at: datetime
    offset: int = 0
    metadata: str = ""
    state: UploadState = UploadState.OPEN
    touched_at: datetime | None = None
    ended_at: datetime | None = None
    sha256: str = ""
    key: str = ""
    freed_at: datetime | None = None
    damaged_at: datetime | None = None
    repairs: int = 0
    concat: str = ""
    expected_sha256: str = ""
    secret_digest: str = ""

    @property
    def size(self) -> int:
        """Give the length of an upload that is known to have one: a sealed one, say."""
        if self.length is None:
            raise IllegalEvent("the length of the upload was not told yet")
        return self.length

    @property
    def remaining(self) -> int | None:
        """Tell how many bytes are still to come, None while nobody knows."""
        return None if self.length is None else self.length - self.offset

    @property
    def complete(self) -> bool:
        """Tell whether every declared byte is there."""
        return self.offset == self.length

    @property
    def is_partial(self) -> bool:
        """Tell whether it is there to be joined with others: such a one is never sealed."""
        return self.concat == PART

    @property
    def is_final(self) -> bool:
        """Tell whether its bytes come from parts, and never from a body."""
        return bool(self.concat) and not self.is_partial

    @property
    def damaged(self) -> bool:
        """Tell whether the spool is known not to hold the sealed bytes that it should."""
        return self.damaged_at is not None and self.freed_at is None

    @property
    def last_activity(self) -> datetime:
        """Tell when the submitter last moved this upload on; its expiry counts from here."""
        return self.touched_at or self.created_at


@dataclass(frozen=True, slots=True)
class Appended:
    """Bytes up to `offset` are on stable storage."""

    offset: int


@dataclass(frozen=True, slots=True)
class LengthDeclared:
    """The sender told the length that it had left open, in bytes."""

    length: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """The complete upload was digested; `sha256` in hex."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Terminated:
    """The submitter withdrew the unfinished upload."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The unfinished upload was left alone for too long."""


class UploadExists(CustodyError):
    """The submitter already began an upload under this key: go on with that one."""

    def __init__(self, upload: Upload) -> None:
        """Keep the upload as committed, so that the answer can tell where it is."""
        super().__init__("an upload was already begun under this key")
        self.upload = upload


UploadEvent = Appended | LengthDeclared | Sealed | Terminated | Expired

ALLOWED: Final[Mapping[UploadState, Mapping[type[UploadEvent], UploadState]]] = {
    UploadState.OPEN: {
        Appended: UploadState.OPEN,
        LengthDeclared: UploadState.OPEN,
        Sealed: UploadState.SEALED,
        Terminated: UploadState.TERMINATED,
        Expired: UploadState.EXPIRED,
    },
    UploadState.SEALED: {},
    UploadState.TERMINATED: {},
    UploadState.EXPIRED: {},
}


def advance(upload: Upload, event: UploadEvent, *, now: datetime) -> Upload:
    """Give the upload after the event.

    Raises IllegalEvent for a step the table does not have, for an offset that goes back, for a
    second length, and for a seal of a part or before the last byte; LengthExceeded for an offset
    past the length; DigestMismatch for a seal of other bytes than were meant.
    """
    to = ALLOWED[upload.state].get(type(event))
    if to is None:
        raise IllegalEvent(
            f"an upload that is {upload.state} cannot be {type(event).__name__.lower()}"
        )
    match event:
        case Appended(offset):
            _check_offset(upload, offset)
            return replace(upload, offset=offset, touched_at=now)
        case LengthDeclared(length):
            _check_length(upload, length)
            return replace(upload, length=length)
        case Sealed(sha256):
            _check_seal(upload, sha256)
            return replace(upload, state=to, sha256=sha256, ended_at=now)
        case Terminated() | Expired():
            return replace(upload, state=to, ended_at=now)
        case _ as never:
            assert_never(never)


def seals(upload: Upload, closing: Completion) -> bool:
    """Tell whether a body that ended so leaves an upload at this offset ready for its seal."""
    if upload.is_partial or closing is Completion.NOT_YET:
        return False
    return upload.complete or (closing is Completion.NOW and upload.length is None)


def _check_offset(upload: Upload, offset: int) -> None:
    if upload.length is not None and offset > upload.length:
        raise LengthExceeded(f"{offset} bytes is more than the declared {upload.length}")
    if offset < upload.offset:
        raise IllegalEvent("an offset never goes back")


def _check_length(upload: Upload, length: int) -> None:
    if upload.length not in {None, length}:
        raise IllegalEvent("the length of an upload is told once")
    if upload.offset > length:
        raise LengthExceeded(f"{upload.offset} bytes are there, more than the {length} told now")


def _check_seal(upload: Upload, sha256: str) -> None:
    if upload.is_partial or not upload.complete:
        raise IllegalEvent("only a whole upload is sealed, when its last byte is there")
    if upload.expected_sha256 not in {"", sha256}:
        raise DigestMismatch("the whole does not digest to what its sender declared")
