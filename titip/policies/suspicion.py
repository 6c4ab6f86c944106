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
        return Suspicion(key, self.files | {file}, self.submitters | {submitter})

    def holds(self, *, trial: bool, alone: bool) -> bool:
        """Tell whether the destination is at fault.

        `trial`: the last one was the trial file of a destination that was ill; `alone`: only one
        submitter has files waiting.
        """
        if not self.key:
            return False
        return trial or len(self.submitters) > 1 or (alone and len(self.files) >= IN_A_ROW)
