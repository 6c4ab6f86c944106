"""Remember, between runs and reboots, where each file's upload is and what was proven.

One SQLite file per person, mode 0600. It holds no token and no content. Several processes may
use it at once. Losing it costs time, never correctness: the files are handed in again.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from client.errors import StoreTrouble
from client.transfer.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client.plan import Item

VERSION = 2
BUSY_SECONDS = 30.0
"""Far longer than any transaction here takes: they write one row."""
ELSEWHERE = "name another place with --state"
# An older `titip push` may be at work on the same store: its tables keep their names.
SCHEMA = """
CREATE TABLE IF NOT EXISTS digest (
  path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handin (
  server TEXT NOT NULL, identity TEXT NOT NULL, path BLOB NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, url TEXT NOT NULL, state TEXT NOT NULL,
  upload TEXT NOT NULL, sealed_at TEXT NOT NULL,
  PRIMARY KEY (server, identity, path, size, mtime_ns, sha256)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS again (
  server TEXT NOT NULL, identity TEXT NOT NULL, path BLOB NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL, salt TEXT NOT NULL,
  PRIMARY KEY (server, identity, path, size, mtime_ns, sha256)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity (
  server TEXT NOT NULL, mark TEXT NOT NULL, identity TEXT NOT NULL, PRIMARY KEY (server, mark)
) WITHOUT ROWID;
"""
_COUNTABLE = range(-(1 << 63), 1 << 63)
CASE = "server = ? AND identity = ? AND path = ? AND size = ? AND mtime_ns = ? AND sha256 = ?"


Cell = str | bytes | int


class RecordState(StrEnum):
    """How far a file came."""

    SENDING = "sending"
    PROVEN = "proven"
    DISPUTED = "disputed"
    """Sealed at the gateway with another digest than ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKey:
    """Which file, as it was, handed in where and by whom."""

    server: str
    identity: str
    item: Item
    sha256: str

    def row(self) -> tuple[Cell, ...]:
        """Give the columns of the primary key."""
        return (self.server, self.identity, *_as_it_was(self.item), self.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Where the upload is and, once proven, what the gateway said of it."""

    url: str
    state: RecordState = RecordState.SENDING
    upload: str = ""
    sealed_at: str = ""


class ResumeStore:
    """The resume store. One connection, shared by the threads of this process under a lock."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> ResumeStore:
        """Open the store, making it and its folder if need be. Raises StoreTrouble."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Made with its final mode: SQLite gives the same to the files it adds beside it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            return cls(_opened(path))
        except (OSError, sqlite3.Error) as error:
            raise StoreTrouble(
                f"the resume store {path} cannot be used ({error}): move it away, or {ELSEWHERE}"
            ) from error

    def close(self) -> None:
        """Close the file. No call may follow."""
        with self._lock:
            self._connection.close()

    def digest_of(self, item: Item) -> Digest | None:
        """Give the digest of a file that has not changed since it was last read."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT sha256 FROM digest WHERE path = ? AND size = ? AND mtime_ns = ?",
                _as_it_was(item),
            ).fetchone()
        return Digest(row[0]) if row else None

    def keep_digest(self, item: Item, digest: Digest) -> None:
        """Remember a digest, if the file's size and mtime are enough to trust it later."""
        with self._writing() as connection:
            _put_digest(connection, item, digest)

    def find(self, case: RecordKey) -> Record | None:
        """Give what is known of this very file at this gateway."""
        with self._reading() as connection:
            row = connection.execute(
                f"SELECT url, state, upload, sealed_at FROM handin WHERE {CASE}",  # noqa: S608
                case.row(),
            ).fetchone()
        if row is None or row[1] not in set(RecordState):
            return None
        return Record(url=row[0], state=RecordState(row[1]), upload=row[2], sealed_at=row[3])

    def save(self, case: RecordKey, record: Record, digest: Digest) -> None:
        """Write one record, and the digest it stands on, in one transaction.

        A record that is final takes the nonce of its upload with it.
        """
        row = (*case.row(), record.url, record.state.value, record.upload, record.sealed_at)
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO handin VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row
            )
            _put_digest(connection, case.item, digest)
            if record.state is not RecordState.SENDING:
                connection.execute(f"DELETE FROM again WHERE {CASE}", case.row())  # noqa: S608

    def nonce_of(self, case: RecordKey) -> str:
        """Give the nonce under which this file is being handed in once more, or ''."""
        with self._reading() as connection:
            return _nonce(connection, case)

    def draw_nonce(self, case: RecordKey) -> str:
        """Give the nonce for handing this file in once more, a new one if none was drawn yet."""
        with self._writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO again VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*case.row(), secrets.token_hex(16)),
            )
            return _nonce(connection, case)

    def forget(self, case: RecordKey) -> None:
        """Drop a record whose upload is gone."""
        with self._writing() as connection:
            connection.execute(f"DELETE FROM handin WHERE {CASE}", case.row())  # noqa: S608

    def identity_of(self, server: str, mark: str) -> str | None:
        """Give the identity under which this token's files are remembered."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT identity FROM identity WHERE server = ? AND mark = ?", (server, mark)
            ).fetchone()
        return str(row[0]) if row else None

    def adopt(self, server: str, mark: str, identity: str) -> None:
        """Remember that this token hands in under this identity."""
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO identity VALUES (?, ?, ?)", (server, mark, identity)
            )

    def samples(self, server: str) -> list[tuple[str, str]]:
        """Give each identity known at this gateway with one upload that it proved there."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT identity, max(upload) FROM handin"
                " WHERE server = ? AND upload != '' GROUP BY identity",
                (server,),
            ).fetchall()
        return [(str(identity), str(upload)) for identity, upload in rows]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except (sqlite3.Error, ValueError) as error:
                raise StoreTrouble(f"the resume store cannot be read ({error})") from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                with self._connection:
                    yield self._connection
            except (sqlite3.Error, ValueError) as error:
                raise StoreTrouble(
                    f"the resume store cannot be written ({error}): is this machine's disk full?"
                ) from error


