"""What a delivery over tus must know again after a crash."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class TusCheckpoint:
    """The upload's address over there; `closing`: its last bytes may have arrived.

    `repairs` is the upload's when this was begun: what went there before a repair may be damaged.
    """

    url: str = ""
    closing: bool = False
    repairs: int = 0

    @property
    def text(self) -> str:
        """Give the checkpoint as it is committed."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> TusCheckpoint:
        """Read a checkpoint; one that makes no sense is as good as none."""
        try:
            found = json.loads(text or "null")
        except ValueError:
            return cls()
        if not isinstance(found, dict) or not isinstance(found.get("url"), str):
            return cls()
        repairs = found.get("repairs")
        return cls(
            found["url"],
            closing=found.get("closing") is True,
            repairs=repairs if isinstance(repairs, int) else 0,
        )
