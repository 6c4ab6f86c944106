"""What a registry accepted but did not show yet: the checkpoint of a plain HTTP registry."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The reference of an acceptance that a look-up has not confirmed yet."""

    reference: str

    @property
    def text(self) -> str:
        """Give the checkpoint as it is committed."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Acceptance | None:
        """Read a checkpoint; None for one that tells of no acceptance."""
        try:
            found = json.loads(text)
        except ValueError:
            return None
        if not isinstance(found, dict) or not isinstance(found.get("reference"), str):
            return None
        return cls(found["reference"])