def default_path() -> Path:
    """Give the place for state on this system, by its own custom. May raise StoreTrouble."""
    try:
        home = Path.home()
    except RuntimeError as error:
        raise StoreTrouble(f"there is no home folder for the resume store: {ELSEWHERE}") from error
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = home / "Library" / "Application Support"
    else:
        root = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    return root / "titip" / "push.sqlite3"


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        # The busy timeout does not cover this switch: another process making it at this very
        # moment, or reading, refuses it. Either way the store works as it is.
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _lay_out(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _lay_out(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise sqlite3.DatabaseError("it was written by a newer titip")
    if version < VERSION:
        connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {VERSION}; END;")


def _as_it_was(item: Item) -> tuple[bytes, Cell, Cell]:
    """Give the columns that tell one state of a file: its path, size and time."""
    return _path_bytes(item.path), _storable(item.size), _storable(item.mtime_ns)


def _path_bytes(path: Path) -> bytes:
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:
        return str(path).encode("utf-8", "surrogatepass")


def _storable(number: int) -> Cell:
    """Give any whole number as a value of its own: SQLite counts to 2^63.

    A time before 1677 or after 2262 is beyond that in nanoseconds. Hexadecimal text is never taken
    for a number, and so never rounded.
    """
    return number if number in _COUNTABLE else hex(number)


def _nonce(connection: sqlite3.Connection, case: RecordKey) -> str:
    row = connection.execute(f"SELECT salt FROM again WHERE {CASE}", case.row()).fetchone()  # noqa: S608
    return str(row[0]) if row else ""


def _put_digest(connection: sqlite3.Connection, item: Item, digest: Digest) -> None:
    if digest.settled:
        connection.execute(
            "INSERT OR REPLACE INTO digest VALUES (?, ?, ?, ?)",
            (*_as_it_was(item), digest.sha256),
        )
