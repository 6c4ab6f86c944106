"""An upload: one file being handed in, from its creation to its seal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NewType, assert_never

from titip.errors import CustodyError, IllegalEvent, LengthExceeded

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


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of one submitter; `length`, `offset` in bytes, `metadata` as the header gave it.

    `freed_at`: since when a sealed one's bytes, which were delivered, are no longer kept here.
    `damaged_at`: since when they are known not to match `sha256`; `repairs`: how often they were
    put back, so that nobody goes on with what was begun from the damaged ones.
    """

    id: UploadId
    submitter: str
    length: int
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

    @property
    def remaining(self) -> int:
        """Tell how many bytes are still to come."""
        return self.length - self.offset

    @property
    def complete(self) -> bool:
        """Tell whether every declared byte is there."""
        return self.offset == self.length

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


UploadEvent = Appended | Sealed | Terminated | Expired

ALLOWED: Final[Mapping[UploadState, Mapping[type[UploadEvent], UploadState]]] = {
    UploadState.OPEN: {
        Appended: UploadState.OPEN,
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

    Raises IllegalEvent for a step the table does not have, for an offset that goes back and for
    a seal before the last byte; LengthExceeded for an offset past the length.
    """
    to = ALLOWED[upload.state].get(type(event))
    if to is None:
        raise IllegalEvent(f"an upload that is {upload.state} cannot be {_past(event)}")
    match event:
        case Appended(offset):
            if offset > upload.length:
                raise LengthExceeded(f"{offset} bytes is more than the declared {upload.length}")
            if offset < upload.offset:
                raise IllegalEvent("an offset never goes back")
            return replace(upload, offset=offset, touched_at=now)
        case Sealed(sha256):
            if not upload.complete:
                raise IllegalEvent("an upload is sealed only when its last byte is there")
            return replace(upload, state=to, sha256=sha256, ended_at=now)
        case Terminated() | Expired():
            return replace(upload, state=to, ended_at=now)
        case _ as never:
            assert_never(never)


def _past(event: UploadEvent) -> str:
    return type(event).__name__.lower()
