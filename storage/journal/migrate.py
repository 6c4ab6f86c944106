"""The journal's schema, forward only: version N is the first N texts, applied in order."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw

from storage.journal.snapshot import UnsoundJournal, keep_before

OLDEST_SQLITE: Final = (3, 51, 3)
"""Older ones may lose a committed transaction when two connections meet at a WAL reset."""

SCHEMAS: Final = ("schema.sql", "schema_2.sql", "schema_3.sql")


class UnfitJournal(RuntimeError):
    """This program must not touch this journal; the text says what to do."""


class JournalInUse(UnfitJournal):
    """Another process has a journal open that must be brought to a new schema."""


def refuse_old_sqlite(version: str) -> None:
    """Raise UnfitJournal for a SQLite with the WAL-reset fault."""
    if tuple(int(part) for part in version.split(".")[:3]) < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise UnfitJournal(
            f"SQLite {version} can lose commits; install apsw with SQLite {wanted} or newer",
        )


def migrate(connection: apsw.Connection) -> int:
    """Bring the journal to this program's schema and give its version.

    One that is up to date is only read: the command line opens it while the gateway commits. An
    older one is kept beside itself first, as `journal.db.before-N`: there is no other way back.
    Raises, changing nothing, UnfitJournal when it is newer than the program, or damaged, and
    JournalInUse while anybody else has an older one open: an older Titip would go on with names
    of columns that are no more.
    """
    version = _version(connection)
    if version == len(SCHEMAS):
        return version
    if version:
        _refuse_company(connection)
    _upgrade(connection)
    return len(SCHEMAS)


def _refuse_company(connection: apsw.Connection) -> None:
    """Leave the WAL, which SQLite grants only to the one connection there is."""
    try:
        mode = connection.pragma("journal_mode", "delete")
    except apsw.BusyError:
        mode = "wal"
    if mode != "delete":
        raise JournalInUse(
            "the journal is an older version's, and another titip has it open: stop that one, then "
            "start this version",
        )


def _upgrade(connection: apsw.Connection) -> None:
    # IMMEDIATE waits for other writers; a transaction that begins by reading would fail instead.
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        if 0 < version < len(SCHEMAS):
            _keep(Path(connection.filename))
        for name in SCHEMAS[version:]:
            connection.execute(files("storage.journal").joinpath(name).read_text("utf-8"))
        connection.pragma("user_version", len(SCHEMAS))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _keep(journal: Path) -> None:
    try:
        keep_before(journal, len(SCHEMAS))
    except UnsoundJournal as error:
        raise UnfitJournal(
            f"{error}: nothing was changed; restore a backup (titip restore), or ask for help",
        ) from error


def _version(connection: apsw.Connection) -> int:
    version = int(connection.pragma("user_version"))
    if version > len(SCHEMAS):
        raise UnfitJournal(
            f"the journal has schema {version}, this Titip knows {len(SCHEMAS)}: "
            "run the newer Titip that wrote it",
        )
    return version
