"""`titip gateway` as a process, on a disk that is recorded."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.demo.processes import Program, without_variables
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

TOKEN_OR_ADDRESS = r"(titip_[0-9a-f]{8}_\S+)|at (http://[^/\s]+)/files/"


def data_folder(top: Path) -> Path:
    """Give the data folder below a disk's top: two folders down, and none of them is there yet."""
    return top / "srv" / "titip"


@dataclass
class Gateway:
    """A running gateway."""

    program: Program
    url: str

    def kill(self) -> None:
        self.program.kill()

    def stop(self) -> None:
        self.program.process.terminate()
        self.program.process.wait(BOUND)


@contextmanager
def started(
    top: Path, room: Path, *, shown: Callable[[str], None], mutant: Mutant = Mutant.NONE
) -> Iterator[Gateway]:
    """Start it, tell `shown` of a token as soon as it stands on the screen, and kill it at last."""
    room.mkdir(exist_ok=True)
    config = room / "titip.toml"
    config.write_text(CONFIG.format(data=data_folder(top)))
    command = [sys.executable, "-m", "tests.powercut.mutant", mutant.value]
    with without_variables("COVERAGE"):
        program = Program(
            [*command, "gateway", "--config", str(config), "--log-json"],
            name="titip gateway",
            log=room / "gateway.log",
            folder=HERE,
        )
    try:
        while not (found := program.line(TOKEN_OR_ADDRESS, within=BOUND))[2]:
            shown(found[1])
        yield Gateway(program, found[2])
    finally:
        program.kill()
