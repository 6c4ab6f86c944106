"""Whose turn it is: fair queueing among submitters, so that one backlog starves nobody.

Start-time fair queueing: each submitter's account grows by the cost of what it was served, and
the smallest account is served next. A newcomer starts one smallest file behind the least served
of those now waiting: it neither waits for others' past work nor jumps ahead for its past silence,
and however many come and go, whoever waits moves up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MINIMUM_COST: Final = 1 << 20
"""Bytes that even the smallest file costs: a request has a price of its own."""


@dataclass(frozen=True, slots=True)
class FairQueue:
    """The accounts, in bytes served."""

    served: Mapping[str, int] = field(default_factory=dict)

    def order(self, waiting: Collection[str]) -> list[str]:
        """Order the waiting submitters, the least served first; ties by name."""
        entry = self._entry(waiting)
        return sorted(waiting, key=lambda name: (self.served.get(name, entry), name))

    def charge(self, submitter: str, size: int, *, waiting: Collection[str]) -> FairQueue:
        """Give the accounts after this submitter was served `size` bytes.

        Accounts of submitters with nothing waiting are dropped, so memory is bounded by those
        who have work.
        """
        entry = self._entry(waiting)
        kept = {name: self.served.get(name, entry) for name in {*waiting, submitter}}
        kept[submitter] += max(size, MINIMUM_COST)
        return FairQueue(kept)

    def _entry(self, waiting: Collection[str]) -> int:
        least = min((self.served[name] for name in waiting if name in self.served), default=0)
        return least + MINIMUM_COST
