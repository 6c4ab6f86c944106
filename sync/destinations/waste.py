"""What an attempt sends in vain, and how much of that ends it, whatever the far side answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

MOST_FALLS: Final = 3
"""Times in one attempt that the far side may go back behind what it acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waste:
    """Chunks so far, of a file of `length` bytes, that were not all taken or not all kept.

    What is lost is bounded, so what is sent is too: it is that, and what the far side holds.
    """

    length: int
    most_short: int
    """Chunks in a row of which not all may be taken; and as many in bytes, beside the length."""
    lost: int = 0
    largest: int = 0
    short: int = 0
    falls: int = 0

    def after(self, *, sent: int, gained: int) -> Waste:
        """Count a chunk of `sent` bytes, after which the far side is `gained` bytes further.

        That is below zero where it gave up what it had acknowledged.
        """
        return replace(
            self,
            lost=self.lost + sent - gained,
            largest=max(self.largest, sent),
            short=self.short + 1 if gained < sent else 0,
            falls=self.falls + (gained < 0),
        )

    @property
    def falls_too_often(self) -> bool:
        """Tell whether the far side does not keep what it acknowledges."""
        return self.falls > MOST_FALLS

    @property
    def is_too_much(self) -> bool:
        """Tell whether too little is taken of what is sent."""
        most = self.length + self.most_short * self.largest
        return self.short >= self.most_short or self.lost > most
