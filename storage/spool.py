"""The folder that holds the bytes: one file per upload, named by its id, never renamed.

The journal is the commit mark. A file may hold more bytes than committed (recovery truncates
them), never fewer. Files lie in 256 shard folders by the first two hex digits of the id; all of
them are made and synced when the spool opens, so a new file costs one folder sync, of its shard.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storage.durable import make_folder, sync_data, sync_folder, translated
from titip.errors import StorageBroken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from titip.upload import UploadId

SHARDS: Final = tuple(f"{number:02x}" for number in range(256))


class Spool:
    """The bytes of all uploads, by id."""

    def __init__(self, root: Path) -> None:
        """Make the shard folders that are missing; raises StorageBroken, StorageFull."""
        self._root = root / "spool"
        self._root_text = str(self._root)  # a Path costs more than the call it is made for
        self.quarantine = root / "quarantine"
        make_folder(self._root)
        make_folder(self.quarantine)
        present = {entry.name for entry in os.scandir(self._root)}
        for shard in SHARDS:
            if shard not in present:
                with translated():
                    (self._root / shard).mkdir(mode=0o700)
        sync_folder(self._root)

    @property
    def root(self) -> Path:
        """Give the folder of the shards."""
        return self._root

    def path(self, upload: UploadId) -> Path:
        """Give the file of an upload."""
        return self._root / upload[:2] / upload

    def adopt(self, upload: UploadId) -> None:
        """Bring the new file's name to stable storage."""
        sync_folder(f"{self._root_text}/{upload[:2]}")

    def open_for_append(self, upload: UploadId, *, new: bool = False) -> int:
        """Open the file for writing, making it if needed; a new upload must find none.

        The caller lets `adopt` make a made file's name durable before anything counts on it.
        """
        flags = os.O_RDWR | os.O_CREAT | (os.O_EXCL if new else 0)
        with translated():
            return os.open(f"{self._root_text}/{upload[:2]}/{upload}", flags, 0o600)

    def truncate(self, upload: UploadId, size: int) -> None:
        """Cut a torn tail off, durably."""
        fd = self.open_for_append(upload)
        try:
            with translated():
                os.ftruncate(fd, size)
            sync_data(fd)
        finally:
            os.close(fd)

    def remove(self, upload: UploadId) -> None:
        """Free the bytes; fine if they are gone."""
        with translated():
            self.path(upload).unlink(missing_ok=True)

    def isolate(self, name: str, shard: str) -> None:
        """Put a stranger aside, where nobody takes it for an upload."""
        with translated():
            (self._root / shard / name).replace(self.quarantine / f"{shard}-{name}")

    def free(self) -> int:
        """Tell the bytes free on the disk for us."""
        with translated():
            room = os.statvfs(self._root)
        return room.f_bavail * room.f_frsize

    @contextmanager
    def open(self, upload: UploadId) -> Iterator[SpoolContent]:
        """Open the bytes of a sealed upload for reading; raises StorageBroken if missing."""
        with translated():
            fd = os.open(self.path(upload), os.O_RDONLY)
        try:
            yield SpoolContent(fd, os.fstat(fd).st_size)
        finally:
            os.close(fd)


@dataclass(frozen=True, slots=True)
class SpoolContent:
    """An open file of the spool; reads are positioned, so any thread may read."""

    fd: int
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`; raises StorageBroken when bytes are missing."""
        with translated():
            piece = os.pread(self.fd, size, offset)
        if not piece and size and offset < self.size:
            raise StorageBroken("the spool holds fewer bytes than it did")
        return piece
