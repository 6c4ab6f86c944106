"""One delivery on its way under its lease: the lease is prolonged, and every end is an outcome."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from sync.attempt import carry
from sync.contained import Unforeseen, guarded
from titip.delivery import Faltered, Postponed, Unknown
from titip.errors import LeaseLost, TitipError
from titip.faults import kind_of, trace_of

if TYPE_CHECKING:
    from datetime import timedelta

    from sync.attempt import Sign
    from sync.lease import Lease
    from titip.delivery import DeliveryEvent, Parcel
    from titip.ports import Archive, Destination

    Outcome = tuple[DeliveryEvent, Sign]

log = structlog.get_logger()


async def carry_leased(
    parcel: Parcel,
    lease: Lease,
    *,
    destination: Destination,
    archive: Archive,
    renew_every: timedelta,
) -> Outcome:
    """Carry a parcel, prolonging its lease, and give what became of it; raises nothing.

    Cancelled, it breaks the delivery off and gives what came of that.
    """
    carrying = asyncio.ensure_future(
        guarded(partial(carry, parcel, lease, destination=destination, archive=archive))
    )
    keeping = asyncio.ensure_future(_keep_lease(lease, carrying, every=renew_every))
    try:
        return await asyncio.shield(carrying)
    except asyncio.CancelledError:
        return await _broken_off(carrying)
    except LeaseLost:
        return failed(lease, "its lease was lost on the way"), None
    except Unforeseen as error:
        return failed(lease, str(error)), None
    except Exception as error:  # noqa: BLE001 - it becomes a reason on the row
        tell_bug("delivery.bug", parcel.delivery.id, error)
        return failed(lease, f"a fault in Titip itself ({kind_of(error)})"), None
    finally:
        keeping.cancel()


def failed(lease: Lease, reason: str) -> DeliveryEvent:
    """Say of an attempt of which nothing else is known that it failed, in doubt if it must be."""
    return Unknown(reason) if lease.delivery.doubtful else Faltered(reason)


def tell_bug(event: str, delivery: str, error: Exception) -> None:
    """Log what nobody foresaw: its kind and its place."""
    log.error(event, delivery=delivery, error=kind_of(error), where=trace_of(error))


async def _broken_off(carrying: asyncio.Future[Outcome]) -> Outcome:
    """Break it off, and give what came of it; what had not begun sent nothing."""
    carrying.cancel()
    try:
        return await carrying
    except asyncio.CancelledError:
        return Postponed("Titip stopped", at_once=True), None


async def _keep_lease(lease: Lease, carrying: asyncio.Future[Outcome], *, every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        try:
            await lease.renew()
        except LeaseLost:
            carrying.cancel()
            return
        except TitipError as error:
            log.warning("lease.not_extended", reason=str(error))
        except Exception as error:  # noqa: BLE001 - the next renewal may do
            tell_bug("lease.not_extended", lease.delivery.id, error)
