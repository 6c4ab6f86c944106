"""The folder that holds the bytes: one file per upload, named by its id, never renamed by intake.

The journal is the commit mark. A file may hold more bytes than committed (recovery truncates
them), never fewer. Files lie in 256 shard folders by the first two hex digits of the id; all of
them are made and synced when the spool opens, so a new file costs one folder sync, of its shard.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storage.files.durable import (
    closing_fd,
    cut_to,
    make_folder,
    sync_data,
    sync_folder,
    translated,
)
from titip.errors import ContentDamaged, StorageBroken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from titip.upload import Upload, UploadId

NO_FILE: Final = "what lies in its place is no file"

ODD: Final = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR})
"""What the system answers for a link that is not followed, a socket, a folder to be written to."""

SHARDS: Final = tuple(f"{number:02x}" for number in range(256))


class Spool:
    """The bytes of all uploads, by id."""

    def __init__(self, root: Path) -> None:
        """Make the shard folders that are missing; raises StorageBroken, StorageFull."""
        self._home = str(root)
        self.root = root / "spool"
        """The folder of the shards."""
        self._root_text = str(self.root)  # a Path costs more than the call it is made for
        self.quarantine = root / "quarantine"
        make_folder(self.root)
        make_folder(self.quarantine)
        sync_folder(root)  # a start that was killed between making them and this made them too
        present = {entry.name for entry in os.scandir(self.root)}
        for shard in SHARDS:
            if shard not in present:
                with translated():
                    (self.root / shard).mkdir(mode=0o700)
        sync_folder(self.root)
        self._identity = self._identify()

    def path(self, upload: UploadId) -> Path:
        """Give the file of an upload."""
        return self.root / upload[:2] / upload

    def adopt(self, upload: UploadId) -> None:
        """Bring the new file's name to stable storage."""
        sync_folder(f"{self._root_text}/{upload[:2]}")

    def refuse_moved(self) -> None:
        """Raise StorageBroken when the data folder is no longer the one that was opened.

        One that was unmounted, renamed or removed leaves its name to a stranger, or to nobody.
        """
        with translated():
            if self._identify() == self._identity:
                return
        raise StorageBroken("another folder is in the data folder's place: is its disk mounted?")

    def open_for_append(self, upload: UploadId, *, new: bool = False, holds: int = 0) -> int:
        """Open the file for writing, making it if needed; a new upload must find none.

        The caller lets `adopt` make a made file's name durable before anything counts on it.
        Raises ContentDamaged when the file does not hold so many bytes.
        """
        self.refuse_moved()
        flags = os.O_RDWR | os.O_NOFOLLOW | (0 if holds else os.O_CREAT) | (os.O_EXCL if new else 0)
        with translated():
            try:
                fd = os.open(f"{self._root_text}/{upload[:2]}/{upload}", flags, 0o600)
            except FileNotFoundError as error:
                if not holds:
                    raise
                raise ContentDamaged("its file is missing") from error
            except OSError as error:
                if error.errno not in ODD:
                    raise
                raise ContentDamaged(NO_FILE) from error
            if holds and os.fstat(fd).st_size < holds:
                os.close(fd)
                raise ContentDamaged("it has fewer bytes than were committed")
        return fd

    def truncate(self, upload: UploadId, size: int) -> None:
        """Cut a torn tail off, durably."""
        with closing_fd(self.open_for_append(upload)) as fd:
            cut_to(fd, size)
            sync_data(fd)

    def remove(self, upload: UploadId) -> None:
        """Free the bytes; fine if they are gone."""
        with translated():
            self.path(upload).unlink(missing_ok=True)

    def isolate(self, name: str, shard: str) -> None:
        """Put a stranger aside, where nobody takes it for an upload."""
        with translated():
            (self.root / shard / name).replace(self.quarantine / f"{shard}-{name}")

    def put_back(self, upload: UploadId, part: Path) -> None:
        """Put a synced file in the place of a damaged one, which is kept in quarantine, durably."""
        path, number = self.path(upload), 1
        while (aside := self.quarantine / f"{upload}.damaged-{number}").exists():
            number += 1
        with translated():
            with suppress(FileNotFoundError):
                path.rename(aside)
            part.rename(path)
        sync_folder(path.parent)
        sync_folder(self.quarantine)

    def free(self) -> int:
        """Tell the bytes free on the disk for us; raises StorageBroken."""
        self.refuse_moved()
        with translated():
            room = os.statvfs(self.root)
        return room.f_bavail * room.f_frsize

    @contextmanager
    def open(self, upload: UploadId) -> Iterator[SpoolContent]:
        """Open the bytes of a sealed upload for reading; raises ContentDamaged, StorageBroken."""
        with translated():
            try:
                fd = open_bytes(self.path(upload))
            except FileNotFoundError as error:
                self.refuse_moved()
                raise ContentDamaged("its file is missing") from error
        with closing_fd(fd):
            yield SpoolContent(fd, os.fstat(fd).st_size)

    def sealed_file(self, upload: Upload) -> Path | None:
        """Give the file with the sealed bytes, None where it is gone; see `Store.sealed_file`."""
        path = self.path(upload.id)
        with translated():
            try:
                os.close(open_bytes(path, size=upload.size))
            except FileNotFoundError:
                self.refuse_moved()
                return None
        return path

    def _identify(self) -> tuple[tuple[int, int], ...]:
        places = (os.stat(self._home), os.stat(self._root_text))  # noqa: PTH116 - for each upload
        return tuple((one.st_dev, one.st_ino) for one in places)


@dataclass(frozen=True, slots=True)
class SpoolContent:
    """An open file of the spool; reads are positioned, so any thread may read."""

    fd: int
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`; raises ContentDamaged when they cannot be had."""
        with translated():
            try:
                piece = os.pread(self.fd, size, offset)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                raise ContentDamaged("the disk cannot read it") from error
        if not piece and size and offset < self.size:
            raise ContentDamaged("it has fewer bytes than it had")
        return piece

    def forget(self, offset: int, size: int) -> None:
        """Let the system drop the bytes from its memory: the next look is at the disk."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self.fd, offset, size, os.POSIX_FADV_DONTNEED)


def open_bytes(path: Path, *, size: int | None = None) -> int:
    """Open what holds an upload's bytes to read, of this size if one is given.

    A regular file and no other: a link may lead anywhere, a named pipe is waited for without end,
    and neither is what was kept. All readers open it so; the caller closes it. Raises
    ContentDamaged for what is something else, and OSError as it comes.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY)
    except OSError as error:
        if error.errno in ODD:
            raise ContentDamaged(NO_FILE) from error
        raise
    try:
        _refuse_odd(os.fstat(fd), size)
    except ContentDamaged:
        os.close(fd)
        raise
    return fd


def _refuse_odd(told: os.stat_result, size: int | None) -> None:
    if not stat.S_ISREG(told.st_mode):
        raise ContentDamaged(NO_FILE)
    if size is not None and told.st_size != size:
        raise ContentDamaged(f"it has {told.st_size} bytes instead of {size}")
