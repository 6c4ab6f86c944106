"""What a registry accepted but did not show yet: the checkpoint of a plain HTTP registry."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Final

FORGOTTEN_AFTER: Final = 2
"""Lookups in separate attempts that may miss an accepted file before it counts as forgotten.

One may be a lookup that lags behind; a registry that stalls also forgets what it took.
"""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The reference of an acceptance, and how many lookups have missed the file since."""

    reference: str
    missed: int = 0

    @property
    def forgotten(self) -> bool:
        """Tell whether the registry lost what it had accepted, so that it must be sent again."""
        return self.missed >= FORGOTTEN_AFTER

    @property
    def text(self) -> str:
        """Give the checkpoint as it is committed."""
        return json.dumps(asdict(self))

    def missed_again(self) -> Acceptance:
        """Count one more lookup that did not find it."""
        return replace(self, missed=self.missed + 1)

    @classmethod
    def parse(cls, text: str) -> Acceptance | None:
        """Read a checkpoint; None for one that tells of no acceptance."""
        try:
            found = json.loads(text or "null")
        except ValueError:
            return None
        if not isinstance(found, dict) or not isinstance(found.get("reference"), str):
            return None
        missed = found.get("missed")
        return cls(found["reference"], missed if isinstance(missed, int) else 0)
