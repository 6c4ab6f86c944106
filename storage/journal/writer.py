"""The journal's one writing connection: commits groups of work, and keeps its log in bounds.

A full disk is met with the ballast and a second try. A disk that failed is believed at once:
after a failed sync nobody knows what is on it, so nothing more is written until a restart.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import apsw
import structlog

from storage.journal.connection import connect, is_failure, is_full, meaning
from titip.errors import StorageBroken, StorageFull
from titip.faults import kind_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from storage.files.reserved_space import Ballast

log = structlog.get_logger()

FOLD_PAGES: Final = 1000
"""Pages in the log from which on it is folded into the database: SQLite's own number."""


@dataclass(slots=True)
class WorkItem:
    """Work for the journal, and whoever waits for it."""

    work: Callable[[apsw.Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Give the result, or the error, to whoever still waits; to be called in the loop."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
            return
        error = self.error
        if isinstance(error, StopIteration):  # the one that no future takes as it is
            error = StorageBroken(f"the work failed ({kind_of(error)})")
        self.future.set_exception(error)


class Writer:
    """One connection that writes; to be used by one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        ballast: Ballast | None,
        wal_checkpoint: bool,
        failed: Callable[[str], None] | None,
    ) -> None:
        """Open the database; `wal_checkpoint` first brings all that its log holds into it.

        Raises UnfitJournal, StorageFull, StorageBroken.
        """
        self.broken = ""
        self._ballast = ballast
        self._failed = failed
        self._log_pages = 0
        try:
            self._db = self._connected(path, wal_checkpoint=wal_checkpoint)
        except StorageFull:
            if ballast is None or not ballast.give_up():
                raise
            self._db = self._connected(path, wal_checkpoint=wal_checkpoint)

    def commit(self, group: Sequence[WorkItem]) -> None:
        """Do the work of a group in one transaction; each piece has its result or its error."""
        if self.broken:
            for piece in group:
                piece.error = StorageBroken(self.broken)
            return
        try:
            self._do(group)
        except apsw.Error as error:
            self._roll_back()
            again = is_full(error, self._db) and self._make_room()
            failure = self._do_again(group) if again else error
            if failure is not None:
                self._tell(group, failure)
        except BaseException:
            self._roll_back()
            raise

    def give_up(self, reason: str) -> None:
        """Write no more, for a reason that is none of the disk's; told once."""
        if not self.broken:
            self._break(reason)

    def wal_checkpoint_if_long(self) -> None:
        """Fold the log once it is long: a log that only grows needs room that may be missing."""
        if self._log_pages >= FOLD_PAGES and not self.broken:
            self._fold()

    def restock(self) -> None:
        """Make the ballast again if there is room."""
        if self._ballast is not None and not self.broken:
            self._ballast.restock()

    def close(self) -> None:
        """Fold the log if the disk is sound, and let go."""
        self._db.close()

    def _connected(self, path: Path, *, wal_checkpoint: bool) -> apsw.Connection:
        db = connect(path)
        db.set_wal_hook(self._count_pages)  # in place of checkpoints that hide their errors
        try:
            if wal_checkpoint:
                with suppress(apsw.BusyError):
                    db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error as error:
            told = meaning(error, db)
            db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            db.close()
            raise told from error
        return db

    def _count_pages(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _do(self, group: Sequence[WorkItem]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        if not self._do_together(group):
            self._db.execute("ROLLBACK")
            self._db.execute("BEGIN IMMEDIATE")
            for piece in group:
                self._do_apart(piece)
        self._db.execute("COMMIT")

    def _do_again(self, group: Sequence[WorkItem]) -> apsw.Error | None:
        for piece in group:
            piece.result = piece.error = None
        try:
            self._do(group)
        except apsw.Error as error:
            self._roll_back()
            return error
        return None

    def _do_together(self, group: Sequence[WorkItem]) -> bool:
        """Do all pieces, and tell whether all went well: they nearly always do.

        Every statement lets go of the interpreter and must wait for its turn again, so that two
        savepoints cost a small upload as much as its own rows.
        """
        try:
            for piece in group:
                piece.result = piece.work(self._db)
        except apsw.Error as error:
            if self._is_the_disks(error):
                raise
            return False
        except BaseException:  # noqa: BLE001 - found again, and carried to its piece, one by one
            return False
        return True

    def _do_apart(self, piece: WorkItem) -> None:
        self._db.execute("SAVEPOINT piece")
        try:
            piece.result = piece.work(self._db)
        except apsw.Error as error:
            if self._is_the_disks(error):
                raise
            piece.error = meaning(error, self._db)
        except BaseException as error:  # noqa: BLE001 - carried to whoever waits for this piece
            piece.error = error
        if piece.error is not None:
            self._db.execute("ROLLBACK TO piece")
        self._db.execute("RELEASE piece")

    def _is_the_disks(self, error: apsw.Error) -> bool:
        """Tell whether this is the whole group's trouble: the disk is full, or failed."""
        undone = not self._db.in_transaction
        return undone or is_full(error, self._db) or is_failure(error)

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            with suppress(apsw.Error):
                self._db.execute("ROLLBACK")

    def _tell(self, group: Sequence[WorkItem], error: apsw.Error) -> None:
        told = meaning(error, self._db)
        if is_failure(error) and not isinstance(told, StorageFull):
            self._break(str(told))
        for piece in group:
            piece.error = told

    def _break(self, reason: str) -> None:
        """Write no more: what a failed write or sync left in the log is for a start to sort out."""
        self.broken = reason
        with suppress(apsw.Error):
            self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        log.error("journal.broken", reason=reason)
        if self._failed is not None:
            self._failed(reason)

    def _make_room(self) -> bool:
        """Give up the ballast, and checkpoint the log to begin it anew; tell if one helped."""
        gave = self._ballast is not None and self._ballast.give_up()
        return self._fold() or gave

    def _fold(self) -> bool:
        """Bring what the log holds into the database; tell whether all of it is there."""
        try:
            pages, folded = self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            return False
        except apsw.Error as error:
            return self._fold_failed(error)
        if pages == folded:
            self._log_pages = 0
        return pages == folded

    def _fold_failed(self, error: apsw.Error) -> bool:
        if not is_full(error, self._db):
            self._break(str(meaning(error, self._db)))
            return False
        if self._ballast is not None and self._ballast.give_up():
            return self._fold()
        log.warning("journal.not_checkpointed", pages=self._log_pages)
        return False
