"""What a clock says beside what was seen on it last, and what that means. Pure.

Inside a process time runs evenly whatever is done to the machine's clock. Over a restart it is
only as good as the clock is, so the journal keeps when Titip last ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

TOLERATED: Final = timedelta(seconds=2)
"""Difference that is no step: time services slew what is less than about this."""

BACK: Final = timedelta(seconds=5)
"""How much earlier than last seen a clock may be after a restart before that is told."""

AWAY: Final = timedelta(hours=1)
"""An absence, or a leap of the clock, after which nothing is removed at once."""

LONGEST_GRACE: Final = timedelta(days=1)
"""Long enough for whoever is on duty to see that the clock is wrong."""


@dataclass(frozen=True, slots=True)
class ClockState:
    """What is known against the clock of this machine.

    `set_by`: how far it was moved, forward or back, while Titip ran. `went_back`: how much earlier
    it is, over a restart, than Titip last noted.
    """

    set_by: timedelta = timedelta(0)
    went_back: timedelta = timedelta(0)

    @property
    def trusted(self) -> bool:
        """Tell whether nothing is known against it."""
        return abs(self.set_by) <= TOLERATED and self.went_back <= BACK


def advice(state: ClockState) -> str:
    """Say what to do about the clock, nothing while it is trusted."""
    if abs(state.set_by) > TOLERATED:
        by = state.set_by.total_seconds()
        way = "forward" if by > 0 else "back"
        return (
            f"the machine's clock was set {way} by {abs(by):,.0f} s while Titip ran, which follows "
            "slowly; once the clock is right, restart Titip, so that receipts carry its time"
        )
    if state.went_back > BACK:
        by = state.went_back.total_seconds()
        return (
            f"the machine's clock went back by {by:,.0f} s since Titip last noted the time; "
            "make sure that it is right: receipts carry its time"
        )
    return ""


def grace_after(seen: datetime | None, *, now: datetime) -> timedelta:
    """Give how long nothing may be removed for its age after a start.

    Whether Titip was away or the clock leapt cannot be told apart: whoever was handing in gets as
    long as it was, a day at most, to go on.
    """
    away = timedelta(0) if seen is None else now - seen
    return min(away, LONGEST_GRACE) if away > AWAY else timedelta(0)


def went_back(seen: datetime | None, *, now: datetime) -> timedelta:
    """Give how much earlier it is than it was already; zero where it is not."""
    return timedelta(0) if seen is None else max(timedelta(0), seen - now)
