"""Drive's documents as Titip reads them: an odd value tells nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from sync.destinations.drive.errors import fault_of_call
from sync.destinations.transport.answer_body import count_of
from titip.errors import AttemptFailed, DeliveryFault

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")


@dataclass(frozen=True, slots=True)
class DriveFile:
    """A file, or a folder, as Drive tells it; what it does not tell is None or empty.

    `drive` is the shared drive that it lies in, empty for My Drive.
    """

    id: str
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None
    trashed: bool = False
    properties: Mapping[str, object] = field(default_factory=dict)
    drive: str = ""
    parents: tuple[str, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> DriveFile:
        """Read Drive's document.

        Raises AttemptFailed for one without an id. Odd values tell nothing.
        """
        if not may_name(document.get("id")):
            raise AttemptFailed("Drive's answer names no file")
        return cls(
            id=str(document["id"]),
            size=count_of(document.get("size")),
            md5=_text(document.get("md5Checksum")),
            sha256=_text(document.get("sha256Checksum")),
            trashed=document.get("trashed") is True,
            properties=properties(document),
            drive=_text(document.get("driveId")) or "",
            parents=texts(document.get("parents")),
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a file, and how many it has in all."""

    data: bytes
    total: int

    @classmethod
    def of(
        cls, status: int, headers: Mapping[str, str], *, content: bytes, offset: int
    ) -> Part | DeliveryFault:
        """Read an answer; one that ignored the range is the whole file."""
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return cls(b"", offset)
        if status == HTTPStatus.PARTIAL_CONTENT:
            total = headers.get("content-range", "").rpartition("/")[2]
            known = count_of(total)
            return cls(content, offset + len(content) + 1 if known is None else known)
        if status == HTTPStatus.OK and not offset:
            return cls(content, len(content))
        return fault_of_call(status, content, headers)


def may_name(told: object) -> bool:
    """Tell whether Drive's word for a file can be kept and asked for again."""
    return isinstance(told, str) and bool(_NAME.match(told))


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def texts(told: object) -> tuple[str, ...]:
    """Read a list of texts; what is none has no place in it."""
    return tuple(one for one in told if isinstance(one, str)) if isinstance(told, list) else ()


def properties(told: Mapping[str, Any]) -> Mapping[str, object]:
    """Give what a document carries of ours."""
    found = told.get("appProperties")
    return found if isinstance(found, dict) else {}


def is_listed(one: object) -> bool:
    """Tell whether an entry of a list is a document."""
    return isinstance(one, dict) and isinstance(one.get("id"), str)
