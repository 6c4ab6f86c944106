"""What a seal owes: one queued delivery per destination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from titip.delivery import Delivery, DeliveryId

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from titip.upload import Upload, UploadId


@dataclass(frozen=True, slots=True)
class RequiredDelivery:
    """A destination every sealed upload is owed to, looked at first `after` the seal."""

    destination: str
    after: timedelta


def delivery_id(upload: UploadId, destination: str) -> DeliveryId:
    """Name the delivery of an upload to a destination; there is never a second one."""
    return DeliveryId(f"{upload}.{destination}")


def deliveries_of(
    upload: Upload, owed: Iterable[RequiredDelivery], *, now: datetime
) -> tuple[Delivery, ...]:
    """Give the queued deliveries of an upload sealed now."""
    return tuple(
        Delivery(
            id=delivery_id(upload.id, one.destination),
            upload=upload.id,
            destination=one.destination,
            submitter=upload.submitter,
            due_at=now + one.after,
            queued_at=now,
        )
        for one in owed
    )
