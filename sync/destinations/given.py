"""What a registry gave as the name of one file is the name of no other."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

REMEMBERED: Final = 10_000
"""Names that were given lately; a batch or a constant shows itself within a few files."""


class Given:
    """Names that a registry gave, an address or a reference, and what each was given for."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, str] = OrderedDict()

    def is_of(self, name: str, owner: str) -> bool:
        """Tell whether this name was given for nothing else lately, and remember it."""
        known = self._owners.setdefault(name, owner)
        while len(self._owners) > REMEMBERED:
            self._owners.popitem(last=False)
        return known == owner
