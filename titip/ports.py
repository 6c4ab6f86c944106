"""Where the rooms meet: narrow interfaces, joined in `config/wiring.py`.

Gateway -> storage: Store, Deposit. Sync -> storage: Queue, Standings, Archive, Custodian,
Inspector. Sync -> the outside: Destination, Source. What operators see and do is in
`titip/overview.py`, joining parts in `titip/joining.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from titip.evidence import Evidence
from titip.upload import Closing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta
    from pathlib import Path

    from titip.brake import Brakes
    from titip.delivery import Delivery, Parcel
    from titip.evidence import Doubt
    from titip.health import Health
    from titip.upload import Upload, UploadId

# ---------------------------------------------------------------- taking in


@dataclass(frozen=True, slots=True)
class Room:
    """Space of the spool in bytes: free on the disk, and promised to uploads still open.

    `reserved`: the journal has room set aside; while it has not, the room that is free is its own.
    """

    free: int
    promised: int
    reserved: bool = True


class Deposit(Protocol):
    """One upload being handed in. The caller holds its lock; nothing counts before `commit`."""

    @property
    def upload(self) -> Upload:
        """Give the upload as last committed, with what `Store.resume` was told."""

    @property
    def written(self) -> int:
        """Give the offset up to which bytes were written, committed or not."""

    async def write(self, batch: Sequence[bytes]) -> None:
        """Write the pieces at the end, digesting them, in one hop.

        Raises LengthExceeded (nothing of the batch is kept), StorageFull, StorageBroken.
        """

    async def commit(
        self, batch: Sequence[bytes] = (), *, closing: Closing = Closing.AT_LENGTH
    ) -> Upload:
        """Write the batch, sync, then commit the offset; seal what is over by `closing`.

        On return the offset, and for a sealed upload its digest and its deliveries, survive a
        power cut. Raises as `write` does, OffsetConflict when another hand moved it on, and
        DigestMismatch where the whole is not what its sender declared: then nothing is committed.
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
        self,
        upload: Upload,
        *,
        length: int | None = None,
        tap: Callable[[bytes], object] | None = None,
    ) -> Deposit:
        """Go on with an open upload from its committed offset; it was found under its lock.

        `length`: told only now, kept with the first commit.
        Raises UploadMissing, UploadGone, UploadClosed, StorageBroken, IllegalEvent when another
        length was told before, LengthExceeded when more bytes than that are there.
        """

    async def terminate(self, upload: Upload) -> None:
        """End an unfinished upload and free its bytes; raises UploadClosed, UploadGone."""

    async def room(self) -> Room:
        """Tell the space there is."""

    async def sealed_file(self, upload: Upload) -> Path | None:
        """Give the file with the sealed bytes, for sending them; None where it is gone.

        Raises Damaged for what is no file of the sealed size, StorageBroken.
        """


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

    async def record(
        self, before: Delivery, after: Delivery, *, now: datetime, run: str = ""
    ) -> None:
        """Write the outcome of an attempt and end it; raises LeaseLost.

        `run`: the run of refusals that parked it (titip.brake).

        In the same transaction one that found the bytes damaged marks the upload, and a registry
        delivery that arrived spares the mirror that only stood in for it.
        """

    async def checkpoint(self, delivery: Delivery, text: str) -> Delivery:
        """Keep the destination's checkpoint, committed on return; raises LeaseLost."""

    async def extend(self, delivery: Delivery, until: datetime) -> Delivery:
        """Prolong the lease; raises LeaseLost."""

    async def lapse(self, destination: str, *, until: datetime, farthest: datetime) -> int:
        """End at `until` the leases that a former process of this lane left behind.

        What may have arrived settles then too: the clock may have been set between the two, and
        shows no time that passed. Bring back to `farthest` what waits for later still: only a
        clock that was ahead can have sent it there. Tell how many leases were ended.
        """


