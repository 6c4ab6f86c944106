"""Times as the journal keeps them: whole milliseconds, UTC, from a clock that never jumps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_STEADIEST: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

SLEW: Final = 0.1
"""How fast the steady clock follows one that was set, as a share of the time that passes: so much
longer or shorter is a lease or a wait at worst."""


def wall_now() -> datetime:
    """Give what the machine's clock says, whoever set it."""
    return datetime.now(UTC)


def elapsed() -> float:
    """Give seconds that nobody can set; on Linux those in which the machine slept count too."""
    return time.clock_gettime(_STEADIEST)


class SteadyClock:
    """The machine's clock at the start, and from there on the time that passed.

    One that is set forward or back moves no lease, retry or expiry: it is followed slowly, and
    never backwards. A restart takes it as it is. To be called from any thread.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = wall_now,
        passed: Callable[[], float] = elapsed,
    ) -> None:
        """Begin with the wall clock's time."""
        self._wall = wall
        self._passed = passed
        self._now = wall()
        self._at = passed()
        self._lock = Lock()

    def __call__(self) -> datetime:
        """Give the time in whole milliseconds, so that a row read back equals the one written."""
        return from_ms(to_ms(self._moved_on()))

    def drift(self) -> timedelta:
        """Tell how far the machine's clock is ahead: what somebody set it by, and is left of it."""
        now = self._moved_on()
        return self._wall() - now

    def _moved_on(self) -> datetime:
        with self._lock:
            at = self._passed()
            step = timedelta(seconds=max(0.0, at - self._at))
            self._at, even = at, self._now + step
            most = step * SLEW
            self._now = even + min(max(self._wall() - even, -most), most)
            return self._now


utc_now: Final = SteadyClock()
"""The clock of this process: what everything in it takes for the time."""


def to_ms(time: datetime) -> int:
    """Give the time as the journal keeps it."""
    return (time - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """Give the journal's time back."""
    return _EPOCH + ms * _MILLISECOND


def to_ms_or_none(time: datetime | None) -> int | None:
    """Give a time that may be missing as the journal keeps it."""
    return None if time is None else to_ms(time)


def from_ms_or_none(ms: int | None) -> datetime | None:
    """Give the journal's time back where there is one."""
    return None if ms is None else from_ms(ms)
