"""What a start asks of the data folder before anything is opened in it, and says when it is not so.

A data folder whose half is missing is refused: a new journal beside old bytes, or new folders
beside an old journal, would look like a gateway that forgot what it promised.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from storage.files.durable import FULL, closing_fd, make_way, sync_folder
from storage.files.spool import SHARDS
from titip.errors import StorageBroken, StorageFull
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import apsw

    from storage.journal.database import Journal

_MENDS: Final = {
    errno.EROFS: "is on a read-only file system: mount it for writing (the kernel's log says why "
    "it is read-only), or name another storage.path",
    errno.EACCES: "may not be used by this account: give it to the account that runs titip "
    "(chown), or name another storage.path",
    errno.EPERM: "may not be used by this account: give it to the account that runs titip "
    "(chown), or name another storage.path",
    errno.ENOTDIR: "lies below a file: name a folder in storage.path",
    errno.ENOSPC: "is on a full disk, and nothing was ever kept there: make room, or name another "
    "storage.path",
    errno.EIO: "is on a disk that fails: look at the kernel's log, and mend or replace the disk",
}

_CANNOT: Final = (
    "is on a file system that cannot do what Titip needs ({what}): name a storage.path on a local "
    "disk with ext4, XFS or btrfs"
)


class UnfitFolder(RuntimeError):
    """Titip cannot work in this data folder; the text says why, and what to do."""


def check_data_folder(root: Path) -> None:
    """Make the data folder where it is missing, and try what is needed of it; raises UnfitFolder.

    A full disk is no reason to refuse: what is kept can still be read and delivered.
    """
    with _told_of(root):
        make_way(root)
        if not root.is_dir():
            root.mkdir(mode=0o700)
            sync_folder(root.parent)
    trial = root / f".trial-{os.getpid()}"
    try:
        _try_out(root, trial)
    finally:
        with suppress(OSError):
            trial.unlink(missing_ok=True)


def refuse_backup_folder(root: Path) -> None:
    """Raise UnfitFolder for a backup, and for what a restore that was cut left behind.

    Served as it is, a backup would send again what was delivered since.
    """
    if (root / "backup.json").exists():
        raise UnfitFolder(
            f"{root} is a backup, not a data folder: titip restore makes one of it elsewhere",
        )
    if (root / "restoring").exists() and not (root / "journal.db").exists():
        raise UnfitFolder(f"{root} was not restored to the end: run titip restore again")


def refuse_lost_journal(root: Path, journal: Path) -> None:
    """Raise UnfitFolder when there is no journal but the spool has files."""
    with suppress(FileNotFoundError), _told_of(root):
        if journal.stat().st_size:
            return
    if _has_files(root / "spool"):
        raise UnfitFolder(
            f"{root} has files in its spool, but {journal.name} is gone: restore it from the "
            "backup, or move the folder spool away to begin anew",
        )


async def refuse_lost_spool(root: Path, journal: Journal) -> None:
    """Raise UnfitFolder when the journal tells of kept bytes but there is no spool."""
    spool = root / "spool"
    if spool.is_dir() or not await journal.read(_keeps_bytes):
        return
    raise UnfitFolder(
        f"{root} has a journal of files that are kept, but its folder spool is gone: mount its "
        "disk or restore it from the backup; to begin anew, move the journal away",
    )


def _keeps_bytes(db: apsw.Connection) -> bool:
    text = "SELECT 1 FROM uploads WHERE length > 0 AND (state = ? OR (state = ? AND offset > 0))"
    states = (UploadState.SEALED.value, UploadState.OPEN.value)
    return db.execute(f"{text} LIMIT 1", states).fetchone() is not None


def _has_files(spool: Path) -> bool:
    for shard in SHARDS:
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(spool / shard) as entries:
            if any(True for _ in entries):
                return True
    return False


def _try_out(root: Path, trial: Path) -> None:
    """Write, lock, map and sync a small file, as spool and journal will."""
    with _told_of(root), closing_fd(os.open(trial, os.O_RDWR | os.O_CREAT, 0o600)) as fd:
        try:
            os.pwrite(fd, bytes(1), 0)
        except OSError as error:
            if error.errno in FULL:
                return
            raise
        _try_locks(root, fd)
        os.fsync(fd)


def _try_locks(root: Path, fd: int) -> None:
    import fcntl  # noqa: PLC0415 - not on Windows, where only `titip push` is at home
    import mmap  # noqa: PLC0415

    what = "locks"
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(fd, fcntl.LOCK_UN)
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        what = "shared memory"
        mmap.mmap(fd, 1, mmap.MAP_SHARED).close()
    except OSError as error:
        raise UnfitFolder(f"{root} {_CANNOT.format(what=what)}") from error


@contextmanager
def _told_of(root: Path) -> Iterator[None]:
    """Turn an OSError of the block into UnfitFolder; what is missing is the caller's to judge."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (StorageBroken, StorageFull) as error:
        raise UnfitFolder(f"{root} cannot be used: {error}") from error
    except FileExistsError as error:
        raise UnfitFolder(f"{root} is a file: name a folder in storage.path") from error
    except OSError as error:
        word = errno.errorcode.get(error.errno or 0, "unknown error")
        unknown = f"cannot be used ({word}): look at its disk, or name another storage.path"
        raise UnfitFolder(f"{root} {_MENDS.get(error.errno or 0, unknown)}") from error
