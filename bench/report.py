"""The results for people: a table for each contest, ratios last, where the eye ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table

if TYPE_CHECKING:
    from rich.console import Console

    from bench.figures import Contest, Line, Spread

THREE_DIGITS: Final = 100

MEASURES: Final = {
    "p50_ms": ("p50 ms", 1.0),
    "p99_ms": ("p99 ms", 1.0),
    "cpu": ("CPU ms/file", 1000.0),
    "cpu_per_gib": ("CPU s/GiB", 1.0),
    "peak_mib": ("peak MiB", 1.0),
    "unsynced_s": ("left to sync, s", 1.0),
    "seconds": ("seconds", 1.0),
}
"""Columns beside the rate, in this order, where a contest has them: title, factor.

CPU and memory are those of the program that is measured, not of the load generator.
"""


def tell(contest: Contest, console: Console) -> None:
    """Print one contest."""
    used = [key for key in MEASURES if any(line.spread(key) for line in contest.lines)]
    table = Table(title=contest.name, title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column(contest.unit, justify="right")
    table.add_column("min-max", justify="right")
    for key in used:
        table.add_column(MEASURES[key][0], justify="right")
    table.add_column("ratio", justify="right")
    table.add_column("min-max", justify="right")
    base, marks = contest.lines[0], _marks(contest)
    for line in contest.lines:
        name = f"{line.name} {marks[line.note]}" if line.note else line.name
        table.add_row(name, *_row(line, base, used))
    console.print(table)
    for note, mark in _marks(contest).items():
        console.print(f"  {mark} {note}", highlight=False)
    console.print()


def _row(line: Line, base: Line, used: list[str]) -> list[str]:
    rate = line.spread("rate")
    ratio = None if line is base else line.ratio(base)
    cells = [_middle(rate), _range(rate)]
    cells += [_middle(line.spread(key), MEASURES[key][1]) for key in used]
    return [*cells, "1" if line is base else _middle(ratio), _range(ratio)]


def _marks(contest: Contest) -> dict[str, str]:
    notes = dict.fromkeys(line.note for line in contest.lines if line.note)
    return {note: "*" * number for number, note in enumerate(notes, start=1)}


def _middle(spread: Spread | None, factor: float = 1.0) -> str:
    return "" if spread is None else number(spread.middle * factor)


def _range(spread: Spread | None) -> str:
    return "" if spread is None else f"{number(spread.low)}-{number(spread.high)}"


def number(value: float) -> str:
    """Write a number with three digits that mean something."""
    if value >= THREE_DIGITS:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 1 else f"{value:.2g}"
