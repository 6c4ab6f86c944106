"""What commands print: tables and sentences for people, JSON for programs.

Nothing that came from outside is read as markup, and its control characters are made visible.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from titip.text import seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNBOUNDED: Final = 1000
"""Columns where there is no terminal: a pipe gets every row on one line, whatever its width."""

SUBMITTER: Final = "submitter"
"""A column of names, which may be long."""

_STEPS: Final = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def console(*, error: bool = False) -> Console:
    """Give a console for standard output, or for standard error."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else UNBOUNDED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def warn(*lines: str) -> None:
    """Say something beside the output: to standard error, so that a pipe stays clean."""
    for line in lines:
        typer.echo(seen_lines(line), err=True)


def say_json(value: object) -> None:
    """Print JSON in plain ASCII: it survives every terminal and every pipe."""
    typer.echo(json.dumps(value, indent=2))


def table(*columns: str, right: Sequence[str] = (), rows: Iterable[Sequence[str]]) -> Table:
    """Lay rows out; cells are data, never markup. Names and the last column may wrap."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(
            Text(name),
            justify="right" if name in right else "left",
            overflow="fold",
            no_wrap=name not in {SUBMITTER, columns[-1]},
        )
    for row in rows:
        made.add_row(*(Text(seen(cell)) for cell in row))
    return made


def age(span: timedelta) -> str:
    """Write a span in its largest unit: "40 s", "3 min", "2 h"; never negative."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in _STEPS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "0 s"


def clock(time: datetime | None, *, now: datetime | None = None) -> str:
    """Write a moment by this machine's clock: the time today, with its date on another day."""
    if time is None:
        return ""
    local, today = time.astimezone(), (now or datetime.now(UTC)).astimezone().date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}"


def iso(time: datetime | None) -> str | None:
    """Write a moment for programs: ISO 8601 in UTC."""
    return None if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def sentence(text: object) -> str:
    """Make a sentence of a reason."""
    words = str(text)
    return f"{words[:1].upper()}{words[1:]}."


def seen_lines(text: str) -> str:
    """Make what could harm a terminal visible, and keep the line ends that are ours."""
    return "\n".join(seen(line) for line in text.split("\n"))
