"""Give every delivery an end in time: a last resort behind the destinations' own clocks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from titip.errors import DestinationUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Content, DeliveryResult, Destination, Progress

GRACE: Final = timedelta(hours=1)
"""What even an empty file may take."""

SLOWEST: Final = 8 * 1024
"""Bytes a second below which a delivery is no longer one: a file of 1 GiB may take 37 hours."""


def by_size(length: int) -> timedelta:
    """Give the longest that a delivery of `length` bytes may take."""
    return GRACE + timedelta(seconds=length / SLOWEST)


class WithTimeout:
    """A destination whose deliveries end after a time that depends on the upload's length."""

    def __init__(self, inner: Destination, *, limit: Callable[[int], timedelta] = by_size) -> None:
        """Wrap `inner`; `limit` gives the longest time for a length in bytes."""
        self.name = inner.name
        self._inner = inner
        self._limit = limit

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        """Deliver; past the limit raises DestinationUnavailable."""
        limit = self._limit(parcel.upload.size)
        clock = asyncio.timeout(limit.total_seconds())
        try:
            async with clock:
                return await self._inner.deliver(parcel, content, progress)
        except TimeoutError as error:
            if not clock.expired():
                raise
            raise DestinationUnavailable(f"the delivery was not over within {limit}") from error

    async def probe(self) -> bool | None:
        """Ask the inner destination, which bounds its own probe."""
        return await self._inner.probe()

    async def close(self) -> None:
        """Close the inner destination."""
        await self._inner.close()
