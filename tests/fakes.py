"""In-memory implementations of the ports; they pass the same contract suites as the real ones."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from titip.access import Role, Token, digest_of, spell
from titip.delivery import DESTINATIONS, Delivery, DeliveryId
from titip.errors import (
    DigestMismatch,
    IllegalEvent,
    LengthExceeded,
    OffsetConflict,
    PartsUnfit,
    StorageBroken,
    StorageFull,
    UploadClosed,
    UploadGone,
    UploadMissing,
)
from titip.policies.delivery_plan import RequiredDelivery, deliveries_of
from titip.ports.concatenation import Weight
from titip.ports.storage import DiskSpace
from titip.upload import (
    Appended,
    Completion,
    LengthDeclared,
    Sealed,
    Terminated,
    Upload,
    UploadExists,
    UploadId,
    UploadState,
    advance,
    seals,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

EVERYWHERE = tuple(RequiredDelivery(name, timedelta(0)) for name in DESTINATIONS)


def utc_now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class MemoryStore:
    """Implements titip.ports.Store; the files it names are written at each commit.

    `broken` and `full` make it fail as a disk does; clearing `may_write` holds its writes up.
    """

    def __init__(self, root: Path, *, now: Callable[[], datetime] = utc_now) -> None:
        self.uploads: dict[UploadId, Upload] = {}
        self.joined_from: dict[UploadId, tuple[UploadId, ...]] = {}
        self.deliveries: dict[DeliveryId, Delivery] = {}
        self.spool: dict[UploadId, bytes] = {}
        self.free = 1 << 40
        self.broken = False
        self.full = False
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.hops = 0
        self.commits = 0
        self.now = now
        self._root = root

    async def find(self, upload: UploadId) -> Upload | None:
        self.refuse_if_broken()
        return self.uploads.get(upload)

    async def create(
        self, upload: Upload, *, tap: Callable[[bytes], object] | None = None
    ) -> MemoryDeposit:
        self.refuse_if_broken()
        self.refuse_second(upload)
        return MemoryDeposit(self, upload, tap, new=True)

    async def resume(
        self,
        upload: Upload,
        *,
        length: int | None = None,
        tap: Callable[[bytes], object] | None = None,
    ) -> MemoryDeposit:
        self.refuse_if_broken()
        current = self._open_one(upload.id)
        if length is not None:
            current = advance(current, LengthDeclared(length), now=self.now())
        return MemoryDeposit(self, current, tap)

    async def terminate(self, upload: Upload) -> None:
        self.refuse_if_broken()
        current = self._open_one(upload.id)
        if self.unjoined(current.id):
            raise IllegalEvent("something is still to be joined from it")
        self.uploads[upload.id] = advance(current, Terminated(), now=self.now())
        self.spool.pop(upload.id, None)

    async def room(self) -> DiskSpace:
        self.refuse_if_broken()
        still_open = (one for one in self.uploads.values() if one.state is UploadState.OPEN)
        return DiskSpace(free=self.free, promised=sum(one.remaining or 0 for one in still_open))

    def path(self, upload: UploadId) -> Path:
        return self._root / upload

    async def sealed_file(self, upload: Upload) -> Path | None:
        path = self.path(upload.id)
        return path if path.is_file() else None

    def refuse_if_broken(self) -> None:
        if self.broken:
            raise StorageBroken("the disk failed")

    def refuse_second(self, upload: Upload) -> None:
        for one in self.uploads.values():
            taken = upload.key and (one.submitter, one.key) == (upload.submitter, upload.key)
            if taken and one.state in {UploadState.OPEN, UploadState.SEALED}:
                raise UploadExists(one)

    def keep(self, before: Upload | None, after: Upload, tail: bytes) -> None:
        if before is None:
            self.refuse_second(after)
        current = self.uploads.get(after.id)
        if before is not None and current is not None and before.offset != current.offset:
            raise OffsetConflict(committed=current.offset)
        self.uploads[after.id] = after
        for final in self.unjoined(after.id) if after.is_partial else ():
            lengths = [self.uploads[one].length for one in self.joined_from[final]]
            known = None if None in lengths else sum(one or 0 for one in lengths)
            self.uploads[final] = replace(self.uploads[final], length=known)
        self.spool[after.id] = self.spool.get(after.id, b"") + tail
        if after.state is UploadState.SEALED:
            self.path(after.id).write_bytes(self.spool[after.id])
            for one in deliveries_of(after, EVERYWHERE, now=self.now()):
                self.deliveries[one.id] = one
        self.commits += 1

    def unjoined(self, part: UploadId | None = None) -> list[UploadId]:
        return [
            final
            for final, parts in self.joined_from.items()
            if self.uploads[final].state is UploadState.OPEN and (part is None or part in parts)
        ]

    def _open_one(self, upload: UploadId) -> Upload:
        current = self.uploads.get(upload)
        if current is None:
            raise UploadMissing("there is no such upload")
        match current.state:
            case UploadState.OPEN:
                return current
            case UploadState.SEALED:
                raise UploadClosed("it is sealed")
            case _:
                raise UploadGone("it was ended")


class MemoryDeposit:
    """Implements titip.ports.storage.Deposit."""

    def __init__(
        self,
        store: MemoryStore,
        upload: Upload,
        tap: Callable[[bytes], object] | None,
        *,
        new: bool = False,
    ) -> None:
        self.upload = upload
        self._store = store
        self._tap = tap
        self._new = new
        self._tail = b""

    @property
    def written(self) -> int:
        return self.upload.offset + len(self._tail)

    async def write(self, batch: Sequence[bytes]) -> None:
        store = self._store
        arrived = b"".join(batch)
        length = self.upload.length
        if length is not None and self.written + len(arrived) > length:
            raise LengthExceeded("more than was declared")
        store.refuse_if_broken()
        store.hops += 1
        await store.may_write.wait()
        if store.full and arrived:
            raise StorageFull("no space left")
        for piece in batch if self._tap else ():
            self._tap(piece)  # type: ignore[misc]
        self._tail += arrived

    async def commit(
        self, batch: Sequence[bytes] = (), *, closing: Completion = Completion.AT_LENGTH
    ) -> Upload:
        self._store.refuse_if_broken()
        if batch:
            await self.write(batch)
        now = self._store.now()
        after = advance(self.upload, Appended(self.written), now=now)
        if seals(after, closing):
            after = advance(after, LengthDeclared(after.offset), now=now)
            content = self._store.spool.get(after.id, b"") + self._tail
            digest = hashlib.sha256(content).hexdigest()
            after = advance(after, Sealed(digest), now=now)
        self._store.keep(None if self._new else self.upload, after, self._tail)
        self.upload, self._tail, self._new = after, b"", False
        return after

    async def rewind(self) -> None:
        self._tail = b""

    async def close(self) -> None:
        self._tail = b""


class MemoryJoiner:
    """Implements titip.ports.concatenation.Joiner over a MemoryStore."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def measure(self, final: Upload, parts: Sequence[UploadId]) -> Weight:
        self._store.refuse_if_broken()
        self._store.refuse_second(final)
        lengths = [
            self._length(self._store.uploads.get(one), final, number)
            for number, one in enumerate(parts, 1)
        ]
        known = None if None in lengths else sum(one or 0 for one in lengths)
        return Weight(length=known, room=known or 0)

    async def begin(self, final: Upload, parts: Sequence[UploadId]) -> Upload:
        weight = await self.measure(final, parts)
        begun = replace(final, length=weight.length)
        self._store.keep(None, begun, b"")
        self._store.joined_from[final.id] = tuple(parts)
        return begun

    async def finish(self, final: UploadId) -> Upload:
        self._store.refuse_if_broken()
        upload = self._store.uploads.get(final)
        if upload is None:
            raise UploadMissing("there is no such upload")
        if upload.state in {UploadState.TERMINATED, UploadState.EXPIRED}:
            raise UploadGone(f"the upload was {upload.state}")
        parts = [self._store.uploads[one] for one in self._store.joined_from[final]]
        if upload.state is not UploadState.OPEN or not all(one.complete for one in parts):
            return upload
        content = b"".join(self._store.spool.get(one.id, b"") for one in parts)
        now = self._store.now()
        after = advance(upload, LengthDeclared(len(content)), now=now)
        after = advance(after, Appended(len(content)), now=now)
        try:
            after = advance(after, Sealed(hashlib.sha256(content).hexdigest()), now=now)
        except DigestMismatch:
            self._store.uploads[final] = advance(upload, Terminated(), now=now)
            raise
        self._store.keep(upload, after, content)
        return after

    async def unfinished(self, part: UploadId | None = None) -> Sequence[UploadId]:
        return self._store.unjoined(part)

    @staticmethod
    def _length(part: Upload | None, final: Upload, number: int) -> int | None:
        if part is None or part.submitter != final.submitter:
            raise PartsUnfit(f"part {number} is no upload of this submitter")
        if not part.is_partial:
            raise PartsUnfit(f"part {number} is no part")
        if part.state is not UploadState.OPEN:
            raise PartsUnfit(f"part {number} was {part.state}: hand it in again")
        return part.length


class MemoryTokens:
    """Implements titip.ports.people.Tokens."""

    def __init__(self) -> None:
        self.kept: dict[str, Token] = {}
        self.lookups = 0

    async def token(self, token_id: str) -> Token | None:
        self.lookups += 1
        return self.kept.get(token_id)

    async def tokens(self) -> Sequence[Token]:
        return sorted(self.kept.values(), key=lambda one: one.created_at)

    async def issue(self, role: Role, submitter: str, *, now: datetime) -> tuple[Token, str]:
        secret = secrets.token_hex(32)
        token = Token(secrets.token_hex(4), role, submitter, digest_of(secret), now)
        self.kept[token.id] = token
        return token, spell(token.id, secret)

    async def revoke(self, token_id: str, *, now: datetime) -> bool:
        if token_id not in self.kept:
            return False
        self.kept[token_id] = replace(self.kept[token_id], revoked_at=now)
        return True
