"""Believe a destination only what it can show: its size and digests must be the sealed ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from sync.content import md5_of
from sync.threads import in_thread
from titip.errors import AttemptFailed
from titip.evidence import Evidence

if TYPE_CHECKING:
    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Content, DeliveryResult, Destination, Progress
    from titip.upload import Upload

log = structlog.get_logger()


class WithCopyCheck:
    """A destination whose every arrival is compared with what was sealed.

    On a mismatch the checkpoint is emptied before AttemptFailed is raised: the destination then
    starts anew instead of taking its wrong copy for a good one.
    """

    def __init__(self, inner: Destination, *, must_prove: bool = False) -> None:
        """Wrap `inner`; with `must_prove`, an arrival without a digest is none."""
        self.name = inner.name
        self._inner = inner
        self._must_prove = must_prove

    async def deliver(
        self, parcel: ClaimedDelivery, content: Content, progress: Progress
    ) -> DeliveryResult:
        """Deliver, then compare; raises AttemptFailed when the copy differs or cannot be proved."""
        arrival = await self._inner.deliver(parcel, content, progress)
        differs = await mismatch(arrival, parcel.upload, content)
        if differs:
            log.error(
                "delivery.differs",
                upload=parcel.upload.id,
                destination=self.name,
                locator=arrival.locator,
                difference=differs,
            )
            await progress.checkpoint("")
            raise AttemptFailed(f"the copy differs: {differs}; it will be sent anew")
        if self._must_prove and arrival.sha256 is None and arrival.md5 is None:
            log.warning("delivery.unconfirmed", upload=parcel.upload.id, destination=self.name)
            raise AttemptFailed("unconfirmed: the destination gives no digest of its copy yet")
        if arrival.sha256 is not None or arrival.md5 is not None:
            return replace(arrival, evidence=Evidence.DIGEST)
        return arrival

    async def probe(self) -> bool | None:
        """Ask the inner destination."""
        return await self._inner.probe()

    async def close(self) -> None:
        """Close the inner destination."""
        await self._inner.close()


async def mismatch(arrival: DeliveryResult, upload: Upload, content: Content) -> str:
    """Say how the copy differs; empty where nothing that was told speaks against it.

    The strongest digest that was told decides; an MD5 has to be computed from the content first.
    """
    if arrival.size is not None and arrival.size != upload.size:
        return f"it has {arrival.size} bytes instead of {upload.size}"
    if arrival.sha256 is not None:
        return "" if arrival.sha256.lower() == upload.sha256.lower() else "its sha256 is another"
    if arrival.md5 is not None:
        wanted = await in_thread(lambda: md5_of(content))
        return "" if arrival.md5.lower() == wanted else "its md5 is another"
    return ""
