"""The brakes of one destination: heeded by its worker, kept in the journal, told when they bite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from titip.delivery import RejectedEvent, SucceededEvent
from titip.policies.brake import Brakes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from titip.delivery import Delivery, DeliveryEvent
    from titip.ports.delivery import Refusals

log = structlog.get_logger()


class BrakeMonitor:
    """Counts refusals that are alike, and lets a braked submitter's files go one by one."""

    def __init__(self, destination: str, refusals: Refusals, *, askable: bool = True) -> None:
        """Heed the brakes of this destination; `load` before anything else.

        `askable`: what may be there is looked up before it is sent again.
        """
        self._askable = askable
        self._destination = destination
        self._refusals = refusals
        self._brakes = Brakes()
        self._kept = self._brakes

    async def load(self) -> None:
        """Take up what was known before a restart."""
        self._brakes = self._kept = await self._refusals.brakes(self._destination)

    def ready(self, waiting: Sequence[str], *, now: datetime) -> list[str]:
        """Give of those who have files waiting the ones of whom one may go now."""
        self._brakes = self._brakes.waiting(waiting)
        return [name for name in waiting if self._brakes.may_go(name, limit=1, now=now)]

    def limit(self, submitter: str, most: int, *, now: datetime) -> int:
        """Tell how many of a submitter's files may go now, of `most`."""
        return self._brakes.may_go(submitter, limit=most, now=now)

    def went(self, submitter: str, *, now: datetime) -> None:
        """Note that files of this submitter went."""
        self._brakes = self._brakes.tried(submitter, now=now)

    def run_of(self, event: DeliveryEvent, delivery: Delivery, *, now: datetime) -> str:
        """Count a refusal, and name the run that it belongs to; "" where it belongs to none."""
        if not isinstance(event, RejectedEvent) or not event.alike:
            return ""
        before = self._brakes
        begun = f"{delivery.id}@{now.isoformat()}"
        self._brakes = before.refused(
            delivery.submitter, event.alike, reason=event.reason, run=begun, now=now
        )
        self._tell(before, self._brakes, reason=event.reason)
        return self._brakes.runs[delivery.submitter].id

    async def settle(self, event: DeliveryEvent, delivery: Delivery, *, now: datetime) -> None:
        """Keep what was learnt; a delivery ends its submitter's brake."""
        if isinstance(event, SucceededEvent) and self._brakes.runs:
            after, runs = self._brakes.delivered(delivery.submitter)
            if runs:
                count = await self._refusals.requeue_runs(
                    self._destination, list(runs), now=now, doubted=self._askable
                )
                log.info("destination.takes_again", destination=self._destination, requeued=count)
            self._brakes = after
        if self._brakes != self._kept:
            await self._refusals.note_brakes(self._destination, self._brakes)
            self._kept = self._brakes

    def _tell(self, before: Brakes, after: Brakes, *, reason: str) -> None:
        name = self._destination
        if len(after.braked) > len(before.braked):
            log.warning("submitter.braked", destination=name, reason=reason)
        if after.refusing and not before.refusing:
            submitters = len(after.refusing)
            log.warning(
                "destination.refusing", destination=name, submitters=submitters, reason=reason
            )
