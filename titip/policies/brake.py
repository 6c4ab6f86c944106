"""The brake: when a submitter's files are refused alike one after the other, most of them wait.

A changed form at the registry, or a new rule for one party, would else park thousands of files
within minutes. Per submitter, so that no party can brake another. Pure.

- A run is what one submitter's files met in a row: refusals alike in status and reason.
- At AFTER of them the submitter is braked: one trial file in each TRIAL_EVERY.
- Where two submitters are braked for the same, or the only one that has files waiting is and
  nobody else's got in meanwhile, the destination is refusing: a fact beside its circuit.
- A delivery ends its submitter's brake, and refusing as a whole; then the files that were parked
  in those runs may go once more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

AFTER: Final = 20
"""Refusals in a row: more than a few bad scans, far fewer than a queue."""

TRIAL_EVERY: Final = timedelta(minutes=1)

ONCE_MORE: Final = "once"
"""In place of a run: the file went once more already, and what it meets now counts."""


@dataclass(frozen=True, slots=True)
class Run:
    """Refusals of one submitter's files in a row; `reason` is what the last one was told.

    `others_got_in`: a file of somebody else was delivered since it began.
    """

    id: str
    alike: str
    reason: str
    since: datetime
    count: int = 1
    trial_at: datetime | None = None
    others_got_in: bool = False

    @property
    def braked(self) -> bool:
        """Tell whether the submitter's other files wait."""
        return self.count >= AFTER


@dataclass(frozen=True, slots=True)
class Brakes:
    """The runs of one destination by submitter; `alone`: only one has files waiting there."""

    runs: Mapping[str, Run] = field(default_factory=dict)
    alone: bool = True

    @property
    def braked(self) -> Mapping[str, Run]:
        """Give the runs of those who wait."""
        return {name: run for name, run in self.runs.items() if run.braked}

    @property
    def refusing(self) -> Mapping[str, Run]:
        """Give the runs that show that the destination refuses everybody alike; none: it is not."""
        braked = self.braked
        if self.alone and len(braked) == 1:
            return {name: run for name, run in braked.items() if not run.others_got_in}
        causes = [run.alike for run in braked.values()]
        return {name: run for name, run in braked.items() if causes.count(run.alike) > 1}

    def refused(
        self, submitter: str, alike: str, *, reason: str, run: str, now: datetime
    ) -> Brakes:
        """Count a refusal; `run` names the run that it begins, if it begins one."""
        before = self.runs.get(submitter)
        if before is None or (before.alike != alike and not before.braked):
            after = Run(run, alike, reason, since=now)
        else:
            after = replace(before, count=before.count + 1, reason=reason)
            if after.count == AFTER:
                after = replace(after, trial_at=now + TRIAL_EVERY)
        return replace(self, runs={**self.runs, submitter: after})

    def delivered(self, submitter: str) -> tuple[Brakes, Iterable[str]]:
        """End the submitter's run; give, where that ends a refusing, the ids of all its runs."""
        refusing = self.refusing
        ended = refusing if submitter in refusing else {}
        left = {
            name: replace(run, others_got_in=True)
            for name, run in self.runs.items()
            if name != submitter and name not in ended
        }
        return replace(self, runs=left), [run.id for run in ended.values()]

    def waiting(self, submitters: Iterable[str]) -> Brakes:
        """Take in who has files waiting; nobody tells nothing."""
        names = set(submitters)
        return replace(self, alone=len(names) <= 1) if names else self

    def may_go(self, submitter: str, *, limit: int, now: datetime) -> int:
        """Tell how many of `limit` files may go now: one trial where the submitter is braked."""
        run = self.runs.get(submitter)
        if run is None or not run.braked:
            return limit
        return min(limit, 1) if run.trial_at is None or now >= run.trial_at else 0

    def tried(self, submitter: str, *, now: datetime) -> Brakes:
        """Note that a trial file went."""
        run = self.runs.get(submitter)
        if run is None or not run.braked:
            return self
        after = replace(run, trial_at=now + TRIAL_EVERY)
        return replace(self, runs={**self.runs, submitter: after})
