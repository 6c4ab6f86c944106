"""What the engine tells while it works, and the plain way of showing it: one line per file."""

from __future__ import annotations

import sys
import threading
from typing import IO, TYPE_CHECKING, Protocol

from client.progress.wording import closing_lines, outcome_line, patience
from client.report import PushResult
from titip.text import seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.plan import Item
    from client.report import Notes, Outcome, PushReport


class ProgressReporter(Protocol):
    """Hears what happens. Every method but `open` and `close` is called from several threads."""

    def open(self, *, files: int, size: int) -> None:
        """Begin: so many files, so many bytes in all."""

    def start(self, item: Item) -> None:
        """Hear that a file is being read or sent."""

    def advance(self, item: Item, at: int) -> None:
        """Hear how many bytes of a file went out; it may go back when some were lost."""

    def wait(self, item: Item, reason: str, seconds: float) -> None:
        """Hear that a file waits, for what, and for how long."""

    def finish(self, outcome: Outcome) -> None:
        """Hear a file's fate; its `start` may have been left out."""

    def close(self, report: PushReport) -> None:
        """End, and say what is proven and what to do next."""


class SteadyFace:
    """Tells a face everything until that fails: a broken terminal is no file's fault."""

    def __init__(self, face: ProgressReporter, *, notes: Notes) -> None:
        self._face = face
        self._notes = notes
        self._broken = False

    def close(self, report: PushReport) -> None:
        """Tell the end even if the face failed before: it is worth a try."""
        self._broken = False
        self.tell(lambda face: face.close(report))

    def tell(self, saying: Callable[[ProgressReporter], None]) -> None:
        """Say something to the face."""
        if self._broken:
            return
        try:
            saying(self._face)
        except Exception as error:  # noqa: BLE001 - whatever a face does, files are handed in
            self._broken = True
            self._notes.tell(f"the progress could not be shown ({type(error).__name__})")


class LineProgress:
    """A line for each file that came to an end, for logs, pipes and `--quiet`."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._waiting = ""

    def open(self, *, files: int, size: int) -> None:
        """Say nothing: the first file is news enough."""

    def start(self, item: Item) -> None:
        """Say nothing until there is a fate to tell."""

    def advance(self, item: Item, at: int) -> None:
        """Say nothing: a log is no progress bar."""

    def wait(self, item: Item, reason: str, seconds: float) -> None:
        """Say a trouble once, not at every try and for every file."""
        with self._lock:
            if reason == self._waiting:
                return
            self._waiting = reason
            self._say(f"waiting      {seen(item.relative)}: {patience(reason, seconds)}")

    def finish(self, outcome: Outcome) -> None:
        """Say what became of a file, unless nothing had to be done."""
        with self._lock:
            if outcome.fate is PushResult.PROVEN:
                self._waiting = ""
            if outcome.fate is not PushResult.ALREADY:
                self._say(outcome_line(outcome))

    def close(self, report: PushReport) -> None:
        """Say how it ended."""
        with self._lock:
            for line in closing_lines(report):
                self._say(line)

    def _say(self, line: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        text = line.encode(encoding, "backslashreplace").decode(encoding)
        self._stream.write(f"{text}\n")
        self._stream.flush()
