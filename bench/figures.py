"""Counted runs and what they come to: medians, ranges, and ratios pair by pair."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some runs, and the smallest and largest of them."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Give the spread of at least one value."""
        known = list(values)
        return cls(median(known), min(known), max(known))


@dataclass(frozen=True, slots=True)
class Line:
    """One contestant in one contest: what each of its counted runs came to, by measure.

    The measure that the contest is about is called `rate`: the more, the better.
    """

    name: str
    runs: Sequence[Mapping[str, float]]
    note: str = ""

    def spread(self, measure: str) -> Spread | None:
        """Give the spread of a measure, None where no run has it."""
        values = [run[measure] for run in self.runs if measure in run]
        return Spread.of(values) if values else None

    def ratio(self, base: Line) -> Spread | None:
        """Compare each run's rate with the run of the base that was next to it in time."""
        pairs = zip(self.runs, base.runs, strict=False)
        ratios = [mine["rate"] / its["rate"] for mine, its in pairs if its["rate"]]
        return Spread.of(ratios) if ratios else None


@dataclass(frozen=True, slots=True)
class Contest:
    """Contestants that did the same work, each in turn; the first is what others are set against.

    `unit` is what a rate counts in a second.
    """

    name: str
    unit: str
    lines: Sequence[Line]

    def as_json(self) -> dict[str, object]:
        """Give everything, for `--json`."""
        return {
            "contest": self.name,
            "unit": self.unit,
            "lines": [
                {"name": line.name, "note": line.note, "runs": [dict(run) for run in line.runs]}
                for line in self.lines
            ],
        }
