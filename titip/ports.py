"""Where the rooms meet: narrow interfaces, joined in `config/wiring.py`.

Gateway -> storage: Store, Records, Operations, Tokens. Sync -> storage: Queue, Standings, Archive.
Sync -> the outside: Destination. A contract suite in `tests/contract` holds each of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from titip.access import Role, Token
    from titip.delivery import Delivery, DeliveryId, DeliveryState, Parcel
    from titip.health import Health
    from titip.upload import Upload, UploadId, UploadState

# ---------------------------------------------------------------- taking in


@dataclass(frozen=True, slots=True)
class Room:
    """Space of the spool in bytes: free on the disk, and promised to uploads still open."""

    free: int
    promised: int


class Deposit(Protocol):
    """One upload being handed in. The caller holds its lock; nothing counts before `commit`."""

    @property
    def upload(self) -> Upload:
        """Give the upload as last committed."""

    @property
    def written(self) -> int:
        """Give the offset up to which bytes were written, committed or not."""

    async def write(self, batch: Sequence[bytes]) -> None:
        """Write the pieces at the end, digesting them, in one hop.

        Raises LengthExceeded (nothing of the batch is kept), StorageFull, StorageBroken.
        """

    async def commit(self, batch: Sequence[bytes] = ()) -> Upload:
        """Write the batch, sync, then commit the offset; seal when complete.

        On return the offset, and for a complete upload its digest and its deliveries, survive
        a power cut. Raises as `write` does, and OffsetConflict when another hand moved it on.
        """

    async def rewind(self) -> None:
        """Forget what was written since the last commit."""

    async def close(self) -> None:
        """Let go of the file; may be called twice."""


class Store(Protocol):
    """Custody of the bytes, as the gateway sees it."""

    async def find(self, upload: UploadId) -> Upload | None:
        """Give the upload as committed."""

    async def create(
        self, upload: Upload, *, tap: Callable[[bytes], object] | None = None
    ) -> Deposit:
        """Begin a new upload; it exists once its deposit commits (an empty one seals there).

        `tap` is called with each piece where the hashing happens. Raises StorageFull,
        StorageBroken, and UploadExists, here or at the first commit, when the submitter's upload
        under this key is open or sealed.
        """

    async def resume(
        self, upload: Upload, *, tap: Callable[[bytes], object] | None = None
    ) -> Deposit:
        """Go on with an open upload from its committed offset.

        Raises UploadMissing, UploadGone, UploadClosed, StorageBroken.
        """

    async def terminate(self, upload: Upload) -> None:
        """End an unfinished upload and free its bytes; raises UploadClosed, UploadGone."""

    async def room(self) -> Room:
        """Tell the space there is."""

    def path(self, upload: UploadId) -> Path:
        """Give the file that holds the bytes, for sending a sealed one to its owner."""


# ---------------------------------------------------------------- passing on


class Queue(Protocol):
    """The deliveries, as a lane sees them."""

    async def waiting(self, destination: str, *, now: datetime, hurry: bool) -> Sequence[str]:
        """Name the submitters with something due; `hurry` counts all that is queued as due.

        Empty while the destination is paused.
        """

    async def claim(
        self,
        destination: str,
        submitter: str,
        *,
        now: datetime,
        until: datetime,
        limit: int,
        hurry: bool,
    ) -> Sequence[Parcel]:
        """Claim what is due first, recording each attempt; committed on return."""

    async def record(self, before: Delivery, after: Delivery, *, now: datetime) -> None:
        """Write the outcome of an attempt and end it; raises LeaseLost.

        A registry delivery that arrived spares, in the same transaction, the mirror that only
        stood in for it.
        """

    async def checkpoint(self, delivery: Delivery, text: str) -> Delivery:
        """Keep the destination's checkpoint, committed on return; raises LeaseLost."""

    async def extend(self, delivery: Delivery, until: datetime) -> Delivery:
        """Prolong the lease; raises LeaseLost."""

    async def lapse(self, destination: str, *, until: datetime) -> int:
        """End at `until` the leases that a former process of this lane left behind."""


class Standings(Protocol):
    """What is known and wanted of each destination."""

    async def health(self, destination: str) -> Health | None:
        """Give the health last noted."""

    async def note(self, destination: str, health: Health) -> None:
        """Keep the health."""

    async def probe_wanted(self, destination: str) -> bool:
        """Tell, once, whether an operator asked for a probe."""


