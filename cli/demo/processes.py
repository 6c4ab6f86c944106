"""Programs of ours as processes: started, heard, and ended by whoever needs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final, Self, TypeVar

from cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import IO

T = TypeVar("T")

GLANCE: Final = 0.02
START_WITHIN: Final = 30.0
STOP_WITHIN: Final = 3.0
MOST_LINES: Final = 1000
"""Lines that are kept for whoever may wait for one of them."""

_ROOT: Final = str(Path(__file__).resolve().parents[2])
TITIP: Final = (
    sys.executable,
    "-P",  # whatever folder it is run in: nothing in it is taken for a part of Titip
    "-c",
    f"import sys; sys.path.append({_ROOT!r}); from cli.main import main; main()",
)


def until(what: str, fact: Callable[[], T | None], *, within: float) -> T:
    """Wait until a fact holds, and give it; raises CliError after so many seconds."""
    deadline = time.monotonic() + within
    while not (found := fact()):
        if time.monotonic() > deadline:
            raise CliError(f"Waited {within:g} s in vain: {what}.")
        time.sleep(GLANCE)
    return found


@contextmanager
def without_variables(*beginnings: str) -> Iterator[None]:
    """Keep variables that begin so from the programs that are started in the block."""
    aside = {name: value for name, value in os.environ.items() if name.startswith(beginnings)}
    for name in aside:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(aside)


class Program:
    """A process in a session of its own, where no Ctrl-C reaches it but ours.

    What it says is read line by line, unless a stream takes it: its standard output, and its
    standard error where there is no log.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str,
        log: Path | None = None,
        into: IO[bytes] | None = None,
        folder: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; what it logs is added to the log, and the variables to our own."""
        self.name = name
        self._log = log
        self._lines: SimpleQueue[str] = SimpleQueue()
        self._last = ""
        with log.open("ab") if log else nullcontext(subprocess.STDOUT) as errors:
            self.process = subprocess.Popen(  # noqa: S603 - a program of ours, with words of ours
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=into or subprocess.PIPE,
                stderr=errors,
                cwd=folder,
                env={**os.environ, **(variables or {})},
                start_new_session=True,
            )
        said = self.process.stdout
        self._reader = Thread(target=self._read, args=(said,), daemon=True)
        if said is not None:
            self._reader.start()

    @classmethod
    def titip(cls, *words: str, log: Path, variables: Mapping[str, str] | None = None) -> Self:
        """Start a command of Titip."""
        name = f"titip {' '.join(words)}"
        return cls([*TITIP, *words], name=name, log=log, variables=variables)

    def line(self, pattern: str, *, within: float = START_WITHIN) -> re.Match[str]:
        """Wait for the next line of it that fits; raises CliError if it ends before."""

        def look() -> re.Match[str] | None:
            is_over = not self._reader.is_alive()
            while not self._lines.empty():
                if found := re.search(pattern, self._lines.get()):
                    return found
            if is_over:
                raise CliError(f"{self.name} ended: {self.last_words()}")
            return None

        return until(f"{self.name} to start", look, within=within)

    def url(self) -> str:
        """Wait until it serves, and give its address."""
        return self.line(r'(http://[^/"\s]+)')[1]

    def last_words(self) -> str:
        """Give the end of what it logged, or said."""
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log else [self._last]
        return (lines[-1].strip() if lines else "") or "it said nothing"

    def kill(self) -> None:
        """End it as a power cut would: it gets no chance to save anything."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        """Give the program; leaving stops it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def _read(self, said: IO[bytes]) -> None:
        """Hear all of it, so that the program never waits for us to."""
        with said:
            for line in said:
                self._last = line.decode("utf-8", "replace")
                self._lines.put(self._last)
                if self._lines.qsize() > MOST_LINES:
                    self._lines.get()
