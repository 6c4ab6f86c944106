"""Every error Titip raises on purpose, by who owns it.

TitipError
├── CustodyError        the gateway's and the store's: an upload cannot be taken or kept
│   ├── UploadMissing · UploadGone · OffsetConflict · LengthExceeded · UploadClosed · UploadHeld
│   ├── DigestMismatch · PartsUnfit
│   └── StorageFull · StorageBroken · ContentDamaged
├── DeliveryFault       a destination's answer, by whose fault it is
│   ├── DeliveryRejected           this file, for ever
│   ├── AttemptFailed              this attempt
│   └── DestinationUnavailable     the destination; only this feeds its health
│       └── OutcomeUnknown         ... after the whole body had left: it may have had its effect
├── LeaseLost           a worker's claim was taken over: change nothing and stop
└── IllegalEvent        a state machine was asked for what its table does not allow

One more custody error, UploadExists, carries an upload and stands in `titip/upload.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


class TitipError(Exception):
    """The root of all errors raised on purpose."""


class CustodyError(TitipError):
    """An upload cannot be taken or kept as asked."""


class UploadMissing(CustodyError):
    """No upload of that id belongs to this submitter."""


class UploadGone(CustodyError):
    """The upload was ended: terminated by its submitter, or expired."""


class UploadClosed(CustodyError):
    """The upload is sealed; its bytes are in custody and change no more."""


class UploadHeld(CustodyError):
    """Nothing of this submitter may be removed: an operator holds it."""


class OffsetConflict(CustodyError):
    """The sender's offset is not the committed one."""

    def __init__(self, *, committed: int) -> None:
        """Keep the committed offset, so that the answer can tell it."""
        super().__init__(f"the committed offset is {committed}")
        self.committed = committed


class LengthExceeded(CustodyError):
    """More bytes came than the upload declared; none past its length was kept."""


class DigestMismatch(CustodyError):
    """The whole does not digest to what its sender declared: it is not sealed."""


class PartsUnfit(CustodyError):
    """The uploads that were named as parts cannot be joined; the text says why."""


class StorageFull(CustodyError):
    """There is no room for these bytes now."""


class StorageBroken(CustodyError):
    """The disk refused a write or a sync: nothing more may be promised from it."""


class ContentDamaged(CustodyError):
    """The spool's bytes of an upload are not the ones it kept any more, or not there."""


class DeliveryFault(TitipError):
    """An attempt ended without a delivery; `reason` is shown to operators."""

    def __init__(
        self, reason: str, *, retry_after: timedelta | None = None, detail: str = ""
    ) -> None:
        """Keep the reason (no secret, no personal data) and how long the destination asked for.

        `detail` is the destination's own words: they may name a person, and go on the row alone.
        """
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.detail = detail


class DeliveryRejected(DeliveryFault):
    """The destination will never take this file as it is, or only a person can go on.

    `alike` is equal for refusals that have one cause, "" where the file's own state is the cause.
    `besides` is what the same answer says of the destination, None where that is well.
    """

    def __init__(
        self,
        reason: str,
        *,
        detail: str = "",
        alike: str = "",
        besides: DeliveryFault | None = None,
    ) -> None:
        """Keep them."""
        super().__init__(reason, detail=detail)
        self.alike = alike
        self.besides = besides


class AttemptFailed(DeliveryFault):
    """This attempt failed; another one of the same file may do.

    `suspect` is equal for failures that would be the destination's trouble if other files met
    them too, "" where that cannot be.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after: timedelta | None = None,
        detail: str = "",
        suspect: str = "",
    ) -> None:
        """Keep them."""
        super().__init__(reason, retry_after=retry_after, detail=detail)
        self.suspect = suspect


class DestinationUnavailable(DeliveryFault):
    """The destination is in trouble, whatever the file; `outage`: no second sign is needed."""

    def __init__(
        self,
        reason: str,
        *,
        retry_after: timedelta | None = None,
        detail: str = "",
        outage: bool = False,
    ) -> None:
        """Keep them."""
        super().__init__(reason, retry_after=retry_after, detail=detail)
        self.outage = outage


class OutcomeUnknown(DestinationUnavailable):
    """The whole body had left, and nothing tells what became of it.

    `besides` is what is known of the destination: by itself silence is its own illness, but a
    look-up that answers "not yet" shows that it is none.
    """

    def __init__(
        self,
        reason: str,
        *,
        detail: str = "",
        besides: DeliveryFault | None = None,
        ill: bool = True,
    ) -> None:
        """Keep them."""
        super().__init__(reason, detail=detail)
        self.besides = besides
        self.ill = ill


class ReferenceTaken(TitipError):
    """Another upload was delivered under this reference: a person may have mistyped it."""


class LeaseLost(TitipError):
    """Another claim holds the delivery: this worker changes no row and stops."""


class IllegalEvent(TitipError):
    """The state machine's table has no such step."""
