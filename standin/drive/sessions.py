"""Keep the resumable uploads that are under way, for a week, across restarts.

Bytes are written in whole units of 256 KiB as they arrive, so what a broken connection leaves is
always a place to go on from.
"""

import asyncio
import secrets
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from standin.drive.errors import CutOff
from standin.drive.item import Digests, Item, digests_of
from standin.drive.metadata import Clock
from standin.drive.range import UNIT_BYTES
from standin.journal_file import JournalFile

SESSION_SECONDS = 7 * 24 * 3600
"""A session's address is good for one week, says Google's guide."""


class Session:
    """One resumable upload: how far it is, and where its bytes lie."""

    def __init__(self, record: dict[str, Any], path: Path) -> None:
        """Begin as the record of its opening says."""
        self.id = str(record["id"])
        self.draft = Item.from_record(record["draft"])
        self.total: int | None = record["total"]
        self.fields = str(record["fields"])
        self.opened_at = float(record["at"])
        self.path = path
        self.received = 0
        self.file_id = ""
        self._digests = Digests()
        self._turn = 0
        self._writing = asyncio.Lock()
        self.ending = asyncio.Lock()

    @property
    def is_whole(self) -> bool:
        """Tell whether every byte is here."""
        return self.received == self.total

    def begin_turn(self) -> int:
        """Give the session to a new request; the one that had it writes no more."""
        self._turn += 1
        return self._turn

    async def append(self, block: bytes, *, turn: int) -> None:
        """Add a block at the end; raise CutOff if a later request has the session now."""
        async with self._writing:
            if turn != self._turn:
                raise CutOff
            await asyncio.to_thread(self._append, block)
            self.received += len(block)

    async def settled(self) -> None:
        """Wait until no block is being written."""
        async with self._writing:
            return

    def checksums(self) -> dict[str, str]:
        """Give the checksums of what was sent."""
        return self._digests.report()

    def catch_up(self) -> None:
        """Find out after a restart how far the bytes got; drop what is no whole unit."""
        size = self.path.stat().st_size
        whole = size if size == self.total else size - size % UNIT_BYTES
        with self.path.open("r+b") as file:
            file.truncate(whole)
        self.received = whole
        self._digests = digests_of(self.path)

    def _append(self, block: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(block)
        self._digests.update(block)


class Sessions:
    """All sessions by id, which nobody can guess."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        """Open `folder`, going on with the sessions of an earlier run."""
        self._folder = folder / "sessions"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self.counts: Counter[str] = Counter(opened=0, completed=0, expired=0)
        self._journal = JournalFile(folder / "sessions.jsonl", self._apply)
        for session in self._sessions.values():
            if not session.file_id and session.path.exists():
                session.catch_up()

    def open(self, draft: Item, *, total: int | None, fields: str) -> Session:
        """Open a session for a file that is to be made."""
        session_id = secrets.token_urlsafe(32)
        self._journal.append(
            {
                "op": "open",
                "id": session_id,
                "draft": asdict(draft),
                "total": total,
                "fields": fields,
                "at": self._clock(),
            }
        )
        session = self._sessions[session_id]
        session.path.touch()
        return session

    def find(self, session_id: str) -> Session | None:
        """Find a session that has not run out."""
        session = self._sessions.get(session_id)
        if session is not None and self._clock() - session.opened_at > SESSION_SECONDS:
            self.expire(session)
            return None
        return session

    def complete(self, session: Session, file_id: str) -> None:
        """Note that the session became a file."""
        self._journal.append({"op": "complete", "id": session.id, "file": file_id})

    def expire(self, session: Session) -> None:
        """Forget a session and its bytes."""
        session.begin_turn()
        self._journal.append({"op": "expire", "id": session.id})
        session.path.unlink(missing_ok=True)

    def stats(self) -> dict[str, int]:
        """Count sessions by how they ended."""
        active = sum(not session.file_id for session in self._sessions.values())
        return {**self.counts, "active": active}

    def close(self) -> None:
        """Close the journal; may be called twice."""
        self._journal.close()

    def _apply(self, record: dict[str, Any]) -> None:
        match str(record["op"]):
            case "open":
                self._sessions[record["id"]] = Session(record, self._folder / record["id"])
                self.counts["opened"] += 1
            case "complete":
                self._sessions[record["id"]].file_id = record["file"]
                self.counts["completed"] += 1
            case _:
                self._sessions.pop(record["id"], None)
                self.counts["expired"] += 1
