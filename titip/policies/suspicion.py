"""Whether a failure that may be one file's own is the destination's after all.

A registry may forbid one file (403) or all of them: only who else meets it tells. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IN_A_ROW: Final = 3
"""Files of one submitter that must meet it where nobody else has files waiting."""


@dataclass(frozen=True, slots=True)
class Suspected:
    """A failure that would be the destination's trouble if others met it; `key` is its kind."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What files met the same failure in a row, and whose they were."""

    key: str = ""
    files: frozenset[str] = frozenset()
    submitters: frozenset[str] = frozenset()

    def met(self, key: str, *, file: str, submitter: str) -> Suspicion:
        """Count one more; another failure begins a new row."""
        if key != self.key:
            return Suspicion(key, frozenset({file}), frozenset({submitter}))
        # More of them would tell no more than these.
        files = self.files if len(self.files) >= IN_A_ROW else self.files | {file}
        submitters = self.submitters if len(self.submitters) > 1 else self.submitters | {submitter}
        return Suspicion(key, files, submitters)

    def holds(self, *, alone: bool) -> bool:
        """Tell whether the destination is at fault; `alone`: only one submitter has files waiting.

        A trial file is no exception: many files with a trouble of their own, one on trial after
        the other, would keep a destination shut that takes all others.
        """
        return len(self.submitters) > 1 or (alone and len(self.files) >= IN_A_ROW)
