"""Programs that are measured: each is a process of its own, and ends with the bench."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

START_WITHIN: Final = 30.0
STOP_WITHIN: Final = 10.0
GLANCE: Final = 0.02
LAST_WORDS: Final = 20

LOOPBACK: Final = "127.0.0.1"


class Unable(RuntimeError):
    """Something cannot be measured here; the text says why and what to do."""


@dataclass(slots=True)
class Program:
    """A running program; what it says goes down a pipe, as to any service manager.

    A log in a file on the disk that is measured would wait for that disk's syncs.
    """

    name: str
    process: subprocess.Popen[bytes]
    said: deque[bytes]

    @classmethod
    def start(
        cls,
        name: str,
        argv: Sequence[str],
        *,
        folder: Path,
        variables: Mapping[str, str] | None = None,
    ) -> Self:
        """Start it with none of the caller's TITIP variables."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TITIP")}
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**kept, **(variables or {})},
            cwd=folder,
            start_new_session=True,
        )
        said: deque[bytes] = deque(maxlen=LAST_WORDS)
        if process.stdout is not None:
            Thread(target=said.extend, args=(process.stdout,), daemon=True).start()
        return cls(name, process, said)

    def wait_for_port(self, port: int) -> None:
        """Wait until it takes connections; raises Unable when it does not."""
        deadline = time.monotonic() + START_WITHIN
        while not _listens(port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Unable(f"{self.name} did not start: {self.last_words()}")
            time.sleep(GLANCE)

    def last_words(self) -> str:
        """Give the end of what it said."""
        return self.said[-1].decode("utf-8", "replace").strip() if self.said else "it said nothing"

    def cpu_seconds(self) -> float | None:
        """Tell the processor time that it and its threads took so far; None where unknown."""
        return cpu_seconds_of(self.process.pid)

    def peak_bytes(self) -> float | None:
        """Tell the most memory it held since `forget_peak`; None where unknown."""
        return peak_bytes_of(self.process.pid)

    def forget_peak(self) -> None:
        """Begin anew with the peak, where the system can."""
        with suppress(OSError):
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", "ascii")

    def stop(self) -> None:
        """Ask it to end, and end it if it does not."""
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def cpu_seconds_of(pid: int) -> float | None:
    """Read the processor time of a process from /proc."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes_of(pid: int) -> float | None:
    """Read the peak of a process's memory from /proc."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return float(found[0]) * 1024 if found else None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
