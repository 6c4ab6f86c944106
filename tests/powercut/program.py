"""`titip gateway` as a process, on a disk that is recorded."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from tests.powercut.disks import HERE
from tests.powercut.mutant import Mutant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BOUND = 30.0

CONFIG = """
[gateway]
listen = "127.0.0.1:0"
[storage]
path = "{data}"
reserve = "0B"
"""

TOKEN = re.compile(r"titip_[0-9a-f]{8}_\S+")
ADDRESS = re.compile(r"at (http://[^/\s]+)/files/")


def data_folder(top: Path) -> Path:
    """Give the data folder below a disk's top: two folders down, and none of them is there yet."""
    return top / "srv" / "titip"


@dataclass
class Program:
    """A running gateway, and its log."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(BOUND)


@contextmanager
def started(
    top: Path, room: Path, *, shown: Callable[[str], None], mutant: Mutant = Mutant.NONE
) -> Iterator[Program]:
    """Start it, tell `shown` of a token as soon as it stands on the screen, and kill it at last."""
    room.mkdir(exist_ok=True)
    config, log = room / "titip.toml", room / "gateway.log"
    config.write_text(CONFIG.format(data=data_folder(top)))
    command = [sys.executable, "-m", "tests.powercut.mutant", mutant.value]
    quiet = {key: text for key, text in os.environ.items() if not key.startswith("COVERAGE")}
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [*command, "gateway", "--config", str(config), "--log-json"],
            cwd=HERE,
            env=quiet,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield Program(process, _address(process, shown, log), log)
        finally:
            process.kill()


def _address(process: subprocess.Popen[str], shown: Callable[[str], None], log: Path) -> str:
    lines: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put("")

    Thread(target=read, daemon=True).start()
    try:
        while line := lines.get(timeout=BOUND):
            if token := TOKEN.search(line):
                shown(token[0])
            if address := ADDRESS.search(line):
                return address[1]
    except Empty:
        pass
    raise RuntimeError(f"the gateway did not start: {log.read_text()[-2000:]}")
