"""What is said of a file that the registry may have: nobody can be asked, or its words disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from titip.errors import (
    AttemptFailed,
    DeliveryFault,
    DeliveryRejected,
    DestinationUnavailable,
    OutcomeUnknown,
)

if TYPE_CHECKING:
    from sync.destinations.checkpoints import PendingConfirmation
    from titip.delivery import ClaimedDelivery

LOOK: Final = "look there, then titip delivered, or titip resync --not-there"
NOBODY_CAN_TELL: Final = (
    "needs attention: it may have arrived, and this registry cannot be asked (registry.lookup); "
    f"{LOOK}"
)
SEND_AGAIN: Final = "titip resync --not-there"
CONTRADICTION: Final = (
    "the registry said yes, and its look-up says that the file is not there; is registry.lookup "
    "right?"
)

RESTORED: Final = (
    "needs attention: a backup was restored, or the registry was changed; the file may have "
    f"arrived, and cannot be asked for: {LOOK}"
)
TAKEN_IN: Final = (
    "needs attention: the upload is gone there after its last bytes had left; it may have been "
    f"taken in: {LOOK}"
)
EMPTY: Final = f"needs attention: an empty file may be there, and cannot be asked for: {LOOK}"
ELSEWHERE: Final = (
    "needs attention: the upload lies at an address that the settings name no more, and its last "
    f"bytes may have arrived there: {LOOK}"
)
ANOTHER: Final = (
    "needs attention: the registry shows another file at this upload's address, after its last "
    f"bytes had left: {LOOK}"
)
"""These five are of a registry that speaks tus."""


def unbelieved(parcel: ClaimedDelivery, yes: PendingConfirmation) -> DeliveryFault:
    """Say that it may be there for all that a look-up says which has not found a file yet.

    It may ask under the wrong key, and each file that is sent again would be there twice. One that
    found a file meanwhile is believed at the next look; else a person looks.
    """
    detail = f"the registry's number for it: {yes.reference}" if yes.reference else ""
    shared = AttemptFailed(CONTRADICTION, suspect=CONTRADICTION)
    if CONTRADICTION in parcel.delivery.reason:
        reason = f"needs attention: {CONTRADICTION}"
        return DeliveryRejected(reason, detail=detail, alike=CONTRADICTION, besides=shared)
    return OutcomeUnknown(CONTRADICTION, detail=detail, besides=shared)


def contradiction(parcel: ClaimedDelivery) -> DeliveryFault:
    """Say what it means that a file was taken and is not there: once that happens, twice not."""
    if parcel.delivery.absences:
        return DeliveryRejected(f"needs attention: {CONTRADICTION}", alike=CONTRADICTION)
    return AttemptFailed(CONTRADICTION, suspect=CONTRADICTION)


def left_in_doubt(parcel: ClaimedDelivery) -> DeliveryRejected:
    """Say that nothing was sent; why it is in doubt is still the reason. Nobody was asked."""
    before, detail = parcel.delivery.reason, parcel.delivery.detail
    again = before if NOBODY_CAN_TELL in before or SEND_AGAIN in before else ""
    reason = again or (f"{before}; {NOBODY_CAN_TELL}" if before else NOBODY_CAN_TELL)
    return DeliveryRejected(reason, detail=detail, besides=AttemptFailed("nothing was sent"))


def plainly(fault: DeliveryFault) -> DeliveryFault:
    """Give silence as the destination's plain trouble: it was looked at already."""
    if isinstance(fault, OutcomeUnknown):
        return DestinationUnavailable(fault.reason, detail=fault.detail)
    return fault
