"""The times that a worker keeps to, and what it works with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from random import Random

    from titip.ports.delivery import ContentReader, DestinationStore, Queue, Refusals
    from titip.retry import RetryPolicy

SETTLE: Final = timedelta(seconds=5)
"""How long a request that nobody waits for may still be at work, at a destination whose own way
of going on makes a second one harmless. For any other it is as long as an answer may take."""


@dataclass(frozen=True, slots=True)
class WorkerRules:
    """The times a worker keeps to.

    `farthest`: no delivery waits longer than that for its next look, unless the clock was set.
    `silent_after`: a destination that shows no sign of life for so long is ill; None where its
    wire has clocks of its own. `most_carried`: no more at once, with those that hang.
    """

    retry: RetryPolicy
    slow_after: timedelta = timedelta(seconds=30)
    silent_after: timedelta | None = None
    most_carried: int = 16
    lease: timedelta = timedelta(seconds=60)
    settle: timedelta = SETTLE
    farthest: timedelta = timedelta(hours=2)
    poll: timedelta = timedelta(seconds=1)
    grace: timedelta = timedelta(seconds=4)
    askable: bool = True
    """Whether the destination can be asked for a file that may be there."""


@dataclass(frozen=True, slots=True)
class WorkerDeps:
    """What a worker works with.

    While the destination `expedite_when_down` is stalled, no delay of this one counts.
    """

    queue: Queue
    destinations: DestinationStore
    refusals: Refusals
    archive: ContentReader
    now: Callable[[], datetime]
    rng: Random
    expedite_when_down: str | None = None
