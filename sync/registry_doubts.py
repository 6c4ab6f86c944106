"""What is said of a file that the registry may have: nobody can be asked, or its words disagree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from titip.errors import DeliveryFault, Faltered, Refused, Unavailable, Unknown

if TYPE_CHECKING:
    from sync.checkpoints import Acceptance
    from titip.delivery import Parcel

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
