"""The real programs under torture: Titip in one process or in two, between the stand-ins."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.demo.processes import Program
from config.runtime.processes import runs
from standin.drive.server import write_credentials
from standin.remote_control import read_entries, set_fault
from tests.e2e.outage import titip
from tests.ports import free_port
from tests.torture.far import Far, Kind, PlainRegistry
from tests.torture.processes import Broken, run_standin
from tests.torture.tus_far import TusRegistry
from tests.torture.uptime import Uptime
from tests.torture.wire import LineLost, Request, Wire

if TYPE_CHECKING:
    from pathlib import Path

START_WITHIN = 60.0
GLANCE = 0.02

SLOW_AFTER = 1.5
ANSWER_WITHIN = 2 * SLOW_AFTER
LEASE = 3 * SLOW_AFTER

CONFIG = """
[gateway]
listen = "127.0.0.1:{port}"
[storage]
path = "{root}/data"
reserve = "1MiB"
keep_after_delivery = "{kept}"
[mirror]
kind = "drive"
when = "always"
[mirror.drive]
credentials = "{root}/drive.json"
endpoint = "{drive}"
creates_per_second = 500
[retry]
floor = "300ms"
ceiling = "3s"
[health]
slow_after = "{slow_after}ms"
cool_off = "300ms"
cool_off_ceiling = "1s"
probe_every = "200ms"
{registry}"""

KEPT = "20s"
"""How long bytes stay after their delivery; each start, and each minute, frees what is due."""

SUBMITTERS = ("pair-1", "pair-2", "pair-3")


@dataclass
class Rig:
    """The processes, and how to hurt them."""

    root: Path
    port: int
    wire: Wire
    far: Far
    kind: Kind
    drive: str
    standin: Program
    uptime: Uptime = field(default_factory=Uptime)
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    programs: dict[str, Program] = field(default_factory=dict)
    last_start: float = 0.0
    worst_start: float = 0.0
    starts: int = 0

    @property
    def config(self) -> Path:
        return self.root / "titip.toml"

    @property
    def roles(self) -> list[str]:
        return sorted(self.programs)

    def start(self, role: str) -> None:
        """Start `serve`, `gateway` or `sync`."""
        self.starts += 1
        words = (role, "--config", str(self.config), "--log-json")
        self.programs[role] = Program.titip(*words, log=self.root / f"{role}.log")

    async def ready(self) -> None:
        """Wait until requests are answered; keep the longest time that took."""
        begun = time.monotonic()
        while time.monotonic() < begun + START_WITHIN:
            self.check()
            try:
                answer = await self.wire.ask(Request("GET", "/readyz"), within=START_WITHIN)
            except LineLost:
                await asyncio.sleep(GLANCE)
                continue
            if answer.status == 200:
                self.last_start = time.monotonic() - begun
                self.worst_start = max(self.worst_start, self.last_start)
                self.uptime.well()
                return
        raise Broken(f"not ready within {START_WITHIN:g} s of a start")

    def check(self) -> None:
        """Raise Broken if a program ended by itself."""
        for role, program in self.programs.items():
            if (code := program.process.poll()) is not None:
                tail = (self.root / f"{role}.log").read_text("utf-8", "replace")[-2000:]
                raise Broken(f"titip {role} ended by itself with {code}:\n{tail}")

    def kill(self, role: str) -> None:
        """End it as a power cut would."""
        self._hurt(role)
        self.programs.pop(role).kill()

    def freeze(self, role: str) -> None:
        """Stop it in the midst of whatever it does."""
        self._hurt(role)
        self.programs[role].process.send_signal(signal.SIGSTOP)

    def thaw(self, role: str) -> None:
        """Let it go on."""
        self.programs[role].process.send_signal(signal.SIGCONT)

    async def end(self, role: str) -> None:
        """Ask it to end, as a service manager does; one that has only begun may just die."""
        self._hurt(role)
        process = self.programs.pop(role).process
        process.terminate()
        code = await asyncio.to_thread(process.wait, 30)
        if code not in {0, -signal.SIGTERM}:
            raise Broken(f"titip {role} ended with {code} after SIGTERM")

    def works(self, role: str) -> bool:
        """Tell whether it has come so far that the role is its own; before, another may begin."""
        return runs(self.root / "data", role)

    async def refuses_second(self, role: str) -> bool:
        """Tell whether a second one of this role is refused on the same data."""
        log = self.root / "second.log"
        second = Program.titip(role, "--config", str(self.config), log=log)
        try:
            return await asyncio.to_thread(second.process.wait, 30) != 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            second.kill()

    def _hurt(self, role: str) -> None:
        if role != "sync":
            self.uptime.hurt()

    async def fault(self, name: str, **params: object) -> None:
        await asyncio.to_thread(set_fault, self.drive, name, **params)

    async def mirrored(self) -> list[dict[str, object]]:
        """Give what the Drive holds."""
        return await asyncio.to_thread(read_entries, self.drive)

    async def operate(self, *words: str) -> str:
        """Run a command as an operator does."""
        done = await asyncio.to_thread(titip, *words, config=self.config)
        return done.stdout

    async def close(self) -> None:
        """End every process that this rig started."""
        self.wire.hang_up()
        for program in [*self.programs.values(), self.standin]:
            program.kill()
        self.programs.clear()
        await self.far.close()

    @classmethod
    async def build(cls, root: Path, kind: Kind) -> Rig:
        """Start what is around Titip, write the config, and make a token for each party."""
        port = free_port()
        standin, drive = await asyncio.to_thread(run_standin, "drive", root)
        write_credentials(root / "drive.json", drive_url=drive)
        rig = cls(root, port, Wire(port), await _far(root, kind), kind, drive, standin)
        places = {"port": port, "root": root, "drive": drive, "kept": KEPT}
        slow_after = int(SLOW_AFTER * 1000)
        text = CONFIG.format(**places, slow_after=slow_after, registry=rig.far.settings)
        rig.config.write_text(text)
        for submitter in SUBMITTERS:
            rig.tokens[submitter] = await rig._token("lo", "--submitter", submitter)
        rig.tokens["operator"] = await rig._token("operator")
        return rig

    async def _token(self, role: str, *more: str) -> str:
        words = ("token", "create", "--role", role, *more, "--json")
        done = await asyncio.to_thread(titip, *words, config=self.config)
        return str(json.loads(done.stdout)["token"])


async def _far(root: Path, kind: Kind) -> Far:
    if kind is Kind.TUS:
        return await TusRegistry.begin(root / "far")
    return await PlainRegistry.begin(root, proved=kind is Kind.DIGEST)
