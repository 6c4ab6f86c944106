"""What one outcome means beside the others that a worker has seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from titip.delivery import FailedEvent, RejectedEvent, SucceededEvent
from titip.health import Bad, Good
from titip.policies.suspicion import Suspected, Suspicion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sync.worker.attempt import Sign
    from titip.delivery import Delivery, DeliveryEvent
    from titip.health import HealthEvent

MOST_ABSENCES: Final = 5
"""So often a file may be confirmed "not there" while others get through, before a person looks."""


@dataclass(slots=True)
class Verdicts:
    """Remembers what the last outcomes at one destination were."""

    _suspicion: Suspicion = field(default_factory=Suspicion)
    _alone: bool = True
    _through: tuple[datetime, str] | None = None
    """When a file got through last, and which."""

    def waiting(self, submitters: Sequence[str]) -> None:
        """Take in who has files waiting; nobody tells nothing."""
        if submitters:
            self._alone = len(submitters) == 1

    def event(self, event: DeliveryEvent, delivery: Delivery, *, now: datetime) -> DeliveryEvent:
        """Give the event, parked where only this file keeps getting lost."""
        if isinstance(event, SucceededEvent):
            self._through = now, delivery.id
        if isinstance(event, FailedEvent) and self._keeps_vanishing(delivery):
            reason = f"needs attention: sent {delivery.absences} times and never found there"
            return RejectedEvent(
                f"{reason}, while others got through ({event.reason})", event.detail
            )
        return event

    def sign(self, sign: Sign, delivery: Delivery) -> HealthEvent | None:
        """Give what the destination's health hears of it."""
        match sign:
            case Suspected(key, reason):
                self._suspicion = self._suspicion.met(
                    key, file=delivery.id, submitter=delivery.submitter
                )
                shared = self._suspicion.holds(alone=self._alone)
                return Bad(reason) if shared else None
            case Good():
                self._suspicion = Suspicion()
                return sign
            case _:
                return sign

    def _keeps_vanishing(self, delivery: Delivery) -> bool:
        if delivery.absences < MOST_ABSENCES or self._through is None:
            return False
        at, which = self._through
        return which != delivery.id and at >= (delivery.trouble_since or at)
