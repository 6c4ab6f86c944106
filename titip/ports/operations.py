"""What operators see and do: read the journal, send again, pause, probe, record by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from titip.policies.brake import Brakes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from titip.delivery import Delivery, DeliveryId, DeliveryState
    from titip.health import Health
    from titip.upload import Upload, UploadId, UploadState


@dataclass(frozen=True, slots=True)
class DestinationStatus:
    """A destination as operators see it."""

    name: str
    paused: bool
    health: Health | None
    counts: Mapping[DeliveryState, int] = field(default_factory=dict)
    oldest_owed: datetime | None = None
    unproven: int = 0
    """Deliveries that a status alone, or nothing, shows: their bytes are kept."""
    in_doubt: int = 0
    """Parked ones that may be there already: sending them again takes a person's look."""
    moved: int = 0
    """Those of them that wait for a person since the registry is elsewhere now."""
    maybe_delivered: int = 0
    """All that may be there already and are not known to be, the parked ones among them."""
    brakes: Brakes = field(default_factory=Brakes)


@dataclass(frozen=True, slots=True)
class Totals:
    """All of it in numbers; `freed` of the sealed ones have no bytes here any more.

    `unclosed` of the open ones have every byte of the length that was told, and no word from
    their sender that they are over.
    """

    uploads: Mapping[UploadState, int]
    sealed_bytes: int
    open_bytes: int
    destinations: Sequence[DestinationStatus]
    damaged: int = 0
    freed: int = 0
    unclosed: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """A submitter of whom nothing is removed, whatever its age."""

    submitter: str
    since: datetime
    reason: str


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

    async def totals(self) -> Totals:
        """Count everything."""

    async def unfinished(self, submitter: str) -> int:
        """Count the submitter's uploads that are neither sealed nor ended."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries an operator means: ids of deliveries or uploads, or all of some states.

    `confirmed_absent`: the operator looked, and the destination does not have them. What was parked
    because its registry is elsewhere now is meant only by its id, or all of it with `moved`: the
    operator says that it is the same registry.
    """

    ids: Collection[str] = ()
    states: Collection[DeliveryState] = ()
    destination: str | None = None
    confirmed_absent: bool = False
    moved: bool = False


class Operations(Protocol):
    """Acting, as an operator."""

    async def resync(self, selection: Selection, *, now: datetime) -> int:
        """Send the selected deliveries again; give how many were moved.

        Without a registry its deliveries stay as they are, with their doubts and reasons.
        """

    async def by_hand(self, selection: Selection) -> int:
        """Count the selected ones that go nowhere, since no registry is configured."""

    async def pause(self, destination: str, *, paused: bool) -> None:
        """Stop or start the claims of a destination, from the next claim on."""

    async def ask_probe(self, destination: str) -> None:
        """Ask the worker to probe its destination now."""

    async def delivered(
        self, delivery: DeliveryId, reference: str, *, now: datetime, shared: bool = False
    ) -> Delivery:
        """Record that an operator entered the file into the registry by hand.

        `shared`: the registry has one reference for several files. Raises IllegalEvent where the
        delivery cannot be, ReferenceTaken where another upload's delivery has that reference and
        it is not shared, LookupError where there is none.
        """
