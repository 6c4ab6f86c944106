"""What the sync daemon needs: of storage the queue and the bytes, of the outside a destination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from titip.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta

    from titip.delivery import ClaimedDelivery, Delivery
    from titip.evidence import Doubt
    from titip.health import Health
    from titip.policies.brake import Brakes
    from titip.upload import UploadId


class Queue(Protocol):
    """The deliveries, as a worker sees them."""

    async def waiting(
        self, destination: str, *, now: datetime, ignore_delay: bool
    ) -> Sequence[str]:
        """Name the submitters with something due; `ignore_delay` counts all that is queued as due.

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
        ignore_delay: bool,
    ) -> Sequence[ClaimedDelivery]:
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

    async def expire_leases(self, destination: str, *, until: datetime, farthest: datetime) -> int:
        """End at `until` the leases that a former process of this worker left behind.

        What may have arrived settles then too: the clock may have been set between the two, and
        shows no time that passed. Bring back to `farthest` what waits for later still: only a
        clock that was ahead can have sent it there. Tell how many leases were ended.
        """


class DestinationStore(Protocol):
    """What is known and wanted of each destination."""

    async def health(self, destination: str) -> Health | None:
        """Give the health last noted."""

    async def note(self, destination: str, health: Health) -> None:
        """Keep the health."""

    async def probe_wanted(self, destination: str) -> bool:
        """Tell, once, whether an operator asked for a probe."""


class Refusals(Protocol):
    """What is remembered of files that a destination refused alike (titip.policies.brake)."""

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
        """Read up to `size` bytes at `offset`; blocking. Raises ContentDamaged, StorageBroken."""


class ContentReader(Protocol):
    """Where a worker finds the bytes of what it passes on."""

    def open(self, upload: UploadId) -> AbstractContextManager[Content]:
        """Open the sealed bytes; raises ContentDamaged when they are not there, StorageBroken."""


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
class DeliveryResult:
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

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        """Bring the parcel there, going on from its checkpoint, and look up one in doubt first.

        May be called again for the same parcel after any crash: it must then find what it did
        before instead of doing it twice. Raises DeliveryRejected, AttemptFailed,
        DestinationUnavailable, OutcomeUnknown, LeaseLost.
        """

    async def probe(self) -> bool | None:
        """Ask whether it is well, without a delivery; None where it cannot be asked."""

    async def close(self) -> None:
        """Let go of connections."""


class Source(Protocol):
    """A place that can give back the copy that it received."""

    def fetch(self, locator: str) -> AsyncGenerator[bytes, None]:
        """Give the copy's bytes in order, a piece at a time, as they lie there.

        The caller compares them with what was sealed. Raises AttemptFailed where there is no such
        copy, DestinationUnavailable.
        """

    async def close(self) -> None:
        """Let go of connections; may be called twice."""


class Wakeup(Protocol):
    """A hint that there may be work; a lost one costs a polling interval, never a delivery."""

    def set(self) -> None:
        """Wake whoever waits; from any thread."""
