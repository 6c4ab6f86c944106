"""The servers that are measured: Titip, and whatever is set beside it."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.load import Plan
from bench.process import Measured, run
from cli.demo.proxy import LOOPBACK
from tests.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE: Final = Path(__file__).resolve().parent.parent
"""The source tree that this bench lies in."""

MIB: Final = 1 << 20
BIG: Final = 100 * MIB


@dataclass(frozen=True, slots=True)
class Server:
    """A running tus server: where it takes files in, and where it puts them."""

    name: str
    program: Measured
    port: int
    path: str
    folder: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def plan(self, way: str, *, size: int, **more: int) -> Plan:
        """Plan work for it."""
        return Plan(
            port=self.port, path=self.path, headers=self.headers, way=way, size=size, **more
        )

    def big_files(self) -> Iterator[Path]:
        """Find the files that are much too large for a database or a log."""
        for path in self.folder.rglob("*"):
            if path.is_file() and path.stat().st_size > BIG:
                yield path


@dataclass(frozen=True, slots=True)
class Titip:
    """A source tree of Titip, with the settings of one measurement."""

    folder: Path
    source: Path = HERE
    variables: Mapping[str, str] = field(default_factory=dict)

    def argv(self, *words: str) -> list[str]:
        """Give the command line of a command of it."""
        code = f"import sys; sys.path.insert(0, {str(self.source)!r}); from cli.main import main"
        return [sys.executable, "-P", "-c", f"{code}; main()", *words]

    def start(self, command: str, **more: str) -> Measured:
        """Start a command of it."""
        return Measured(
            self.argv(command), name=command, folder=self.folder, variables=self._settings(more)
        )

    def ask(self, *words: str) -> str:
        """Run a command of it and give what it says; raises CliError."""
        what = f"titip {' '.join(words)}"
        return run(self.argv(*words), what, folder=self.folder, **self._settings({}))

    def token(self, role: str) -> str:
        """Make a token."""
        whose = ("--submitter", "Pair 1") if role == "lo" else ()
        return self.ask("token", "create", "--role", role, *whose).split()[0]

    def _settings(self, more: Mapping[str, str]) -> dict[str, str]:
        fixed = {"TITIP__STORAGE__PATH": str(self.folder / "data"), "TITIP__STORAGE__RESERVE": "0"}
        return {**fixed, **self.variables, **more}


@contextmanager
def gateway(name: str, titip: Titip, *, note: str = "") -> Iterator[Server]:
    """Run Titip's gateway, as an LO's device sees it: with a token."""
    titip.folder.mkdir(parents=True)
    port = free_port()
    token = titip.token("lo")
    with titip.start("gateway", TITIP__GATEWAY__LISTEN=f"{LOOPBACK}:{port}") as program:
        program.wait_for_port(port)
        headers = {"Authorization": f"Bearer {token}"}
        yield Server(name, program, port, "/files/", titip.folder / "data", headers, note)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another tus server. In `argv` {port} and {folder} stand for what they are to be."""

    name: str
    argv: tuple[str, ...]
    path: str
    note: str

    @contextmanager
    def running(self, folder: Path) -> Iterator[Server]:
        """Run it over an empty folder."""
        folder.mkdir(parents=True)
        kept = folder / "files"
        kept.mkdir()
        port = free_port()
        argv = [word.format(port=port, folder=kept) for word in self.argv]
        with Measured(argv, name=self.name, folder=folder) as program:
            program.wait_for_port(port)
            yield Server(self.name, program, port, self.path, kept, note=self.note)


def measured(server: Server, plan: Plan) -> dict[str, float]:
    """Have the load generator carry a plan out; give its figures, and what the server spent."""
    server.program.forget_peak()
    before = server.program.cpu_seconds()
    said = run(
        [sys.executable, "-m", "bench.load"],
        f"{server.name} under {plan.way}",
        folder=HERE,
        told=json.dumps({**asdict(plan), "headers": dict(plan.headers)}),
    )
    figures: dict[str, Any] = json.loads(said)
    after, peak = server.program.cpu_seconds(), server.program.peak_bytes()
    if before is not None and after is not None:
        figures["cpu"] = (after - before) / plan.files
    if peak is not None:
        figures["peak_mib"] = peak / MIB
    return figures
