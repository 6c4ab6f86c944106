"""Real processes for the outage story: `titip serve` on its data folder, between the stand-ins."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import urllib.request
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.demo.processes import TITIP, Program
from standin.drive.server import RunningDrive, serve_drive, write_credentials
from standin.registry.server import RunningRegistry, serve_registry
from tests.ports import free_port
from tests.waiting import until, wait_for

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
[gateway]
listen = "127.0.0.1:{port}"
[storage]
path = "{data}"
reserve = "1MiB"
[mirror]
kind = "drive"
when = "stalled"
after = "{after}"
[mirror.drive]
credentials = "{credentials}"
endpoint = "{drive}"
creates_per_second = 500
[registry]
kind = "http"
url = "{registry}/intake"
lookup = "{registry}/intake/{{upload_id}}"
lookup_sha256 = "/sha256"
health = "{registry}/health"
[retry]
floor = "500ms"
ceiling = "5s"
[health]
slow_after = "1s"
cool_off = "500ms"
cool_off_ceiling = "2s"
probe_every = "200ms"
"""


def titip(
    *args: str, config: Path, check: bool = True, **kwargs
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as a person would."""
    done = subprocess.run(
        [*TITIP, *args, *([] if args[0] == "push" else ["--config", str(config)])],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **kwargs,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@dataclass
class Server:
    """A `titip serve` that can be killed and started again on the same port and data."""

    config: Path
    url: str
    log: Path
    program: Program | None = None
    kills: int = 0

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self.program is not None
        return self.program.process

    def start(self) -> None:
        words = ("serve", "--config", str(self.config), "--log-json")
        self.program = Program.titip(*words, log=self.log)

    def ready(self, *, within: float = 30) -> None:
        wait_for(self._answers, within=within)

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        with suppress(OSError), urllib.request.urlopen(self.url + "/readyz"):  # noqa: S310
            return True
        return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def stop(self, *, within: float = 15) -> int:
        self.process.terminate()
        return self.process.wait(within)


@dataclass
class Outage:
    """Everything the story needs, on loopback."""

    root: Path
    config: Path
    server: Server
    registry: RunningRegistry
    drive: RunningDrive
    lo: str = field(default="", repr=False)
    operator: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        return self.server.url

    def command(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return titip(*args, config=self.config, check=check)

    async def run(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command while the stand-ins of this process go on."""
        return await asyncio.to_thread(self.command, *args, check=check)

    def push_command(self, *paths: Path, parallel: int = 4) -> list[str]:
        state = str(self.root / "push.db")
        return [
            *TITIP,
            "push",
            *map(str, paths),
            "--to",
            self.url,
            "--state",
            state,
            "--parallel",
            str(parallel),
        ]

    async def push(self, *paths: Path, parallel: int = 4) -> tuple[int, str]:
        process = await self.begin_push(*paths, parallel=parallel)
        out, _ = await process.communicate()
        return process.returncode or 0, out.decode()

    async def begin_push(self, *paths: Path, parallel: int = 4) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self.push_command(*paths, parallel=parallel),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "TITIP_TOKEN": self.lo, "HOME": str(self.root)},
        )

    def ask(self, path: str, *, token: str | None = None):
        return json.loads(self.text(path, token=token))

    def text(self, path: str, *, token: str | None = None) -> str:
        request = urllib.request.Request(  # noqa: S310 - our own loopback server
            self.url + path,
            headers={"Authorization": f"Bearer {token or self.operator}"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return str(answer.read(), "utf-8")

    async def counts(self, destination: str) -> dict[str, int]:
        status = await asyncio.to_thread(self.ask, "/api/status")
        (one,) = [row for row in status["destinations"] if row["name"] == destination]
        return {state: count for state, count in one["counts"].items() if count}

    async def until(self, fact, *, within: float):
        """Wait until an async fact holds; a server that is down for a moment has no facts."""

        async def holds():
            try:
                return await fact()
            except OSError:
                return False

        try:
            await until(holds, within=within, glance=0.1)
        except TimeoutError:
            tail = self.server.log.read_text()[-3000:]
            raise TimeoutError(f"not within {within} s; the server's log ends:\n{tail}") from None

    async def all_delivered(self, number: int) -> bool:
        return await self.counts("registry") == {"delivered": number}


@asynccontextmanager
async def outage(root: Path, *, after: str = "1s"):
    """Set the scene: both stand-ins, a config, tokens, and a server that is ready."""
    async with serve_registry() as registry, serve_drive() as drive:
        port = free_port()
        credentials = root / "drive.json"
        write_credentials(credentials, drive_url=drive.url)
        config = root / "titip.toml"
        config.write_text(
            CONFIG.format(
                port=port,
                data=root / "data",
                credentials=credentials,
                drive=drive.url,
                registry=registry.url,
                after=after,
            ),
        )
        server = Server(config, f"http://127.0.0.1:{port}", root / "server.log")
        scene = Outage(root, config, server, registry, drive)
        server.start()
        try:
            await asyncio.to_thread(server.ready)
            scene.lo = await _token(scene, "--role", "lo", "--submitter", "pair-1")
            scene.operator = await _token(scene, "--role", "operator")
            yield scene
        finally:
            if server.process.poll() is None:
                await asyncio.to_thread(server.stop)


async def _token(scene: Outage, *args: str) -> str:
    done = await scene.run("token", "create", *args, "--json")
    return str(json.loads(done.stdout)["token"])
