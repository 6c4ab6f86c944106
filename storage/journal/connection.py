"""Connections of the journal, and what SQLite's errors mean: no room, a failed disk, or neither."""

from __future__ import annotations

import errno
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import apsw

from storage.files.durable import translated
from storage.journal.migrate import JournalInUse, UnfitJournal, migrate
from titip.errors import StorageBroken, StorageFull

if TYPE_CHECKING:
    from pathlib import Path

    from titip.errors import TitipError

BUSY_MS: Final = 10_000
"""How long to wait for another process of ours, which commits within milliseconds."""

COMPANY_SECONDS: Final = 10.0
"""How long to wait for whoever else has an older journal open: to upgrade it takes a moment."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})

_GROWING: Final = frozenset({apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_SHMOPEN})
"""SQLite knows ENOSPC of a write, but no quota, and none of its index. A failed sync is not here:
after one nobody knows what is on the disk, whatever its reason."""

_FAILED: Final = (
    apsw.IOError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
)


class JournalBusy(StorageBroken):
    """Another process holds the journal longer than any of ours does."""


def connect(path: Path, *, reading: bool = False) -> apsw.Connection:
    """Open the journal; one to write also brings the schema up to date.

    Several processes may begin at once after an upgrade: one brings the schema up to date, the
    others wait for it. Raises UnfitJournal, StorageFull, StorageBroken.
    """
    deadline = time.monotonic() + COMPANY_SECONDS
    while True:
        try:
            return _connected(path, reading=reading)
        except (JournalInUse, JournalBusy):
            if time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.01, 0.2))  # noqa: S311 - so that two do not keep in step


def _connected(path: Path, *, reading: bool) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with translated():
        path.touch(mode=0o600)  # SQLite gives the files beside it the same mode
    connection: apsw.Connection | None = None
    try:
        connection = apsw.Connection(str(path), flags=flags)
        _set_up(connection, reading=reading)
    except UnfitJournal:
        if connection is not None:
            connection.close()
        raise
    except apsw.Error as error:
        told = meaning(error, connection)
        if connection is not None:
            with suppress(apsw.Error):
                connection.close()
        if isinstance(error, apsw.NotADBError):
            raise UnfitJournal(f"{path.name} is not a journal: move it away") from error
        raise told from error
    return connection


def meaning(error: apsw.Error, connection: apsw.Connection | None) -> TitipError:
    """Give the error as the rest of Titip knows it."""
    if isinstance(error, apsw.BusyError):
        return JournalBusy("the journal is locked by another process")
    if is_full(error, connection):
        return StorageFull("the disk is full: the journal cannot grow")
    advice = "; look at the kernel's log, mend the disk, restart Titip" if is_failure(error) else ""
    return StorageBroken(f"the journal failed ({type(error).__name__}: {error}){advice}")


def is_full(error: apsw.Error, connection: apsw.Connection | None) -> bool:
    """Tell whether the disk, or the quota, has no room: the transaction was undone, no more."""
    if isinstance(error, apsw.FullError):
        return True
    detail = getattr(error, "extendedresult", 0)
    if detail == apsw.SQLITE_IOERR_SHMSIZE:
        return True  # the index is made anew from the log: it holds no promise
    if connection is None or not (isinstance(error, apsw.CantOpenError) or detail in _GROWING):
        return False
    return connection.system_errno in _FULL


def is_failure(error: apsw.Error) -> bool:
    """Tell whether the disk failed, so that nothing more may be promised from it."""
    return isinstance(error, _FAILED)


def _set_up(connection: apsw.Connection, *, reading: bool) -> None:
    connection.set_busy_timeout(BUSY_MS)
    if not reading:
        migrate(connection)
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", 2)  # FULL: NORMAL loses commits in a power cut
    connection.pragma("foreign_keys", 1)
    if reading:
        connection.pragma("query_only", 1)
