"""How fast sealed files are passed on: into a registry, a folder and a Drive that stand in.

The files are handed in first, then `titip sync` starts; the clock runs from the first delivery
that is seen to the last, so that starting up does not count.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from itertools import count
from typing import TYPE_CHECKING, Final

from bench.contests.small import SIZE
from bench.figures import Contest
from bench.process import RUN_WITHIN, Measured
from bench.servers import Titip, gateway, measured
from bench.turns import in_turn
from cli.demo.processes import Program
from cli.demo.proxy import LOOPBACK
from cli.errors import CliError
from standin.drive.server import write_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bench.servers import Server

FILES: Final = 500
GLANCE: Final = 0.05

KINDS: Final = {
    "registry": "into a registry over HTTP, which looks at its digest",
    "folder": "into the folder mirror, each copy synced and read back",
    "drive": "into a Drive that stands in (the real one allows about 3 new files a second)",
}

_NUMBERS = count()


def contests(sources: Mapping[str, Path], folder: Path, *, runs: int) -> Iterator[Contest]:
    """Measure every kind of destination."""
    for kind, told in KINDS.items():
        contestants = {
            name: partial(_deliver, kind, source, folder) for name, source in sources.items()
        }
        lines = in_turn(contestants, runs=runs, warm_up=False)
        yield Contest(f"{FILES} sealed files of 20 KB {told}", "files/s", lines)


def _deliver(kind: str, source: Path, root: Path) -> dict[str, float]:
    folder = root / f"delivery-{next(_NUMBERS)}"
    folder.mkdir()
    with _destination(kind, folder) as variables:
        titip = Titip(folder / "titip", source, variables)
        with gateway("Titip", titip) as server:
            measured(server, server.plan("post", size=SIZE, files=FILES, connections=8))
            token = titip.token("operator")
            with titip.start("sync") as sync:
                name = "registry" if kind == "registry" else "mirror"
                return _Watch(server, token, sync).rate(name)


class _Watch:
    """Looks at the counts of the gateway, and at what the sync daemon spends."""

    def __init__(self, server: Server, token: str, sync: Measured) -> None:
        self._sync = sync
        self._connection = HTTPConnection(LOOPBACK, server.port, timeout=10)
        self._headers = {"Authorization": f"Bearer {token}"}

    def rate(self, destination: str) -> dict[str, float]:
        """Give the deliveries in a second between the first that is seen and the last."""
        deadline = time.perf_counter() + RUN_WITHIN
        first: tuple[float, float, int] | None = None
        while (now := time.perf_counter()) < deadline:
            delivered = self._delivered(destination)
            cpu = self._sync.cpu_seconds() or 0.0
            if first is None and delivered:
                first = (now, cpu, delivered)
            if first is not None and delivered == FILES:
                begun, spent, already = first
                more = max(FILES - already, 1)
                return {"rate": more / max(now - begun, GLANCE), "cpu": (cpu - spent) / more}
            time.sleep(GLANCE)
        raise CliError(f"not everything arrived at {destination} within {RUN_WITHIN:g} s")

    def _delivered(self, destination: str) -> int:
        self._connection.request("GET", "/api/status", headers=self._headers)
        status = json.loads(self._connection.getresponse().read())
        found = [one for one in status["destinations"] if one["name"] == destination]
        return int(found[0]["counts"].get("delivered", 0)) if found else 0


@contextmanager
def _destination(kind: str, folder: Path) -> Iterator[Mapping[str, str]]:
    if kind == "folder":
        yield {"TITIP__MIRROR__WHEN": "always"}
        return
    with Program.titip(
        *("standin", kind, "--folder", str(folder / "kept")), log=folder / "standin.log"
    ) as far:
        url = far.url()
        yield _registry(url) if kind == "registry" else _drive(url, folder / "drive.json")


def _registry(url: str) -> Mapping[str, str]:
    return {
        "TITIP__MIRROR__WHEN": "never",
        "TITIP__REGISTRY__KIND": "http",
        "TITIP__REGISTRY__URL": f"{url}/intake",
        "TITIP__REGISTRY__LOOKUP": f"{url}/intake/{{upload_id}}",
        "TITIP__REGISTRY__LOOKUP_SHA256": "/sha256",
        "TITIP__REGISTRY__HEALTH": f"{url}/health",
    }


def _drive(url: str, credentials: Path) -> Mapping[str, str]:
    write_credentials(credentials, drive_url=url)
    return {
        "TITIP__MIRROR__WHEN": "always",
        "TITIP__MIRROR__KIND": "drive",
        "TITIP__MIRROR__DRIVE__CREDENTIALS": str(credentials),
        "TITIP__MIRROR__DRIVE__ENDPOINT": f"{url}/",
        "TITIP__MIRROR__DRIVE__CREATES_PER_SECOND": "1000",
    }
