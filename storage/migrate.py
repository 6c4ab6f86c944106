"""The journal's schema, forward only: version N is the first N texts, applied in order."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import apsw

OLDEST_SQLITE: Final = (3, 51, 3)
"""Older ones may lose a committed transaction when two connections meet at a WAL reset."""

SCHEMAS: Final = ("schema.sql",)


class UnfitJournal(RuntimeError):
    """This program must not touch this journal; the text says what to do."""


def refuse_old_sqlite(version: str) -> None:
    """Raise UnfitJournal for a SQLite with the WAL-reset fault."""
    if tuple(int(part) for part in version.split(".")[:3]) < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise UnfitJournal(
            f"SQLite {version} can lose commits; install apsw with SQLite {wanted} or newer",
        )


def migrate(connection: apsw.Connection) -> int:
    """Bring the journal to this program's schema and give its version.

    One that is up to date is only read: the command line opens it while the gateway commits.
    Raises UnfitJournal when the journal is newer than the program.
    """
    if _version(connection) < len(SCHEMAS):
        _upgrade(connection)
    return len(SCHEMAS)


def _upgrade(connection: apsw.Connection) -> None:
    # IMMEDIATE waits for other writers; a transaction that begins by reading would fail instead.
    connection.execute("BEGIN IMMEDIATE")
    try:
        for name in SCHEMAS[_version(connection) :]:
            connection.execute(files("storage").joinpath(name).read_text("utf-8"))
        connection.pragma("user_version", len(SCHEMAS))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: apsw.Connection) -> int:
    version = int(connection.pragma("user_version"))
    if version > len(SCHEMAS):
        raise UnfitJournal(
            f"the journal has schema {version}, this Titip knows {len(SCHEMAS)}: "
            "run the newer Titip that wrote it",
        )
    return version
