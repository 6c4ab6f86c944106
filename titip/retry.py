"""When to try again: about as long from now as the trouble has lasted already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

JITTER: Final = 0.25
"""Share of the wait that is random either way, so that a backlog does not retry in waves."""

LONGEST_ASKED: Final = timedelta(hours=1)
"""What a destination asks for counts up to here: one try an hour costs less than a wrong header."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Back-off from age: no counter is kept, so restarts change nothing (Postfix's queue rule)."""

    floor: timedelta
    ceiling: timedelta

    def __post_init__(self) -> None:
        """Refuse a policy that would spin or never wait less than its ceiling."""
        if not timedelta(0) < self.floor <= self.ceiling:
            raise ValueError("retry.floor must be above zero and not above retry.ceiling")

    def wait(self, age: timedelta, rng: Random) -> timedelta:
        """Give the wait for trouble of this age, within floor and ceiling."""
        base = max(self.floor, min(age, self.ceiling))
        shortest = max(self.floor, base * (1 - JITTER))
        longest = min(self.ceiling, base * (1 + JITTER))
        return shortest + (longest - shortest) * rng.random()


def respecting(wait: timedelta, asked: timedelta | None) -> timedelta:
    """Lengthen a wait to what the destination asked for, up to LONGEST_ASKED."""
    return wait if asked is None else max(wait, min(asked, LONGEST_ASKED))
