"""The face for a terminal: one bar for everything, one for each file on its way."""

from __future__ import annotations

import io
import threading
from typing import IO, TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from client.progress.reporter import LineProgress
from client.progress.wording import closing_lines, outcome_line, patience
from client.report import PushResult
from titip.text import seen

if TYPE_CHECKING:
    from pathlib import Path

    from client.plan import Item
    from client.progress.reporter import ProgressReporter
    from client.report import Outcome, PushReport

WORTH_A_BAR = 1 << 20
"""Bytes: a smaller file is through before its bar could be read."""
LABEL = 40
"""Columns for a name: bar, sums and rate take the rest of a narrow terminal."""


class BarProgress:
    """Live bars by Rich. File names are never read as markup."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._bars: dict[Path, TaskID] = {}
        self._at: dict[Path, int] = {}
        self._files = self._done = self._size = 0
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._total = self._progress.add_task("", total=None)

    def open(self, *, files: int, size: int) -> None:
        """Show the bar for everything."""
        self._files, self._size = files, size
        self._progress.update(self._total, total=size, description=self._sum())
        self._progress.start()

    def start(self, item: Item) -> None:
        """Show a bar for a file that is large enough to be worth one."""
        if item.size >= WORTH_A_BAR:
            with self._lock:
                words = f"reading {_label(item)}"
                self._bars[item.path] = self._progress.add_task(words, total=item.size)

    def advance(self, item: Item, at: int) -> None:
        """Move the file's bar, and the whole with it."""
        with self._lock:
            moved = at - self._at.get(item.path, 0)
            self._at[item.path] = at
            self._progress.update(self._total, advance=moved, description=self._sum())
            if item.path in self._bars:
                self._progress.update(self._bars[item.path], completed=at, description=_label(item))

    def wait(self, item: Item, reason: str, seconds: float) -> None:
        """Say in place of the name what is waited for."""
        with self._lock:
            bar = self._bars.get(item.path, self._total)
            self._progress.update(bar, description=patience(reason, seconds))

    def finish(self, outcome: Outcome) -> None:
        """Take the file's bar away; print only what needs attention."""
        with self._lock:
            self._count(outcome)
            bar = self._bars.pop(outcome.path, None)
            if bar is not None:
                self._progress.remove_task(bar)
            if outcome.fate is PushResult.FAILED:
                self._progress.console.print(Text(outcome_line(outcome), style="red"))

    def close(self, report: PushReport) -> None:
        """Take the bars away and say how it ended."""
        self._progress.stop()
        first, *rest = closing_lines(report)
        style = "bold green" if report.exit_code == 0 else "bold yellow"
        self._console.print(Text(first, style=style))
        for line in rest:
            self._console.print(Text(line))

    def _count(self, outcome: Outcome) -> None:
        """Take a file into the sum; one that was not sent now leaves the bytes still to come."""
        sent = self._at.pop(outcome.path, 0)
        if outcome.fate is PushResult.PROVEN:
            self._done += 1
            self._progress.update(self._total, advance=outcome.size - sent)
        else:
            self._done += outcome.fate is PushResult.ALREADY
            self._size -= outcome.size
            self._progress.update(self._total, advance=-sent, total=self._size)
        self._progress.update(self._total, description=self._sum())

    def _sum(self) -> str:
        return f"{self._done:,} of {self._files:,} files"


def face_for(stream: IO[str] | None, *, quiet: bool = False) -> ProgressReporter:
    """Choose bars for a terminal, plain lines for everything else and for `quiet`.

    There is no stream where standard error was closed before the program began.
    """
    if stream is None:
        return LineProgress(io.StringIO())
    console = Console(file=stream, highlight=False)
    if quiet or not console.is_terminal:
        return LineProgress(stream)
    return BarProgress(console)


def _label(item: Item) -> str:
    """Give the end of the name: in deep folders it says more than the beginning."""
    name = seen(item.relative)
    return name if len(name) <= LABEL else f"...{name[3 - LABEL :]}"
