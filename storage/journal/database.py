"""The journal: the single source of truth, in SQLite, with one writing thread.

Work handed to `write` is gathered into one transaction per sync (group commit): while one commit
is on its way to the disk the next ones queue up and share the following one. A result is given
only after its COMMIT, which with WAL and `synchronous=FULL` means after the sync.

It fails stop: however the writing thread ends, whoever waits is told at once, and so is everybody
who comes later. Reading goes on.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast

import apsw
import structlog

from storage.files.durable import sync_folder
from storage.journal.connection import connect, meaning
from storage.journal.migrate import refuse_old_sqlite
from storage.journal.writer import WorkItem, Writer
from titip.errors import StorageBroken
from titip.faults import kind_of, trace_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from storage.files.reserved_space import Ballast

T = TypeVar("T")

log = structlog.get_logger()

CLOSED: Final = "the journal is closed"

GROUP: Final = 256
"""Most pieces of work in one transaction: keeps the wait of the first one short."""

RESTOCK_SECONDS: Final = 2.0
"""How often to see whether the disk has room again for the ballast that was given up."""


class Journal:
    """One database: `write` commits, `read` looks."""

    def __init__(
        self,
        path: Path,
        *,
        ballast: Ballast | None = None,
        serving: bool = False,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Open the database, bringing its schema up to date.

        The `ballast` is given up when a commit finds no room; who is `serving` makes it again,
        and begins with the log folded, so that nothing is built on what a failed sync left there.
        `failed` hears why, once, when the disk failed. Raises UnfitJournal, StorageFull,
        StorageBroken.
        """
        refuse_old_sqlite(apsw.sqlite_lib_version())
        self._ballast = ballast
        self._restocks = serving and ballast is not None
        self._restock_at = 0.0
        self._writer = Writer(path, ballast=ballast, wal_checkpoint=serving, failed=failed)
        sync_folder(path.parent)
        self._reader = connect(path, reading=True)
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="journal-read")
        self._queue: SimpleQueue[WorkItem | None] = SimpleQueue()
        self._closed = self._at_end = self._ended = False
        self._closing = Lock()
        if self._restocks:
            self._restock()
        self._thread = Thread(target=self._run, name="journal-write", daemon=True)
        self._thread.start()

    @property
    def broken(self) -> str:
        """Say why nothing more is written, "" while the disk does what it should."""
        return self._writer.broken

    @property
    def reserved(self) -> bool:
        """Tell whether the journal has room of its own, should the disk become full.

        Who does not serve makes none, and takes nothing in either.
        """
        return not self._restocks or self._ballast is None or self._ballast.held

    async def write(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do the work in a transaction and give its result once that is on stable storage.

        The work must only touch the database, and may be done twice: when another piece of its
        group fails, or when room must be made, all are undone and done again. What it raises
        undoes its own changes only. Raises StorageFull when nothing of it was kept, and
        StorageBroken when the disk failed: it may be there or not, and nothing more is written
        until a restart.
        """
        loop = asyncio.get_running_loop()
        piece = WorkItem(work, loop.create_future(), loop)
        if self._closed:
            raise StorageBroken(CLOSED)
        self._queue.put(piece)
        if self._ended:  # between the look and the put, or long ago
            self._refuse_waiting()
        return cast("T", await piece.future)

    async def read(self, work: Callable[[apsw.Connection], T]) -> T:
        """Do work that changes nothing, on the last commit."""
        loop = asyncio.get_running_loop()
        try:
            reading = loop.run_in_executor(self._reading, self._look, work)
        except RuntimeError as error:  # its thread takes nothing more
            raise StorageBroken(CLOSED) from error
        return await reading

    def close(self, *, patience: float | None = None) -> None:
        """Finish what was handed in, checkpoint the log into the database, and let go.

        With `patience`, at most about so many seconds: what a disk that hangs keeps open is then
        left to the next start, which mends it. May be called twice, and from any thread.
        """
        self._closed = True
        if not self._closing.acquire(timeout=-1 if patience is None else patience):
            return
        try:
            self._queue.put(None)
            self._thread.join(patience)
            self._reading.shutdown(wait=patience is None, cancel_futures=patience is not None)
            if not self._thread.is_alive():
                self._let_go()
        finally:
            self._closing.release()

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
            raise meaning(error, self._reader) from error

    def _let_go(self) -> None:
        with suppress(apsw.ThreadingViolationError):  # a look that hangs holds it still
            self._reader.close()
        self._writer.close()

    def _run(self) -> None:
        group: list[WorkItem] = []  # what was taken from the queue last
        try:
            while self._take(group):
                self._serve(group)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            broken = f"the journal's writer ended ({kind_of(error)}): restart Titip"
            try:
                self._writer.give_up(broken)
                log.error("journal.writer_ended", error=kind_of(error), where=trace_of(error))
            finally:
                _refuse(group, StorageBroken(self._writer.broken or broken))
        finally:
            self._ended = True
            self._refuse_waiting()

    def _serve(self, group: list[WorkItem]) -> None:
        self._writer.commit(group)
        for loop in {piece.loop for piece in group}:
            mine = [piece for piece in group if piece.loop is loop]
            _hand_over(loop, mine)
        self._writer.wal_checkpoint_if_long()

    def _refuse_waiting(self) -> None:
        """Refuse what is in the queue of a thread that ended; from any thread."""
        while True:
            try:
                piece = self._queue.get_nowait()
            except Empty:
                return
            if piece is not None:
                _refuse([piece], StorageBroken(self._writer.broken or CLOSED))

    def _take(self, group: list[WorkItem]) -> bool:
        """Wait for work and take what there is; tell whether there was any, or it is the end."""
        group.clear()
        if self._at_end:
            return False
        group.extend(self._first())
        if self._restocks and time.monotonic() >= self._restock_at:
            self._restock()
        while group and len(group) < GROUP:
            try:
                piece = self._queue.get_nowait()
            except Empty:
                break
            if piece is None:
                self._at_end = True
                break
            group.append(piece)
        return bool(group)

    def _first(self) -> list[WorkItem]:
        """Wait for work; while the ballast is gone, look now and then whether it can be made."""
        while True:
            try:
                piece = self._queue.get(timeout=RESTOCK_SECONDS if self._restocks else None)
            except Empty:
                self._restock()
            else:
                return [] if piece is None else [piece]

    def _restock(self) -> None:
        self._restock_at = time.monotonic() + RESTOCK_SECONDS
        self._writer.restock()


def _hand_over(loop: asyncio.AbstractEventLoop, pieces: Sequence[WorkItem]) -> None:
    def settle() -> None:
        for piece in pieces:
            piece.settle()

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        return  # the loop was closed while its last work was committed: nobody waits any more


def _refuse(pieces: Sequence[WorkItem], error: StorageBroken) -> None:
    """Fail what nobody was told of yet; a piece that was told keeps what it has."""
    for piece in pieces:
        refused = replace(piece, error=error)
        with suppress(RuntimeError):
            piece.loop.call_soon_threadsafe(refused.settle)
