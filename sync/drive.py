"""The mirror in Google Drive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sync.drive_calls import DriveCalls
from sync.drive_delivery import DriveDelivery, DriveDesk
from sync.drive_faults import Undecided, settled
from sync.drive_folders import DriveFolders
from sync.drive_sending import Rhythm
from sync.google import Lines, drive_service
from titip.delivery import MIRROR
from titip.errors import Faltered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sync.drive_options import DriveOptions
    from titip.delivery import Parcel
    from titip.ports import Arrival, Content, Progress

PART: Final = 8 << 20
"""Bytes of one request for a copy: the client library holds an answer as a whole."""


class DriveMirror:
    """Keeps copies in Google Drive; raises ValueError for options that cannot work."""

    name: Final = MIRROR

    def __init__(self, options: DriveOptions) -> None:
        options.check()
        lines = Lines(options)
        calls = DriveCalls(drive_service(options.endpoint), lines, options=options)
        self._desk = DriveDesk(
            lines=lines,
            calls=calls,
            folders=DriveFolders(calls, root=options.folder),
            rhythm=Rhythm(options),
        )

    async def deliver(self, parcel: Parcel, content: Content, progress: Progress) -> Arrival:
        """Bring the file there under a reserved id, going on where an earlier attempt stopped."""
        try:
            return await DriveDelivery(self._desk, parcel, content=content, progress=progress).run()
        except Undecided as fault:
            raise settled(fault) from None

    async def fetch(self, locator: str) -> AsyncGenerator[bytes, None]:
        """Give a copy back, a chunk a request; see titip.ports.Source."""
        offset, total = 0, 1
        while offset < total:
            part = await self._desk.calls.part(locator, offset=offset, size=PART)
            offset, total = offset + len(part.data), part.total
            if part.data:
                yield part.data
            elif offset < total:
                raise Faltered("Drive gives no more bytes of the copy")

    async def probe(self) -> bool | None:
        """Tell that Drive answers and lets us see the place for our copies.

        Raises Unavailable that says what is wrong and what to do.
        """
        try:
            await self._desk.folders.check()
        except Undecided as fault:
            raise settled(fault) from None
        return True

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        self._desk.lines.close()
