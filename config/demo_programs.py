"""The programs of the demo: real processes, which end with it whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from config.cli_errors import Complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

T = TypeVar("T")

GLANCE: Final = 0.05
START_WITHIN: Final = 30.0
STOP_WITHIN: Final = 3.0

_ROOT: Final = str(Path(__file__).resolve().parent.parent)
_TITIP: Final = (
    sys.executable,
    "-P",  # whatever folder the demo is run in: nothing in it is taken for a part of Titip
    "-c",
    f"import sys; sys.path.append({_ROOT!r}); from config.cli import main; main()",
)


def until(what: str, fact: Callable[[], T | None], *, within: float) -> T:
    """Wait until there is a fact, and give it; raises Complaint after so many seconds."""
    deadline = time.monotonic() + within
    while (found := fact()) is None:
        if time.monotonic() > deadline:
            raise Complaint(f"Waited {within:g} s in vain: {what}.")
        time.sleep(GLANCE)
    return found


@dataclass(slots=True)
class Program:
    """One `titip ...` with its output in two files."""

    words: tuple[str, ...]
    output: Path
    log: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(
        cls, *words: str, folder: Path, name: str, variables: Mapping[str, str] | None = None
    ) -> Program:
        """Start it in a group of its own, where no Ctrl-C reaches it but ours."""
        output, log = folder / f"{name}.out", folder / f"{name}.log"
        with output.open("wb") as out, log.open("ab") as err:
            process = _popen(words, out, err, {**os.environ, **(variables or {})})
        return cls(words, output, log, process)

    def first_line(self, beginning: str) -> str:
        """Wait for the line of its output that begins so; raises Complaint if it ends before."""

        def look() -> str | None:
            over = self.process.poll() is not None
            lines = self.output.read_text("utf-8", "replace").splitlines(keepends=True)
            for line in lines:
                if line.startswith(beginning) and line.endswith("\n"):
                    return line.strip()
            if over:
                raise Complaint(f"titip {' '.join(self.words)} ended: {self.last_words()}")
            return None

        return until(f"titip {self.words[0]} to start", look, within=START_WITHIN)

    def url(self) -> str:
        """Wait for the address of a stand-in."""
        return str(json.loads(self.first_line("{"))["url"])

    def last_words(self) -> str:
        """Give the end of its log."""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return lines[-1] if lines else "it said nothing"

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


def _popen(
    words: tuple[str, ...], out: IO[bytes], err: IO[bytes], variables: dict[str, str]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own program, with words of ours
        [*_TITIP, *words],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        env=variables,
        start_new_session=True,
    )


def end_quietly(program: Program) -> None:
    """Stop a program at the end of the demo, whatever state it is in."""
    with suppress(OSError):
        program.stop()
