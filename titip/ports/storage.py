"""What the gateway needs of storage: to keep the bytes of uploads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from titip.upload import Completion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from titip.upload import Upload, UploadId


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Space of the spool in bytes: free on the disk, and promised to uploads still open.

    `reserved`: the journal has room set aside; while it has not, the room that is free is its own.
    """

    free: int
    promised: int
    reserved: bool = True


class Deposit(Protocol):
    """One upload being handed in. The caller holds its lock; nothing counts before `commit`."""

    @property
    def upload(self) -> Upload:
        """Give the upload as last committed, with what `Store.resume` was told."""

    @property
    def written(self) -> int:
        """Give the offset up to which bytes were written, committed or not."""

    async def write(self, batch: Sequence[bytes]) -> None:
        """Write the pieces at the end, digesting them, in one hop.

        Raises LengthExceeded (nothing of the batch is kept), StorageFull, StorageBroken.
        """

    async def commit(
        self, batch: Sequence[bytes] = (), *, closing: Completion = Completion.AT_LENGTH
    ) -> Upload:
        """Write the batch, sync, then commit the offset; seal what is over by `closing`.

        On return the offset, and for a sealed upload its digest and its deliveries, survive a
        power cut. Raises as `write` does, OffsetConflict when another hand moved it on, and
        DigestMismatch where the whole is not what its sender declared: then nothing is committed.
        """

    async def rewind(self) -> None:
        """Forget what was written since the last commit."""

    async def close(self) -> None:
        """Let go of the file; may be called twice."""


class Store(Protocol):
    """Custody of the bytes, as the gateway sees it."""

    async def find(self, upload: UploadId) -> Upload | None:
        """Give the upload as committed."""

    async def create(
        self, upload: Upload, *, tap: Callable[[bytes], object] | None = None
    ) -> Deposit:
        """Begin a new upload; it exists once its deposit commits (an empty one seals there).

        `tap` is called with each piece where the hashing happens. Raises StorageFull,
        StorageBroken, and UploadExists, here or at the first commit, when the submitter's upload
        under this key is open or sealed.
        """

    async def resume(
        self,
        upload: Upload,
        *,
        length: int | None = None,
        tap: Callable[[bytes], object] | None = None,
    ) -> Deposit:
        """Go on with an open upload from its committed offset; it was found under its lock.

        `length`: told only now, kept with the first commit.
        Raises UploadMissing, UploadGone, UploadClosed, StorageBroken, IllegalEvent when another
        length was told before, LengthExceeded when more bytes than that are there.
        """

    async def terminate(self, upload: Upload) -> None:
        """End an unfinished upload and free its bytes; raises UploadClosed, UploadGone."""

    async def room(self) -> DiskSpace:
        """Tell the space there is."""

    async def sealed_file(self, upload: Upload) -> Path | None:
        """Give the file with the sealed bytes, for sending them; None where it is gone.

        Raises ContentDamaged for what is no file of the sealed size, StorageBroken.
        """
