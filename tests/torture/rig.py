"""The real programs under torture: Titip in one process or in two, between the stand-ins."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from config.running import runs
from standin.control import read_entries, read_stats, set_fault, set_mode
from standin.drive import write_credentials
from tests.e2e.outage import TITIP, free_port, titip
from tests.torture.wire import LineLost, Request, Wire

ROOT = Path(__file__).resolve().parents[2]
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
[mirror]
kind = "drive"
when = "always"
[mirror.drive]
credentials = "{root}/drive.json"
endpoint = "{drive}"
creates_per_second = 500
[registry]
kind = "http"
url = "{registry}/intake"
lookup = "{registry}/intake/{{upload_id}}"
lookup_sha256 = "/sha256"
health = "{registry}/health"
[retry]
floor = "300ms"
ceiling = "3s"
[health]
slow_after = "{slow_after}ms"
cool_off = "300ms"
cool_off_ceiling = "1s"
probe_every = "200ms"
"""

SUBMITTERS = ("pair-1", "pair-2", "pair-3")


class Broken(AssertionError):
    """The programs do not do what torture relies on."""


@dataclass
class Rig:
    """The processes, and how to hurt them."""

    root: Path
    port: int
    wire: Wire
    registry: str
    drive: str
    standins: list[subprocess.Popen[bytes]]
    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    worst_start: float = 0.0
    starts: int = 0

    @property
    def config(self) -> Path:
        return self.root / "titip.toml"

    @property
    def roles(self) -> list[str]:
        return sorted(self.processes)

    def start(self, role: str) -> None:
        """Start `serve`, `gateway` or `sync`."""
        self.starts += 1
        self.processes[role] = _run(
            [role, "--config", str(self.config), "--log-json"], self.root / f"{role}.log"
        )

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
                self.worst_start = max(self.worst_start, time.monotonic() - begun)
                return
        raise Broken(f"not ready within {START_WITHIN:g} s of a start")

    def check(self) -> None:
        """Raise Broken if a program ended by itself."""
        for role, process in self.processes.items():
            if process.poll() is not None:
                tail = (self.root / f"{role}.log").read_text("utf-8", "replace")[-2000:]
                raise Broken(f"titip {role} ended by itself with {process.returncode}:\n{tail}")

    def kill(self, role: str) -> None:
        """End it as a power cut would."""
        process = self.processes.pop(role)
        process.kill()
        process.wait()

    def freeze(self, role: str) -> None:
        """Stop it in the midst of whatever it does."""
        self.processes[role].send_signal(signal.SIGSTOP)

    def thaw(self, role: str) -> None:
        """Let it go on."""
        self.processes[role].send_signal(signal.SIGCONT)

    async def end(self, role: str) -> None:
        """Ask it to end, as a service manager does; one that has only begun may just die."""
        process = self.processes.pop(role)
        process.terminate()
        code = await asyncio.to_thread(process.wait, 30)
        if code not in {0, -signal.SIGTERM}:
            raise Broken(f"titip {role} ended with {code} after SIGTERM")

    def works(self, role: str) -> bool:
        """Tell whether it has come so far that the role is its own; before, another may begin."""
        return runs(self.root / "data", role)

    async def refuses_second(self, role: str) -> bool:
        """Tell whether a second one of this role is refused on the same data."""
        second = _run([role, "--config", str(self.config)], self.root / "second.log")
        try:
            return await asyncio.to_thread(second.wait, 30) != 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            second.kill()
            second.wait()

    async def mode(self, name: str, **params: object) -> None:
        await asyncio.to_thread(set_mode, self.registry, name, **params)

    async def fault(self, name: str, **params: object) -> None:
        await asyncio.to_thread(set_fault, self.drive, name, **params)

    async def entries(self, url: str) -> list[dict[str, object]]:
        return await asyncio.to_thread(read_entries, url)

    async def stats(self, url: str) -> dict[str, object]:
        return await asyncio.to_thread(read_stats, url)

    def close(self) -> None:
        """End every process that this rig started."""
        self.wire.hang_up()
        for process in [*self.processes.values(), *self.standins]:
            process.kill()
            process.wait()
        self.processes.clear()

    @classmethod
    async def build(cls, root: Path) -> Rig:
        """Start the stand-ins, write the config, and make a token for each party."""
        port = free_port()
        standins = []
        urls = []
        for name in ("registry", "drive"):
            folder = str(root / name)
            process, url = await asyncio.to_thread(_standin, name, folder, root)
            standins.append(process)
            urls.append(url)
        registry, drive = urls
        write_credentials(root / "drive.json", drive_url=drive)
        rig = cls(root, port, Wire(port), registry, drive, standins)
        places = {"port": port, "root": root, "drive": drive, "registry": registry}
        rig.config.write_text(CONFIG.format(**places, slow_after=int(SLOW_AFTER * 1000)))
        for submitter in SUBMITTERS:
            rig.tokens[submitter] = await rig._token("lo", "--submitter", submitter)
        rig.tokens["operator"] = await rig._token("operator")
        return rig

    async def _token(self, role: str, *more: str) -> str:
        words = ("token", "create", "--role", role, *more, "--json")
        done = await asyncio.to_thread(titip, *words, config=self.config)
        return str(json.loads(done.stdout)["token"])


def _run(words: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as err:
        return subprocess.Popen(
            [*TITIP, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=err,
            cwd=ROOT,
            start_new_session=True,
        )


def _standin(name: str, folder: str, root: Path) -> tuple[subprocess.Popen[bytes], str]:
    with (root / f"standin-{name}.log").open("ab") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "config.cli", "standin", name, "--folder", folder, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    if process.stdout is None:
        raise Broken("no output of a stand-in")
    with process.stdout as said:
        return process, str(json.loads(said.readline())["url"])