class Content(Protocol):
    """The bytes of a sealed upload, for reading from any thread."""

    @property
    def size(self) -> int:
        """Give the length in bytes."""

    def read(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`; blocking."""


class Archive(Protocol):
    """Where a lane finds the bytes of what it passes on."""

    def open(self, upload: UploadId) -> AbstractContextManager[Content]:
        """Open the sealed bytes; raises StorageBroken when they are not there."""


class Progress(Protocol):
    """What a destination tells while it delivers."""

    async def checkpoint(self, text: str) -> None:
        """Commit how to go on with this delivery after a crash; raises LeaseLost."""

    def sent(self, count: int) -> None:
        """Count bytes that left; may be called from any thread."""

    def body_sent(self) -> None:
        """Tell that the whole body has left: from here on silence is the destination's."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a destination says it holds after a delivery.

    `size` and hex digests are the destination's own word, None where it gives none.
    """

    locator: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None


class Destination(Protocol):
    """A place that must receive a sealed upload."""

    @property
    def name(self) -> str:
        """Give the destination's word: `registry` or `mirror`."""

    async def deliver(self, parcel: Parcel, content: Content, progress: Progress) -> Arrival:
        """Bring the parcel there, going on from its checkpoint, and look up a doubtful one first.

        May be called again for the same parcel after any crash: it must then find what it did
        before instead of doing it twice. Raises Refused, Faltered, Unavailable, Unknown,
        LeaseLost.
        """

    async def probe(self) -> bool | None:
        """Ask whether it is well, without a delivery; None where it cannot be asked."""

    async def close(self) -> None:
        """Let go of connections."""


# ---------------------------------------------------------------- seeing and operating


@dataclass(frozen=True, slots=True)
class Standing:
    """A destination as operators see it."""

    name: str
    paused: bool
    health: Health | None
    counts: Mapping[DeliveryState, int] = field(default_factory=dict)
    oldest_owed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Census:
    """All of it in numbers."""

    uploads: Mapping[UploadState, int]
    sealed_bytes: int
    open_bytes: int
    destinations: Sequence[Standing]


@dataclass(frozen=True, slots=True)
class Query:
    """A page of rows: newest first, after a cursor; empty collections mean no restriction."""

    submitter: str | None = None
    states: Collection[str] = ()
    destination: str | None = None
    after: str = ""
    limit: int = 100


class Records(Protocol):
    """Reading."""

    async def uploads(self, query: Query) -> Sequence[Upload]:
        """List uploads, newest first; the last one's id is the next cursor."""

    async def deliveries(self, query: Query) -> Sequence[Delivery]:
        """List deliveries, newest first; the last one's id is the next cursor."""

    async def of_upload(self, upload: UploadId) -> Sequence[Delivery]:
        """List the deliveries of one upload."""

    async def census(self) -> Census:
        """Count everything."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries an operator means: ids of deliveries or uploads, or all of some states.

    `vouched`: the operator looked, and the destination does not have them.
    """

    ids: Collection[str] = ()
    states: Collection[DeliveryState] = ()
    destination: str | None = None
    vouched: bool = False


class Operations(Protocol):
    """Acting, as an operator."""

    async def resync(self, selection: Selection, *, now: datetime) -> int:
        """Send the selected deliveries again; give how many were moved."""

    async def pause(self, destination: str, *, paused: bool) -> None:
        """Stop or start the claims of a destination, from the next claim on."""

    async def ask_probe(self, destination: str) -> None:
        """Ask the lane to probe its destination now."""

    async def delivered(self, delivery: DeliveryId, reference: str, *, now: datetime) -> Delivery:
        """Record that an operator entered the file by hand.

        Raises IllegalEvent where the delivery cannot be, LookupError where there is none.
        """


class Tokens(Protocol):
    """Who may come in."""

    async def token(self, token_id: str) -> Token | None:
        """Give the token of that id, revoked ones too."""

    async def tokens(self) -> Sequence[Token]:
        """List them all, oldest first."""

    async def issue(self, role: Role, submitter: str, *, now: datetime) -> tuple[Token, str]:
        """Make a token; its text is given here once and never again."""

    async def revoke(self, token_id: str, *, now: datetime) -> bool:
        """End a token; tell whether there was one."""


class Doorbell(Protocol):
    """A hint that there may be work; a lost one costs a polling interval, never a delivery."""

    def ring(self) -> None:
        """Wake whoever waits; from any thread."""


class Custodian(Protocol):
    """Keeping house in the store."""

    async def expire(self, *, idle_since: datetime) -> int:
        """End the open uploads left alone since then and free their bytes; tell how many."""
