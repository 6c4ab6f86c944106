"""The stage of the demo: a registry and a Drive that are none, and a Titip that is one."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cli.demo.processes import Program
from cli.errors import CliError
from config.settings import Settings, settings_from
from config.wiring.storage import open_journal
from standin.drive.server import write_credentials
from standin.remote_control import set_fault
from storage.clock import utc_now
from titip.access import Role

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUBMITTER: Final = "Pasangan 1"
ASK_WITHIN: Final = 20.0
OK: Final = 200

SETTINGS: Final = """\
# The settings of the demo: real ones, with short times.

[gateway]
listen = "127.0.0.1:0"

[storage]
path = {data}
reserve = "64MiB"

[mirror]
kind = "drive"
after = "2s"

[mirror.drive]
credentials = {credentials}
endpoint = {drive}
creates_per_second = 100.0

[registry]
kind = "http"
url = {intake}
lookup = {lookup}
lookup_sha256 = "/sha256"
health = {health}

[retry]
floor = "1s"
ceiling = "5s"

[health]
slow_after = "2s"
cool_off = "1s"
cool_off_ceiling = "3s"
probe_every = "500ms"
"""


@dataclass(frozen=True, slots=True)
class Standins:
    """The two systems nobody has on a laptop."""

    registry: str
    drive: str


@contextmanager
def standins(folder: Path, *, flip_byte: bool) -> Iterator[Standins]:
    """Run both for the block, the registry stalled from the beginning."""

    def start(kind: str, *more: str) -> Program:
        words = ("standin", kind, "--json", "--folder", str(folder / kind), *more)
        return Program.titip(*words, log=folder / f"{kind}.log")

    with start("registry", "--mode", "stalled") as registry, start("drive") as drive:
        found = Standins(registry.url(), drive.url())
        if flip_byte:
            set_fault(found.drive, "flip_byte", honest=False)
        yield found


class Server:
    """`titip serve` as a process: started, killed, started again at the same address."""

    def __init__(self, folder: Path, there: Standins) -> None:
        """Write its settings; nothing runs yet."""
        self._folder = folder
        self.file = folder / "titip.toml"
        self.file.write_text(_settings(folder, there), "utf-8")
        self._program: Program | None = None
        self._lock = threading.Lock()
        self._is_over = False
        self.port = 0

    @property
    def settings(self) -> Settings:
        """Give its settings, as it reads them."""
        return settings_from(self.file)

    def start(self) -> None:
        """Start it and wait until it takes files in; raises CliError."""
        fixed = {"TITIP__GATEWAY__LISTEN": f"127.0.0.1:{self.port}"} if self.port else {}
        with self._lock:
            if self._is_over:
                return
            self._program = Program.titip(
                *("serve", "--config", str(self.file), "--log-json"),
                log=self._folder / "titip.log",
                variables=fixed,
            )
            self.port = urlsplit(self._program.url()).port or 0

    def kill(self) -> None:
        """End it with SIGKILL."""
        if self._program is not None:
            self._program.kill()

    def stop(self) -> None:
        """End it for good, also if another thread is just about to start it."""
        with self._lock:
            self._is_over = True
            if self._program is not None:
                self._program.stop()

    def token(self, role: Role) -> str:
        """Make a token."""
        name = SUBMITTER if role is Role.LO else ""
        with open_journal(self.settings) as services:
            _, text = asyncio.run(services.tokens.issue(role, name, now=utc_now()))
        return text

    @cached_property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(Role.OPERATOR)}"}

    def ask(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Ask the gateway for JSON, as its operator; raises CliError."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=ASK_WITHIN)
        try:
            connection.request("GET", path, headers=self._headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException) as error:
            raise CliError(f"The gateway did not answer {path}: {error}.") from error
        finally:
            connection.close()
        if response.status != OK:
            raise CliError(f"The gateway answered {response.status} to {path}.")
        return json.loads(body)


def _settings(folder: Path, there: Standins) -> str:
    credentials = folder / "drive.json"
    write_credentials(credentials, drive_url=there.drive)
    values = {
        "data": str(folder / "data"),
        "credentials": str(credentials),
        "drive": f"{there.drive}/",
        "intake": f"{there.registry}/intake",
        "lookup": f"{there.registry}/intake/{{upload_id}}",
        "health": f"{there.registry}/health",
    }
    return SETTINGS.format(**{name: json.dumps(value) for name, value in values.items()})
