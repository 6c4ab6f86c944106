"""One attempt of one delivery: carry the parcel there and say, as an event, how that ended.

Meanwhile its lease is prolonged, and every end is an outcome.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from sync.containment import Unforeseen, guarded, tell_bug
from sync.threads import in_thread
from sync.worker.lease import LeasedContent
from sync.worker.verified_content import VerifiedContent
from titip import delivery as d
from titip import errors
from titip.faults import kind_of
from titip.health import Bad, Good
from titip.policies.suspicion import Suspected
from titip.ports.delivery import DeliveryResult
from titip.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from sync.worker.lease import Lease
    from titip.delivery import ClaimedDelivery, DeliveryEvent
    from titip.health import HealthEvent
    from titip.ports.delivery import Content, ContentReader, Destination
    from titip.upload import Upload

    Sign = HealthEvent | Suspected | None
    Outcome = tuple[DeliveryEvent, Sign]

log = structlog.get_logger()

MEND: Final = "see titip repair"


async def carry_leased(
    parcel: ClaimedDelivery,
    lease: Lease,
    *,
    destination: Destination,
    archive: ContentReader,
    renew_every: timedelta,
) -> Outcome:
    """Carry a parcel, prolonging its lease, and give what became of it; raises nothing.

    Cancelled, it breaks the delivery off and gives what came of that.
    """
    carrying = asyncio.ensure_future(
        guarded(partial(run_attempt, parcel, lease, destination=destination, archive=archive))
    )
    keeping = asyncio.ensure_future(_keep_lease(lease, carrying, every=renew_every))
    try:
        return await asyncio.shield(carrying)
    except asyncio.CancelledError:
        return await _broken_off(carrying)
    except errors.LeaseLost:
        return failed(lease, "its lease was lost on the way"), None
    except Unforeseen as error:
        return failed(lease, str(error)), None
    except Exception as error:  # noqa: BLE001 - it becomes a reason on the row
        tell_bug("delivery.bug", error, delivery=parcel.delivery.id)
        return failed(lease, f"a fault in Titip itself ({kind_of(error)})"), None
    finally:
        keeping.cancel()


def failed(lease: Lease, reason: str) -> DeliveryEvent:
    """Say of an attempt of which nothing else is known that it failed, in doubt if it must be."""
    return d.UnknownEvent(reason) if lease.delivery.maybe_delivered else d.FailedEvent(reason)


async def _broken_off(carrying: asyncio.Future[Outcome]) -> Outcome:
    """Break it off, and give what came of it; what had not begun sent nothing."""
    carrying.cancel()
    try:
        return await carrying
    except asyncio.CancelledError:
        return d.PostponedEvent("Titip stopped", at_once=True), None


async def _keep_lease(lease: Lease, carrying: asyncio.Future[Outcome], *, every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        try:
            await lease.renew()
        except errors.LeaseLost:
            carrying.cancel()
            return
        except errors.TitipError as error:
            log.warning("lease.not_extended", reason=str(error))
        except Exception as error:  # noqa: BLE001 - the next renewal may do
            tell_bug("lease.not_extended", error, delivery=lease.delivery.id)


async def run_attempt(
    parcel: ClaimedDelivery,
    lease: Lease,
    *,
    destination: Destination,
    archive: ContentReader,
) -> Outcome:
    """Carry one parcel; give what became of the delivery and what it tells of the destination.

    Raises LeaseLost. A cancellation is an outcome too: Titip is stopping.
    """
    try:
        with _opened(archive, parcel.upload) as content:
            if not (parcel.delivery.maybe_delivered or parcel.delivery.checkpoint):
                # Else it might be found at the destination, which takes none of its bytes.
                await in_thread(content.prove)
            ours = LeasedContent(content, lease)
            lease.handed_over()
            arrival = await destination.deliver(parcel, ours, lease)
    except asyncio.CancelledError:
        return _interrupted(lease), None
    except errors.DeliveryFault as fault:
        return outcome_of(fault), sign_of(fault)
    except errors.ContentDamaged as damage:
        log.error("upload.damaged", upload=parcel.upload.id, reason=str(damage))
        return d.DamagedEvent(f"{damage}; {MEND}"), None
    except errors.StorageFull as error:
        return d.FailedEvent(str(error)), None
    except errors.CustodyError as error:
        log.error("delivery.spool_failed", upload=parcel.upload.id, reason=str(error))
        return d.FailedEvent(f"its bytes cannot be read from the spool: {error}"), None
    return _judged(arrival, parcel)


def _judged(arrival: object, parcel: ClaimedDelivery) -> Outcome:
    """Take for a delivery only what has evidence, whatever the destination's code gave back."""
    if not isinstance(arrival, DeliveryResult) or not arrival.evidence:
        log.error("delivery.unproven", delivery=parcel.delivery.id)
        return d.UnknownEvent("the destination showed nothing that proves the delivery"), None
    return d.SucceededEvent(storable(arrival.locator), arrival.evidence), Good()


def outcome_of(fault: errors.DeliveryFault) -> DeliveryEvent:
    """Say what a fault means for the delivery."""
    match fault:
        case errors.OutcomeUnknown():
            return d.UnknownEvent(fault.reason, detail=fault.detail)
        case errors.DestinationUnavailable():
            return d.PostponedEvent(fault.reason, detail=fault.detail)
        case errors.DeliveryRejected():
            return d.RejectedEvent(fault.reason, detail=fault.detail, alike=fault.alike)
        case _:
            return d.FailedEvent(fault.reason, fault.retry_after, detail=fault.detail)


def sign_of(fault: errors.DeliveryFault) -> Sign:
    """Say what a fault tells of the destination: a clean refusal shows that it is well."""
    match fault:
        case errors.DeliveryRejected(besides=None):
            return Good()
        case errors.DeliveryRejected(besides=besides) | errors.OutcomeUnknown(besides=besides) if (
            besides
        ):
            return sign_of(besides)
        case errors.OutcomeUnknown(ill=False):
            return None
        case errors.DestinationUnavailable():
            return Bad(fault.reason, fault.retry_after, outage=fault.outage)
        case errors.AttemptFailed(suspect=suspect) if suspect:
            return Suspected(suspect, fault.reason)
        case _:
            return None


@contextmanager
def _opened(archive: ContentReader, upload: Upload) -> Iterator[VerifiedContent]:
    """Open the bytes; missing ones are a content of which nothing can be read."""
    with ExitStack() as stack:
        inner: Content | None = None
        with suppress(errors.ContentDamaged):
            inner = stack.enter_context(archive.open(upload.id))
        yield VerifiedContent(inner, upload)


def _interrupted(lease: Lease) -> DeliveryEvent:
    if lease.delivery.maybe_delivered:
        return d.UnknownEvent("Titip stopped before the answer came")
    return d.PostponedEvent("Titip stopped", at_once=True)