class Standings(Protocol):
    """What is known and wanted of each destination."""

    async def health(self, destination: str) -> Health | None:
        """Give the health last noted."""

    async def note(self, destination: str, health: Health) -> None:
        """Keep the health."""

    async def probe_wanted(self, destination: str) -> bool:
        """Tell, once, whether an operator asked for a probe."""


class Refusals(Protocol):
    """What is remembered of files that a destination refused alike (titip.brake)."""

    async def brakes(self, destination: str) -> Brakes:
        """Give the brakes last noted."""

    async def note_brakes(self, destination: str, brakes: Brakes) -> None:
        """Keep the brakes."""

    async def requeue_runs(
        self, destination: str, runs: Sequence[str], *, now: datetime, doubted: bool
    ) -> int:
        """Let the files go once more that were parked in these runs; tell how many.

        Each has a row in its history; one that went once more already stays parked, and, unless
        `doubted`, one that may be there: nobody can be asked for it.
        """


class Content(Protocol):
    """The bytes of a sealed upload, for reading from any thread."""

    @property
    def size(self) -> int:
        """Give the length in bytes."""

    def read(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`; blocking. Raises Damaged, StorageBroken."""


class Archive(Protocol):
    """Where a lane finds the bytes of what it passes on."""

    def open(self, upload: UploadId) -> AbstractContextManager[Content]:
        """Open the sealed bytes; raises Damaged when they are not there, StorageBroken."""


class Progress(Protocol):
    """What a destination tells while it delivers."""

    async def checkpoint(self, text: str) -> None:
        """Commit how to go on with this delivery after a crash; raises LeaseLost."""

    def sent(self, count: int) -> None:
        """Count bytes that left, if only 0 of them: it is alive; may be called from any thread."""

    def body_sent(self) -> None:
        """Tell that the whole body has left: from here on it may have had its effect."""

    def doubted(self, doubt: Doubt) -> None:
        """Tell what an answer, or that none came, leaves open; it settles from now on."""

    def absent(self, *, looked_up: bool) -> None:
        """Tell that no attempt so far has had an effect: a look-up shows it, or an answer does."""

    def settles_in(self) -> timedelta:
        """Tell how long "it is not there" is still to be taken for "not yet"."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a destination says it holds after a delivery.

    `size` and hex digests are the destination's own word, None where it gives none. A digest that
    is the sealed one is evidence by itself; without one, what else shows it is in `evidence`.
    """

    locator: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    evidence: Evidence = Evidence.NONE


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


class Source(Protocol):
    """A place that can give back the copy that it received."""

    def fetch(self, locator: str) -> AsyncGenerator[bytes, None]:
        """Give the copy's bytes in order, a piece at a time, as they lie there.

        The caller compares them with what was sealed. Raises Faltered where there is no such
        copy, Unavailable.
        """

    async def close(self) -> None:
        """Let go of connections; may be called twice."""


class Doorbell(Protocol):
    """A hint that there may be work; a lost one costs a polling interval, never a delivery."""

    def ring(self) -> None:
        """Wake whoever waits; from any thread."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What reading some sealed uploads again showed; `damaged` tells how, by upload."""

    read: int = 0
    size: int = 0
    damaged: Mapping[UploadId, str] = field(default_factory=dict)


class Inspector(Protocol):
    """Reading sealed uploads again, at a bounded rate."""

    async def inspect(self, *, unread_since: datetime) -> Inspection:
        """Read a few that nobody read since then, the longest unread first; note what it showed.

        An inspection of none says that there is none left, or that it was told to stop.
        """

    def stop(self) -> None:
        """End the reading under way within a piece."""


class Keeper(Protocol):
    """Keeping no longer than is asked for."""

    async def free(self, *, ended_before: datetime) -> int:
        """Free bytes of sealed uploads whose last delivery ended before then; tell of how many.

        Never what is still owed anywhere, was delivered nowhere, or is held by an operator. One
        call may leave some for the next.
        """


class Custodian(Protocol):
    """Keeping house in the store."""

    async def expire(self, *, idle_since: datetime) -> int:
        """End the open uploads left alone since then and free their bytes; tell how many.

        Not those that an operator holds.
        """
