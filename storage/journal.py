"""The journal: the single source of truth, in SQLite, with one writing thread.

Work handed to `write` is gathered into one transaction per sync (group commit): while one commit
is on its way to the disk the next ones queue up and share the following one. A result is given
only after its COMMIT, which with WAL and `synchronous=FULL` means after the sync.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

import apsw

from storage.durable import sync_folder, translated
from storage.migrate import UnfitJournal, migrate, refuse_old_sqlite
from titip.errors import StorageBroken, StorageFull, TitipError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

GROUP: Final = 256
"""Most pieces of work in one transaction: keeps the wait of the first one short."""

BUSY_MS: Final = 10_000
"""How long to wait for another process of ours, which commits within milliseconds."""


@dataclass(slots=True)
class _Piece:
    work: Callable[[apsw.Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.cancelled():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Journal:
    """One database: `write` commits, `read` looks."""

    def __init__(self, path: Path) -> None:
        """Open the database, bringing its schema up to date.

        Raises UnfitJournal, StorageFull, StorageBroken.
        """
        refuse_old_sqlite(apsw.sqlite_lib_version())
        self._path = path
        self._writer = _connect(path)
        sync_folder(path.parent)
        self._reader = _connect(path, reading=True)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="journal-read")
        self._queue: SimpleQueue[_Piece | None] = SimpleQueue()
        self._closed = False
        self._thread = Thread(target=self._run, name="journal-write", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do the work in a transaction and give its result once that is on stable storage.

        The work must only touch the database, and may be done twice: when another piece of its
        group fails, all are undone and done again. What it raises undoes its own changes only.
        Raises StorageFull, StorageBroken when the disk refuses the commit.
        """
        loop = asyncio.get_running_loop()
        piece = _Piece(work, loop.create_future(), loop)
        if self._closed:
            raise StorageBroken("the journal is closed")
        self._queue.put(piece)
        return cast("T", await piece.future)

    async def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do work that changes nothing, on the last commit."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, self._look, work)

    def close(self) -> None:
        """Finish what was handed in, fold the log into the database, and let go."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._reading.shutdown()
        self._reader.close()
        self._writer.close()

    def __enter__(self) -> Self:
        """Give the journal; leaving closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _look(self, work: Callable[[apsw.Connection], T]) -> T:
        try:
            return work(self._reader)
        except apsw.Error as error:
            raise _translated(error) from error

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._gather(first)
            self._commit(group)
            for loop in {piece.loop for piece in group}:
                mine = [piece for piece in group if piece.loop is loop]
                _hand_over(loop, mine)
            if last:
                return

    def _gather(self, first: _Piece) -> tuple[list[_Piece], bool]:
        group = [first]
        while len(group) < GROUP:
            try:
                piece = self._queue.get_nowait()
            except Empty:
                break
            if piece is None:
                return group, True
            group.append(piece)
        return group, False

    def _commit(self, group: list[_Piece]) -> None:
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            if not self._do_together(group):
                self._writer.execute("ROLLBACK")
                self._writer.execute("BEGIN IMMEDIATE")
                for piece in group:
                    self._do_apart(piece)
            self._writer.execute("COMMIT")
        except apsw.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for piece in group:
                piece.error = _translated(error)

    def _do_together(self, group: list[_Piece]) -> bool:
        """Do all pieces, and tell whether all went well: they nearly always do.

        Every statement lets go of the interpreter and must wait for its turn again, so that two
        savepoints cost a small upload as much as its own rows.
        """
        try:
            for piece in group:
                piece.result = piece.work(self._writer)
        except apsw.Error:
            if not self._writer.in_transaction:
                raise  # a full or failing disk undid the whole group
            return False
        except Exception:  # noqa: BLE001 - found again, and carried to its piece, one by one
            return False
        return True

    def _do_apart(self, piece: _Piece) -> None:
        self._writer.execute("SAVEPOINT piece")
        try:
            piece.result = piece.work(self._writer)
        except apsw.Error as error:
            if not self._writer.in_transaction:
                raise  # a full or failing disk undid the whole group
            piece.error = _translated(error)
        except Exception as error:  # noqa: BLE001 - carried to whoever waits for this piece
            piece.error = error
        if piece.error is not None:
            self._writer.execute("ROLLBACK TO piece")
        self._writer.execute("RELEASE piece")


def _hand_over(loop: asyncio.AbstractEventLoop, pieces: list[_Piece]) -> None:
    def settle() -> None:
        for piece in pieces:
            piece.settle()

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        return  # the loop was closed while its last work was committed: nobody waits any more


def _connect(path: Path, *, reading: bool = False) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with translated():
        path.touch(mode=0o600)  # SQLite gives the files beside it the same mode
    try:
        connection = apsw.Connection(str(path), flags=flags)
        connection.set_busy_timeout(BUSY_MS)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", 2)  # FULL: NORMAL loses commits in a power cut
        connection.pragma("foreign_keys", 1)
        if reading:
            connection.pragma("query_only", 1)
        else:
            migrate(connection)
    except apsw.NotADBError as error:
        raise UnfitJournal(f"{path.name} is not a journal: move it away") from error
    except apsw.Error as error:
        raise _translated(error) from error
    return connection


def _translated(error: apsw.Error) -> TitipError:
    if isinstance(error, apsw.FullError):
        return StorageFull("the disk is full: the journal cannot grow")
    return StorageBroken(f"the journal failed ({type(error).__name__}: {error})")
