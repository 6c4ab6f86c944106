"""Files that a destination refused alike: implements titip.ports.Refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from storage.deliveries import in_run, note_event, step
from storage.queue import IN_RUN
from storage.rows import brakes_of, text_of_brakes
from storage.standings import PUT, field_of, put
from titip.brake import ONCE_MORE, Brakes
from titip.delivery import Requeued, advance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from random import Random

    import apsw

    from storage.journal import Journal
    from titip.retry import RetryPolicy

TAKES_AGAIN: Final = "the destination takes files again that it refused alike"
_PUT_BRAKES: Final = PUT.format("brakes")


class JournalRefusals:
    """One journal's brakes, and the files that were parked in their runs."""

    def __init__(self, journal: Journal, *, policy: RetryPolicy, rng: Random) -> None:
        """Work on this journal."""
        self._journal = journal
        self._policy = policy
        self._rng = rng

    async def brakes(self, destination: str) -> Brakes:
        """Give the brakes last noted."""
        return await self._journal.read(
            lambda db: brakes_of(field_of(db, "brakes", destination, ""))
        )

    async def note_brakes(self, destination: str, brakes: Brakes) -> None:
        """Keep the brakes."""
        bindings: dict[str, object] = {"name": destination, "value": text_of_brakes(brakes)}
        await self._journal.write(lambda db: put(db, _PUT_BRAKES, bindings))

    async def requeue_runs(
        self, destination: str, runs: Sequence[str], *, now: datetime, doubted: bool
    ) -> int:
        """Let go once more what was parked in these runs; see titip.ports.Refusals."""

        def requeue(db: apsw.Connection) -> int:
            rows = [row for run in runs for row in in_run(db, destination, run)]
            moved = [one for one in rows if doubted or not one.doubtful]
            for one in moved:
                after = advance(one, Requeued(), now=now, policy=self._policy, rng=self._rng)
                step(db, one, after)
                db.execute(IN_RUN, {"id": one.id, "run": ONCE_MORE, "once": ONCE_MORE})
                note_event(db, one, "requeued", reason=TAKES_AGAIN, now=now)
            return len(moved)

        return await self._journal.write(requeue)
