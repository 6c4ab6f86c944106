"""What the submitter keeps as proof: a projection of the rows, nothing of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from titip.metadata import filename
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from titip.delivery import Delivery, DeliveryState
    from titip.evidence import Evidence
    from titip.upload import Upload, UploadId


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """Where one destination stands with the file."""

    destination: str
    state: DeliveryState
    locator: str
    ended_at: datetime | None
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Receipt:
    """The proof of one sealed upload: what, whose, how long, since when, where it went.

    `freed_at`: since when its bytes, being delivered, are no longer kept here.
    """

    upload: UploadId
    submitter: str
    filename: str
    length: int
    sha256: str
    begun_at: datetime
    sealed_at: datetime
    deliveries: tuple[DeliveryRecord, ...]
    freed_at: datetime | None = None


def receipt(upload: Upload, deliveries: Iterable[Delivery]) -> Receipt | None:
    """Give the receipt of a sealed upload, None while there is nothing to prove."""
    if upload.state is not UploadState.SEALED or upload.ended_at is None:
        return None
    passages = tuple(
        DeliveryRecord(one.destination, one.state, one.locator, one.ended_at, one.evidence)
        for one in sorted(deliveries, key=lambda one: one.destination)
    )
    return Receipt(
        upload=upload.id,
        submitter=upload.submitter,
        filename=filename(upload.metadata),
        length=upload.size,
        sha256=upload.sha256,
        begun_at=upload.created_at,
        sealed_at=upload.ended_at,
        deliveries=passages,
        freed_at=upload.freed_at,
    )
