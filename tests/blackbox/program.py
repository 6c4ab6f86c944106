"""A `titip serve` as a process, reached as a person and a client reach it.

`TITIP_TREE` names another checkout with a `.venv` of its own: the same tests then run against that
build, which shows what an older one made of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.demo.processes import Program
from tests.ports import free_port
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWN_TREE = Path(__file__).parents[2]
TREE = Path(os.environ.get("TITIP_TREE", OWN_TREE))
PYTHON = sys.executable if TREE == OWN_TREE else str(TREE / ".venv" / "bin" / "python")
MAIN = "cli.main" if (TREE / "cli").is_dir() else "config.cli"  # where it was in older trees
TITIP = [PYTHON, "-m", MAIN]

BASE = """
[gateway]
listen = "127.0.0.1:{port}"
auth = "none"
[storage]
path = "{data}"
reserve = "1MiB"
[retry]
floor = "1s"
ceiling = "4s"
[health]
slow_after = "2s"
cool_off = "1s"
cool_off_ceiling = "4s"
probe_every = "500ms"
"""


@dataclass
class Titip:
    """A data folder, its settings, and the process that serves it."""

    root: Path
    config: Path
    url: str
    variables: Mapping[str, str] = field(default_factory=dict)
    program: Program | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self.program is not None
        return self.program.process

    @property
    def log(self) -> Path:
        return self.root / "serve.log"

    @property
    def logged(self) -> str:
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    @property
    def alive(self) -> bool:
        return self.program is not None and self.process.poll() is None

    def start(self, *words: str, ready: bool = True, into: int | None = None) -> None:
        """Begin to serve; `words` in place of `serve`, `into` an open file in place of the log."""
        with self.log.open("ab") if into is None else os.fdopen(os.dup(into), "ab") as log:
            self.program = Program(
                [*TITIP, *(words or ("serve",)), "--config", str(self.config), "--log-json"],
                name="titip",
                into=log,
                folder=TREE,
                variables=self.variables,
            )
        if ready:
            wait_for(lambda: not self.alive or self.is_ready(), within=30)
            assert self.alive, self.logged[-3000:]

    def is_ready(self) -> bool:
        return self.status("/readyz") == 200

    def status(self, path: str) -> int:
        """Give the status of a GET, 0 where nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def stop(self, *, within: float = 20) -> int:
        """End it as a supervisor does; give its exit code."""
        self.process.terminate()
        return self.process.wait(within)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command on this data folder."""
        named = [] if words[0] == "push" else ["--config", str(self.config)]
        done = subprocess.run(
            [*TITIP, *words, *named],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=TREE,
            env={**os.environ, **self.variables},
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def read(self, *words: str) -> Any:
        """Run a command with `--json` and give what it printed."""
        return json.loads(self.run(*words, "--json").stdout)

    def hand_in(self, data: bytes, name: str = "ktp.jpg") -> str:
        """Hand a file in, and give its id."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.url}/files/{name}", data=data, method="PUT"
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return str(answer.headers["Location"]).rstrip("/").rpartition("/")[2]

    def delivery(self, upload: str, to: str = "registry") -> dict[str, Any]:
        """Give one delivery as it is told over HTTP: a command would cost a second each time."""
        with urllib.request.urlopen(f"{self.url}/api/uploads/{upload}", timeout=30) as answer:  # noqa: S310
            rows = json.load(answer)["deliveries"]
        (found,) = [row for row in rows if row["destination"] == to]
        return dict(found)

    def until(self, upload: str, *states: str, to: str = "registry", within: float = 30) -> Any:
        """Wait until a delivery is in one of the states, and give it."""

        def there() -> Any:
            assert self.alive, self.logged[-3000:]
            found = self.delivery(upload, to)
            return found if found["state"] in states else None

        return wait_for(there, within=within, glance=0.05)


@contextmanager
def titip(
    root: Path, settings: str = "", *, start: bool = True, **variables: str
) -> Iterator[Titip]:
    """Serve a data folder below `root` with these settings besides the base ones."""
    port = free_port()
    config = root / "titip.toml"
    config.write_text(BASE.format(port=port, data=root / "data") + settings, "utf-8")
    served = Titip(root, config, f"http://127.0.0.1:{port}", variables)
    try:
        if start:
            served.start()
        yield served
    finally:
        if served.program is not None:
            served.kill()
