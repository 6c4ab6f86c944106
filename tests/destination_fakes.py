"""What a destination is called with in tests, and a destination that is nothing but memory."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sync.worker.lease import Lease
from sync.worker.response_timer import ResponseTimer
from titip.delivery import ClaimedDelivery, Delivery, DeliveryId
from titip.evidence import Doubt, Evidence
from titip.health import HealthEvent
from titip.metadata import render
from titip.ports.delivery import Content, DeliveryResult, Progress
from titip.upload import Upload, UploadId, UploadState

SEALED_AT = datetime(2026, 11, 20, 16, 59, 30, tzinfo=UTC)


class Crash(BaseException):
    """The process died here: no code of ours may catch it."""


class MemoryContent:
    """Bytes of a sealed upload."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]


class EndlessContent:
    """A large content that takes no memory: one pattern over and over."""

    PATTERN = hashlib.sha512(b"titip").digest() * (1 << 14)

    def __init__(self, size: int) -> None:
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, size: int) -> bytes:
        start = offset % len(self.PATTERN)
        end = min(start + size, len(self.PATTERN), start + self._size - offset)
        return self.PATTERN[start:end]

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        offset = 0
        while piece := self.read(offset, 1 << 20):
            digest.update(piece)
            offset += len(piece)
        return digest.hexdigest()


class RecordingProgress:
    """Remembers what it was told; crashes at the checkpoint whose number is given, or after it."""

    def __init__(
        self, *, checkpoint: str = "", crash_before: int = 0, crash_after: int = 0
    ) -> None:
        self.last = checkpoint
        self.checkpoints: list[str] = []
        self.bytes_sent = 0
        self.bodies = 0
        self.doubt = Doubt.NONE
        self.absences = 0
        self.settling = timedelta(0)
        self._crash_before = crash_before
        self._crash_after = crash_after

    async def checkpoint(self, text: str) -> None:
        number = len(self.checkpoints) + 1
        if number == self._crash_before:
            raise Crash
        self.checkpoints.append(text)
        self.last = text
        if number == self._crash_after:
            raise Crash

    def sent(self, count: int) -> None:
        self.bytes_sent += count

    def body_sent(self) -> None:
        self.bodies += 1
        self.doubted(Doubt.UNHEARD)

    def doubted(self, doubt: Doubt) -> None:
        self.doubt = max(self.doubt, doubt)

    def absent(self, *, looked_up: bool) -> None:
        self.doubt = Doubt.NONE
        self.absences += looked_up

    def settles_in(self) -> timedelta:
        return self.settling


def a_parcel(
    data: bytes = b"a supporter's statement",
    *,
    upload: str = "u0123456789abcdef",
    submitter: str = "Pair 3",
    filename: str = "KTP Ni Luh.PDF",
) -> ClaimedDelivery:
    """A parcel at its first attempt."""
    return a_parcel_of(
        len(data),
        hashlib.sha256(data).hexdigest(),
        upload=upload,
        submitter=submitter,
        filename=filename,
    )


def a_parcel_of(
    length: int,
    sha256: str,
    *,
    upload: str = "u0123456789abcdef",
    submitter: str = "Pair 3",
    filename: str = "KTP Ni Luh.PDF",
) -> ClaimedDelivery:
    """A parcel of that length and digest at its first attempt."""
    sealed = Upload(
        id=UploadId(upload),
        submitter=submitter,
        length=length,
        created_at=SEALED_AT,
        offset=length,
        metadata=render({"filename": filename.encode()}),
        state=UploadState.SEALED,
        ended_at=SEALED_AT,
        sha256=sha256,
    )
    delivery = Delivery(
        id=DeliveryId(f"d-{upload}"),
        upload=sealed.id,
        destination="registry",
        submitter=submitter,
        due_at=SEALED_AT,
        queued_at=SEALED_AT,
        attempts=1,
    )
    return ClaimedDelivery(delivery, sealed)


def tried_again(
    parcel: ClaimedDelivery, progress: RecordingProgress, *, maybe_delivered: bool = True
) -> ClaimedDelivery:
    """The parcel as it is claimed after its worker died, or after an answer was lost."""
    delivery = replace(
        parcel.delivery,
        attempts=parcel.delivery.attempts + 1,
        checkpoint=progress.last,
        maybe_delivered=Doubt.UNHEARD if maybe_delivered else Doubt.NONE,
        doubt_since=SEALED_AT if maybe_delivered else None,
    )
    return replace(parcel, delivery=delivery)


def no_timer() -> ResponseTimer:
    """A clock that does not ring while a test runs."""

    async def hear(event: HealthEvent) -> None:
        raise AssertionError(f"nobody waits at this clock, and it told of {event}")

    return ResponseTimer(hear, timedelta(days=1))


def a_lease(delivery, queue, *, term, now, settle=timedelta(0)) -> Lease:
    """A lease that nobody waits at."""
    return Lease(delivery, queue, term=term, settle=settle, now=now, timer=no_timer())


class MemoryDestination:
    """A destination that keeps copies in memory, by upload."""

    def __init__(self, name: str = "registry") -> None:
        self._name = name
        self.copies: dict[str, bytes] = {}
        self.received = 0
        self.is_well = True
        self.closed = False

    @property
    def name(self) -> str:
        return self._name

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        key = parcel.upload.id
        if key not in self.copies:
            await progress.checkpoint(f"taking {key}")
            self.copies[key] = content.read(0, content.size)
            self.received += 1
            progress.sent(content.size)
        progress.body_sent()
        held = self.copies[key]
        sha256 = hashlib.sha256(held).hexdigest()
        return DeliveryResult(f"memory:{key}", len(held), sha256=sha256, evidence=Evidence.DIGEST)

    async def probe(self) -> bool | None:
        return self.is_well

    async def close(self) -> None:
        self.closed = True
