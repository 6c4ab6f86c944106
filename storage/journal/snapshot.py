"""A copy of the journal as of one commit, made while others write to it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import apsw

from storage.files.durable import sync_data, sync_folder, translated
from titip.errors import StorageFull

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEP: Final = 256
"""Pages copied at a time: one MiB of the usual ones."""

BUSY_MS: Final = 10_000


class UnsoundJournal(RuntimeError):
    """A copy of the journal is not sound."""


def opened_for_reading(path: Path) -> apsw.Connection:
    """Open a journal that is there, to read only; its writers are not held up."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("query_only", 1)
    return connection


def opened_for_writing(path: Path) -> apsw.Connection:
    """Open a journal that nobody else has open."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.pragma("synchronous", 2)
    return connection


def copy_journal(
    source: Path,
    target: Path,
    *,
    tell: Callable[[int, int], None] = lambda _done, _all: None,
) -> None:
    """Copy a journal's last commit into the file `target`, durable but for its name.

    One read transaction holds that commit still, so that writers, who go on meanwhile, neither
    wait nor make it begin again. `tell` hears the pages done, and of how many. Raises
    UnsoundJournal.
    """
    target.unlink(missing_ok=True)
    with translated():
        target.touch(mode=0o600)
    try:
        _copy(source, target, tell)
    except apsw.FullError as error:
        raise StorageFull(
            f"there is no room for a copy of the journal in {target.parent}"
        ) from error
    except apsw.Error as error:
        word = type(error).__name__
        raise UnsoundJournal(f"the journal cannot be copied ({word}: {error})") from error
    with target.open("rb") as file:
        sync_data(file.fileno())


def _copy(source: Path, target: Path, tell: Callable[[int, int], None]) -> None:
    with closing(opened_for_reading(source)) as reader, closing(opened_for_writing(target)) as copy:
        with reader:
            reader.execute("SELECT count(*) FROM sqlite_schema").fetchall()
            with copy.backup("main", reader, "main") as backup:
                while not backup.done:
                    backup.step(STEP)
                    tell(backup.page_count - backup.remaining, backup.page_count)
        copy.pragma("journal_mode", "delete")  # one file, whole by itself
        refuse_unsound(copy)


def refuse_unsound(journal: apsw.Connection) -> None:
    """Raise UnsoundJournal unless SQLite finds the whole database sound."""
    try:
        found = [str(row[0]) for row in journal.execute("PRAGMA integrity_check(1)")]
    except apsw.Error as error:
        found = [type(error).__name__]
    if found != ["ok"]:
        raise UnsoundJournal(f"the journal is damaged ({found[0] if found else 'no answer'})")


def keep_before(journal: Path, version: int) -> Path:
    """Keep a copy of the journal beside it, as it was before it is brought to `version`."""
    kept = journal.with_name(f"{journal.name}.before-{version}")
    part = kept.with_name(f"{kept.name}.part")
    copy_journal(journal, part)
    with translated():
        part.replace(kept)
    sync_folder(kept.parent)
    return kept
