"""What the janitor and the scrubber need of storage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from titip.upload import UploadId


@dataclass(frozen=True, slots=True)
class Inspection:
    """What reading some sealed uploads again showed; `damaged` tells how, by upload."""

    read: int = 0
    size: int = 0
    damaged: Mapping[UploadId, str] = field(default_factory=dict)


class IntegrityScanner(Protocol):
    """Reading sealed uploads again, at a bounded rate."""

    async def inspect(self, *, unread_since: datetime) -> Inspection:
        """Read a few that nobody read since then, the longest unread first; note what it showed.

        An inspection of none says that there is none left, or that it was told to stop.
        """

    def stop(self) -> None:
        """End the reading under way within a piece."""


class RetentionSweeper(Protocol):
    """Keeping no longer than is asked for."""

    async def free(self, *, ended_before: datetime) -> int:
        """Free bytes of sealed uploads whose last delivery ended before then; tell of how many.

        Never what is still owed anywhere, was delivered nowhere, or is held by an operator. One
        call may leave some for the next.
        """


class UploadExpirer(Protocol):
    """Keeping house in the store."""

    async def expire(self, *, idle_since: datetime) -> int:
        """End the open uploads left alone since then and free their bytes; tell how many.

        Not those that an operator holds.
        """
