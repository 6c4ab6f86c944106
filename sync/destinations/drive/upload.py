"""Send a content through one session to its end, whatever happens on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

import structlog

from sync.destinations.drive.errors import Transient, Unclassified, classify
from sync.destinations.drive.options import UNIT
from sync.destinations.drive.session import (
    Complete,
    DriveSession,
    Incomplete,
    SessionLost,
    Uncertain,
)
from sync.destinations.waste import Waste
from titip.errors import AttemptFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sync.destinations.drive.options import DriveOptions
    from sync.destinations.drive.session import Outcome

log = structlog.get_logger()

MOST_STUCK: Final = 8
"""Rounds without progress after which a session is given up."""

MOST_SHORT: Final = 16
"""Chunks in a row of which not all may be taken; see sync.destinations.waste.

A bad line takes half of many.
"""

SHORT: Final = "Drive takes less of each chunk than it is sent; does a proxy cut them?"

MOST_FAILURES: Final = 4
"""Chunks that may fail in a row before the attempt ends; the session stays for the next one."""

LONGEST_WAIT: Final = 8.0
"""Seconds between two rounds."""

AIM: Final = 10.0
"""Seconds that a chunk should take: long enough to hide its answer, short enough to repeat."""

SHORTEST: Final = 0.001
"""Seconds that a chunk is taken to last at least."""


def next_size(size: int, seconds: float, *, ceiling: int) -> int:
    """Give the size for the next chunk after one of `size` bytes took so long.

    It changes by no more than the factor two at a time and stays a multiple of 256 KiB.
    """
    factor = min(max(AIM / max(seconds, SHORTEST), 1 / 2), 2)
    return max(min(int(size * factor), ceiling) // UNIT * UNIT, UNIT)


def next_most(most: int, *, sent: int, gained: int, ceiling: int) -> int:
    """Give the size that the next chunk has at most, after `gained` of `sent` bytes were taken.

    What takes a part of a chunk may take no more at a time; what takes all of it may take more.
    """
    if 0 < gained < sent:
        return max(gained // UNIT * UNIT, UNIT)
    return min(most * 2, ceiling) if sent and gained == sent else most


class DriveChunkSizer:
    """How large the next chunk is, learnt by all deliveries together, and how long a rest is."""

    def __init__(self, options: DriveOptions) -> None:
        self._first_wait = options.quick_wait.total_seconds()
        self.ceiling = options.max_chunk
        self.size = options.chunk

    def took(self, seconds: float, *, size: int) -> None:
        """Learn from a chunk that was put; the short last one of a file teaches nothing."""
        if size >= self.size:
            self.size = next_size(self.size, seconds, ceiling=self.ceiling)

    def failed(self) -> None:
        """Try smaller chunks: a shorter one may get through between two cuts."""
        self.size = next_size(self.size, float("inf"), ceiling=self.ceiling)

    async def rest(self, rounds: int) -> None:
        """Wait after so many rounds in vain, each time twice as long; after none not at all."""
        if rounds:
            await asyncio.sleep(min(self._first_wait * (1 << (rounds - 1)), LONGEST_WAIT))


@dataclass(slots=True)
class _Rounds:
    """How far the session is, for how many rounds it has not gone further, and at what cost."""

    waste: Waste
    ceiling: int
    most: int
    """Bytes that a chunk has at most, after those that were not all taken."""
    best: int = -1
    stuck: int = 0
    failures: int = 0
    _offset: int = 0
    _sent: int = 0

    def put(self, size: int) -> None:
        """Note that a chunk leaves."""
        self._sent = size

    def at(self, offset: int) -> None:
        """Note where the session is, by its own word."""
        if self.best >= 0:
            sent, gained = self._sent, offset - self._offset
            self.waste = self.waste.after(sent=sent, gained=gained)
            self.most = next_most(self.most, sent=sent, gained=gained, ceiling=self.ceiling)
        self._offset, self._sent = offset, 0
        if offset > self.best:
            self.best, self.stuck, self.failures = offset, 0, 0
        else:
            self.stuck += 1

    @property
    def is_hopeless(self) -> bool:
        """Tell whether another session may do better."""
        return self.stuck >= MOST_STUCK or self.waste.falls_too_often


class UploadLoop:
    """One content on its way; `moved` is told a session's new address before it is used."""

    def __init__(
        self,
        session: DriveSession,
        length: int,
        *,
        rhythm: DriveChunkSizer,
        moved: Callable[[str], Awaitable[None]],
    ) -> None:
        self._session = session
        self._length = length
        self._rhythm = rhythm
        self._moved = moved

    async def to_the_end(self, uri: str, outcome: Outcome) -> Complete | SessionLost:
        """Go on from an outcome until the file is made or the session is of no use any more.

        Raises DestinationUnavailable when Drive fails repeatedly, and AttemptFailed when it takes
        little of what is sent; the session is then left for later.
        """
        waste = Waste(length=self._length, most_short=MOST_SHORT)
        rounds = _Rounds(waste, self._rhythm.ceiling, most=self._rhythm.ceiling)
        while True:
            match outcome:
                case Complete() | SessionLost():
                    return outcome
                case Incomplete(offset, moved):
                    if moved and moved != uri:
                        uri = moved
                        await self._moved(uri)
                    rounds.at(offset)
                    if rounds.is_hopeless:
                        log.warning("mirror.session_stuck", offset=offset)
                        return SessionLost()
                    await self._rhythm.rest(rounds.stuck)
                    outcome = await self._put(uri, offset, rounds)
                case Uncertain():
                    rounds.failures += 1
                    if rounds.failures >= MOST_FAILURES and isinstance(outcome.fault, Unclassified):
                        return SessionLost()
                    self._weigh(outcome, rounds.failures)
                    await self._rhythm.rest(rounds.failures - 1)
                    outcome = await self._session.query(uri)
                case _:
                    assert_never(outcome)

    async def _put(self, uri: str, offset: int, rounds: _Rounds) -> Outcome:
        if rounds.waste.is_too_much:
            raise AttemptFailed(SHORT, suspect=SHORT)
        if self._length and offset == self._length:
            return await self._session.query(uri)
        size = min(self._rhythm.size, rounds.most, self._length - offset)
        rounds.put(size)
        clock = asyncio.get_running_loop().time
        began = clock()
        outcome = await self._session.put(uri, offset=offset, size=size)
        if isinstance(outcome, Incomplete):
            self._rhythm.took(clock() - began, size=size)
        return outcome

    def _weigh(self, doubt: Uncertain, failures: int) -> None:
        """End the attempt over what is a verdict, or went on for too long."""
        if doubt.silent:
            self._rhythm.failed()
        fault = doubt.fault
        may_pass = isinstance(fault, Transient | Unclassified) and fault.retry_after is None
        if not may_pass or failures >= MOST_FAILURES:
            raise classify(fault)
        log.info("mirror.chunk_failed", reason=fault.reason)
