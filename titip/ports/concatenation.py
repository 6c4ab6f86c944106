"""Joining uploads that were handed in as parts: where the gateway and storage meet for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from titip.upload import Upload, UploadId


@dataclass(frozen=True, slots=True)
class Weight:
    """What joining parts comes to, in bytes: the whole, None while a part's length is not told.

    `room`: what the disk must still have for it, 0 where it can share what the parts hold.
    """

    length: int | None
    room: int


class Joiner(Protocol):
    """Makes one upload of several that were handed in as its parts."""

    async def measure(self, final: Upload, parts: Sequence[UploadId]) -> Weight:
        """Tell what joining these would come to, changing nothing.

        Raises UploadExists, PartsUnfit as `begin` does.
        """

    async def begin(self, final: Upload, parts: Sequence[UploadId]) -> Upload:
        """Commit the upload with its parts, which stay until it is joined.

        Gives it with its length, where the parts' lengths are all known. Raises UploadExists as
        `Store.create` does, PartsUnfit for parts that are no parts, were ended or are not this
        submitter's, StorageFull, StorageBroken.
        """

    async def finish(self, final: UploadId) -> Upload:
        """Join the bytes of its parts once all are complete, and seal it; give it as it is then.

        May be called again after any crash. Raises UploadMissing, UploadGone, DigestMismatch
        (then the upload is ended), StorageFull, StorageBroken, ContentDamaged.
        """

    async def unfinished(self, part: UploadId | None = None) -> Sequence[UploadId]:
        """Name the uploads that are still to be joined: all, or those that this part is of."""
