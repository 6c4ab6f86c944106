"""How the demo speaks: steps, what happens in them, and why that matters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.output import console
from client.report import PushResult
from titip.text import seen

if TYPE_CHECKING:
    from client.plan import Item
    from client.report import Outcome, PushReport

TIMES: Final = 10
"""Columns for the seconds before each line."""


class Narrator:
    """Tells the story on standard output, with the seconds since it began."""

    def __init__(self) -> None:
        """Begin now."""
        self._console = console()
        self._begun = time.monotonic()
        self._step = 0

    def step(self, title: str, why: str) -> None:
        """Begin a chapter."""
        self._step += 1
        self._console.print()
        self._console.print(Text(f"{self._step}  {title}", style="bold cyan"))
        self._console.print(Padding(Text(why, style="italic"), (0, 0, 0, 3), expand=False))

    def say(self, text: str) -> None:
        """Tell what happened."""
        self._line(text, "")

    def good(self, text: str) -> None:
        """Tell a promise kept."""
        self._line(text, "green")

    def bad(self, text: str) -> None:
        """Tell a promise broken."""
        self._line(text, "bold red")

    def plain(self, *lines: str) -> None:
        """Say something outside the story."""
        for line in lines:
            self._console.print(Text(seen(line)))

    def show(self, table: object) -> None:
        """Show a table."""
        self._console.print(table)

    @property
    def seconds(self) -> float:
        """Tell how long the story has lasted."""
        return time.monotonic() - self._begun

    def _line(self, text: str, style: str) -> None:
        """Print a line whose continuation stays clear of the times."""
        sheet = Table.grid(padding=(0, 2, 0, 0))
        sheet.add_column(width=TIMES, justify="right", no_wrap=True)
        sheet.add_column(overflow="fold")
        sheet.add_row(Text(f"{self.seconds:.1f} s", style="dim"), Text(seen(text), style=style))
        self._console.print(sheet)


class QuietFace:
    """Hears a push for the story: only waits are worth telling, each reason once."""

    def __init__(self, voice: Narrator) -> None:
        """Tell it by this voice."""
        self._voice = voice
        self._told: set[str] = set()

    def open(self, *, files: int, size: int) -> None:
        """Say nothing: the story told it."""

    def start(self, item: Item) -> None:
        """Say nothing."""

    def advance(self, item: Item, at: int) -> None:
        """Say nothing."""

    def wait(self, item: Item, reason: str, seconds: float) -> None:
        """Tell what a file waits for."""
        del item, seconds
        if reason not in self._told:
            self._told.add(reason)
            self._voice.say(f"the LO's client: {reason}; it tries again by itself")

    def finish(self, outcome: Outcome) -> None:
        """Tell a failure at once."""
        if outcome.fate is PushResult.FAILED:
            self._voice.bad(f"{outcome.relative}: {outcome.reason}")

    def close(self, report: PushReport) -> None:
        """Say nothing: the story goes on."""
