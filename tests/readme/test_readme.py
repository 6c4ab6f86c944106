"""README.md's commands, typed in a fresh clone in their order, show what stands below them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from cli.demo.processes import Program
from tests.ports import free_port
from tests.readme.transcripts import Step, fits, steps_of
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

ROOT: Final = Path(__file__).parents[2]
BASH: Final = shutil.which("bash") or "bash"
GIT: Final = shutil.which("git") or "git"
STAYS: Final = ("make serve", "titip standin registry")
"""What goes on until Ctrl-C: the reader has a terminal for each."""

WAITS: Final = {"titip status": 150.0, "titip receipt": 150.0}
"""What is looked at until it shows what stands there: seconds."""

PORTS: Final = ("8080", "9001")


@dataclass
class Reader:
    """Somebody who types the page's commands, with the ports that are free here."""

    clone: Path
    ports: dict[str, str]
    terminals: dict[str, Program] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        return {
            "PATH": f"{self.clone / '.venv' / 'bin'}:{os.environ['PATH']}",
            "TITIP__GATEWAY__LISTEN": f"127.0.0.1:{self.ports['8080']}",
            "TITIP__HEALTH__SLOW_AFTER": "3s",  # who reads the page waits ten times as long
            "MAKEFLAGS": "",  # another make may run the tests
            "MAKELEVEL": "",
            "COLUMNS": "200",
            "PYTHONUNBUFFERED": "1",
        }

    def here(self, text: str) -> str:
        for port, free in self.ports.items():
            text = text.replace(port, free)
        return text

    def type(self, step: Step) -> None:
        """Type a command; raises AssertionError where it shows anything else."""
        shown = [self.here(line) for line in step.shown]
        command = re.sub(r"\b[0-9a-f]{8}\b", self.newest, self.here(step.command))
        if command.startswith(STAYS):
            self.let_run(command, shown)
            return
        within = next((time for word, time in WAITS.items() if command.startswith(word)), 0.0)
        self.look(lambda: self.output_of(command), command, shown, within=within)

    def look(
        self, came: Callable[[], list[str]], command: str, shown: list[str], *, within: float
    ) -> None:
        """Look until it shows what stands there."""
        found: list[str] = []

        def looks() -> bool:
            found[:] = came()
            return fits(shown, found)

        try:
            wait_for(looks, within=within, glance=0.3)
        except TimeoutError:
            raise AssertionError("\n".join([command, *found, "instead of", *shown])) from None

    def newest(self, _: re.Match[str]) -> str:
        """Name the last upload in the place of the page's."""
        return str(
            json.loads("\n".join(self.output_of("titip uploads --json")))["uploads"][0]["id"]
        )

    def let_run(self, command: str, shown: list[str]) -> None:
        """Begin what goes on, in the place of what went on under the same name."""
        name = next(word for word in STAYS if command.startswith(word))
        if name in self.terminals:
            interrupt(self.terminals.pop(name))
        log = self.clone / f"{name.replace(' ', '-')}.out"
        log.unlink(missing_ok=True)
        self.terminals[name] = Program(
            [BASH, "-c", f"{command} > {log.name!r}"],
            name=name,
            folder=self.clone,
            variables=self.variables,
        )
        self.look(
            lambda: log.read_text("utf-8").splitlines() if log.is_file() else [],
            command,
            shown,
            within=60,
        )

    def output_of(self, command: str) -> list[str]:
        done = subprocess.run(
            [BASH, "-o", "pipefail", "-c", command],
            cwd=self.clone,
            env={**os.environ, **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # as on a terminal
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, command + done.stdout
        return done.stdout.splitlines()


def interrupt(program: Program) -> None:
    """Press Ctrl-C in its terminal, which all of its processes hear."""
    os.killpg(program.process.pid, signal.SIGINT)
    program.process.wait(30)


@pytest.fixture
def reader(tmp_path, uncounted) -> Iterator[Reader]:
    """A clone of this folder as it is, of what git knows alone."""
    clone = tmp_path / "titip"
    listed = subprocess.run(
        [GIT, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    found = Reader(clone, {port: str(free_port()) for port in PORTS})
    yield found
    for program in found.terminals.values():
        interrupt(program)


def test_every_command_of_the_readme_works_and_shows_what_stands_there(reader):
    page = (ROOT / "README.md").read_text("utf-8")
    steps = steps_of(page)
    assert len(steps) > 10

    for step in steps:
        reader.type(step)
