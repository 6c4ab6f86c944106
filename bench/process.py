"""Programs that are measured: each is a process of its own, and ends with the bench."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.demo.processes import START_WITHIN, Program, until
from cli.demo.proxy import LOOPBACK
from cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Sequence

RUN_WITHIN: Final = 180.0
"""Seconds after which a run is given up."""


class Measured(Program):
    """A running program; what it says goes down a pipe, as to any service manager.

    A log in a file on the disk that is measured would wait for that disk's syncs.
    """

    def wait_for_port(self, port: int) -> None:
        """Wait until it takes connections; raises CliError when it does not."""

        def look() -> bool:
            if self.process.poll() is not None:
                raise CliError(f"{self.name} did not start: {self.last_words()}")
            return _listens(port)

        until(f"{self.name} to start", look, within=START_WITHIN)

    def cpu_seconds(self) -> float | None:
        """Tell the processor time that it and its threads took so far; None where unknown."""
        fields = _read_proc(self.process.pid, "stat").rpartition(")")[2].split()
        if not fields:
            return None
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self) -> float | None:
        """Tell the most memory it held since `forget_peak`; None where unknown."""
        return memory_of(self.process.pid, "VmHWM")

    def forget_peak(self) -> None:
        """Begin anew with the peak, where the system can."""
        with suppress(OSError):
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", "ascii")


def run(
    argv: Sequence[str], what: str, *, folder: Path, told: str | None = None, **variables: str
) -> str:
    """Run a program to its end and give what it said; raises CliError if it failed."""
    done = subprocess.run(
        list(argv),
        input=told,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **variables},
        timeout=RUN_WITHIN,
    )
    if done.returncode != 0:
        raise CliError(f"{what} failed: {done.stderr.strip()[-600:]}")
    return done.stdout


def memory_of(pid: int, which: str) -> int | None:
    """Read a size of a process's memory in bytes from /proc: VmHWM (the peak), VmRSS (now)."""
    lines = _read_proc(pid, "status").splitlines()
    found = [line.split()[1] for line in lines if line.startswith(f"{which}:")]
    return int(found[0]) * 1024 if found else None


def _read_proc(pid: int, name: str) -> str:
    """Read what the system tells of a process; nothing where it tells nothing."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text("ascii", "replace")
    except OSError:
        return ""


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
