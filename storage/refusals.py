"""Files that a destination refused alike: implements titip.ports.delivery.Refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storage.destinations import field_of, put
from storage.journal.deliveries import in_run, note_event
from storage.journal.rows import brakes_of, text_of_brakes
from storage.queue import IN_RUN
from titip.delivery import RequeuedEvent
from titip.policies.brake import ONCE_MORE, Brakes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import apsw

    from storage.journal.database import Journal
    from storage.journal.deliveries import Transitions

TAKES_AGAIN: Final = "the destination takes files again that it refused alike"


@dataclass(frozen=True, slots=True)
class JournalRefusals:
    """One journal's brakes, and the files that were parked in their runs."""

    journal: Journal
    transitions: Transitions

    async def brakes(self, destination: str) -> Brakes:
        """Give the brakes last noted."""
        return await self.journal.read(
            lambda db: brakes_of(field_of(db, "brakes", destination, ""))
        )

    async def note_brakes(self, destination: str, brakes: Brakes) -> None:
        """Keep the brakes."""
        text = text_of_brakes(brakes)
        await self.journal.write(lambda db: put(db, "brakes", destination, text))

    async def requeue_runs(
        self, destination: str, runs: Sequence[str], *, now: datetime, doubted: bool
    ) -> int:
        """Let go once more what was parked in these runs; see titip.ports.delivery.Refusals."""

        def requeue(db: apsw.Connection) -> int:
            rows = [row for run in runs for row in in_run(db, destination, run)]
            moved = [one for one in rows if doubted or not one.maybe_delivered]
            for one in moved:
                self.transitions.apply(db, one, RequeuedEvent(), now=now)
                db.execute(IN_RUN, {"id": one.id, "run": ONCE_MORE, "once": ONCE_MORE})
                note_event(db, one, "requeued", reason=TAKES_AGAIN, now=now)
            return len(moved)

        return await self.journal.write(requeue)
