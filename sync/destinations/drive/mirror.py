"""The mirror in Google Drive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.destinations.drive.api import DriveCalls
from sync.destinations.drive.connections import ConnectionPool, drive_service
from sync.destinations.drive.delivery import DriveContext, DriveDelivery
from sync.destinations.drive.errors import Unclassified, classify
from sync.destinations.drive.folders import DriveFolders
from sync.destinations.drive.upload import DriveChunkSizer
from titip.delivery import MIRROR
from titip.errors import AttemptFailed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sync.destinations.drive.options import DriveOptions
    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Content, DeliveryResult, Progress

PART: Final = 8 << 20
"""Bytes of one request for a copy: the client library holds an answer as a whole."""


class DriveMirror:
    """Keeps copies in Google Drive; raises ValueError for options that cannot work."""

    name: Final = MIRROR

    def __init__(self, options: DriveOptions) -> None:
        options.check()
        lines = ConnectionPool(options)
        calls = DriveCalls(drive_service(options.endpoint), lines, options=options)
        self._desk = DriveContext(
            lines=lines,
            calls=calls,
            folders=DriveFolders(calls, root=options.folder),
            rhythm=DriveChunkSizer(options),
        )

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        """Bring the file there under a reserved id, going on where an earlier attempt stopped."""
        try:
            return await DriveDelivery(self._desk, parcel, content=content, progress=progress).run()
        except Unclassified as fault:
            raise classify(fault) from None

    async def fetch(self, locator: str) -> AsyncGenerator[bytes, None]:
        """Give a copy back, a chunk a request; see titip.ports.delivery.Source."""
        offset, total = 0, 1
        while offset < total:
            part = await self._desk.calls.part(locator, offset=offset, size=PART)
            offset, total = offset + len(part.data), part.total
            if part.data:
                yield part.data
            elif offset < total:
                raise AttemptFailed("Drive gives no more bytes of the copy")

    async def probe(self) -> bool | None:
        """Tell that Drive answers and lets us see the place for our copies.

        Raises DestinationUnavailable that says what is wrong and what to do.
        """
        try:
            await self._desk.folders.check()
        except Unclassified as fault:
            raise classify(fault) from None
        return True

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        self._desk.lines.close()
