"""One attempt of one delivery: carry the parcel there and say, as an event, how that ended."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Final

import structlog

from sync.checked import CheckedContent
from sync.leased import LeasedContent
from sync.threads import in_thread
from titip import delivery as d
from titip import errors
from titip.health import Ill, Well
from titip.ports import Arrival
from titip.suspicion import Suspected
from titip.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.lease import Lease
    from titip.delivery import DeliveryEvent, Parcel
    from titip.health import HealthEvent
    from titip.ports import Archive, Content, Destination
    from titip.upload import Upload

    Sign = HealthEvent | Suspected | None

log = structlog.get_logger()

MEND: Final = "see titip repair"


async def carry(
    parcel: Parcel,
    lease: Lease,
    *,
    destination: Destination,
    archive: Archive,
) -> tuple[DeliveryEvent, Sign]:
    """Carry one parcel; give what became of the delivery and what it tells of the destination.

    Raises LeaseLost. A cancellation is an outcome too: Titip is stopping.
    """
    try:
        with _opened(archive, parcel.upload) as content:
            if not _may_have_arrived(parcel):
                await in_thread(content.prove)
            ours = LeasedContent(content, lease)
            lease.handed_over()
            arrival = await destination.deliver(parcel, ours, lease)
    except asyncio.CancelledError:
        return _interrupted(lease), None
    except errors.DeliveryFault as fault:
        return outcome_of(fault), sign_of(fault)
    except errors.Damaged as damage:
        log.error("upload.damaged", upload=parcel.upload.id, reason=str(damage))
        return d.Damaged(f"{damage}; {MEND}"), None
    except errors.StorageFull as error:
        return d.Faltered(str(error)), None
    except errors.CustodyError as error:
        log.error("delivery.spool_failed", upload=parcel.upload.id, reason=str(error))
        return d.Faltered(f"its bytes cannot be read from the spool: {error}"), None
    return _judged(arrival, parcel)


def _judged(arrival: object, parcel: Parcel) -> tuple[DeliveryEvent, Sign]:
    """Take for a delivery only what has evidence, whatever the destination's code gave back."""
    if not isinstance(arrival, Arrival) or not arrival.evidence:
        log.error("delivery.unproven", delivery=parcel.delivery.id)
        return d.Unknown("the destination showed nothing that proves the delivery"), None
    return d.Succeeded(storable(arrival.locator), arrival.evidence), Well()


def outcome_of(fault: errors.DeliveryFault) -> DeliveryEvent:
    """Say what a fault means for the delivery."""
    match fault:
        case errors.Unknown():
            return d.Unknown(fault.reason, detail=fault.detail)
        case errors.Unavailable():
            return d.Postponed(fault.reason, detail=fault.detail)
        case errors.Refused():
            return d.Refused(fault.reason, detail=fault.detail, alike=fault.alike)
        case _:
            return d.Faltered(fault.reason, fault.retry_after, detail=fault.detail)


def sign_of(fault: errors.DeliveryFault) -> Sign:
    """Say what a fault tells of the destination: a clean refusal shows that it is well."""
    match fault:
        case errors.Refused(besides=None):
            return Well()
        case errors.Refused(besides=besides) | errors.Unknown(besides=besides) if besides:
            return sign_of(besides)
        case errors.Unknown(ill=False):
            return None
        case errors.Unavailable():
            return Ill(fault.reason, fault.retry_after, outage=fault.outage)
        case errors.Faltered(suspect=suspect) if suspect:
            return Suspected(suspect, fault.reason)
        case _:
            return None


@contextmanager
def _opened(archive: Archive, upload: Upload) -> Iterator[CheckedContent]:
    """Open the bytes; missing ones are a content of which nothing can be read."""
    with ExitStack() as stack:
        inner: Content | None = None
        with suppress(errors.Damaged):
            inner = stack.enter_context(archive.open(upload.id))
        yield CheckedContent(inner, upload)


def _may_have_arrived(parcel: Parcel) -> bool:
    """Tell whether it might be found at the destination, which takes none of its bytes."""
    return bool(parcel.delivery.doubtful or parcel.delivery.checkpoint)


def _interrupted(lease: Lease) -> DeliveryEvent:
    if lease.delivery.doubtful:
        return d.Unknown("Titip stopped before the answer came")
    return d.Postponed("Titip stopped", at_once=True)
