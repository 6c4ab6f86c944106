"""What is said of a file that the registry may have: nobody can be asked, or its words disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from titip.errors import DeliveryFault, Faltered, Refused, Unavailable, Unknown

if TYPE_CHECKING:
    from sync.acceptance import Acceptance
    from titip.delivery import Parcel

NOBODY_CAN_TELL: Final = (
    "needs attention: it may have arrived, and this registry cannot be asked (registry.lookup); "
    "look there, then titip delivered, or titip resync --not-there"
)
SEND_AGAIN: Final = "titip resync --not-there"
CONTRADICTION: Final = (
    "the registry said yes, and its look-up says that the file is not there; is registry.lookup "
    "right?"
)


def unbelieved(parcel: Parcel, yes: Acceptance) -> DeliveryFault:
    """Say that it may be there for all that a look-up says which has not found a file yet.

    It may ask under the wrong key, and each file that is sent again would be there twice. One that
    found a file meanwhile is believed at the next look; else a person looks.
    """
    detail = f"the registry's number for it: {yes.reference}" if yes.reference else ""
    shared = Faltered(CONTRADICTION, suspect=CONTRADICTION)
    if CONTRADICTION in parcel.delivery.reason:
        reason = f"needs attention: {CONTRADICTION}"
        return Refused(reason, detail=detail, alike=CONTRADICTION, besides=shared)
    return Unknown(CONTRADICTION, detail=detail, besides=shared)


def contradiction(parcel: Parcel) -> DeliveryFault:
    """Say what it means that a file was taken and is not there: once that happens, twice not."""
    if parcel.delivery.absences:
        return Refused(f"needs attention: {CONTRADICTION}", alike=CONTRADICTION)
    return Faltered(CONTRADICTION, suspect=CONTRADICTION)


def left_in_doubt(parcel: Parcel) -> Refused:
    """Say that nothing was sent; why it is in doubt is still the reason. Nobody was asked."""
    before, detail = parcel.delivery.reason, parcel.delivery.detail
    again = before if NOBODY_CAN_TELL in before or SEND_AGAIN in before else ""
    reason = again or (f"{before}; {NOBODY_CAN_TELL}" if before else NOBODY_CAN_TELL)
    return Refused(reason, detail=detail, besides=Faltered("nothing was sent"))


def plainly(fault: DeliveryFault) -> DeliveryFault:
    """Give silence as the destination's plain trouble: it was looked at already."""
    if isinstance(fault, Unknown):
        return Unavailable(fault.reason, detail=fault.detail)
    return fault
