"""One served process and one scripted registry, with many files: their names say what each gets."""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tests.blackbox.hostile_server import Asked, HostileServer, hostile_server
from tests.blackbox.program import Titip, titip
from tests.waiting import wait_for

QUICK: Final[dict[str, Any]] = {
    "TITIP__HEALTH__SLOW_AFTER": "1s",
    "TITIP__HEALTH__COOL_OFF": "100ms",
    "TITIP__HEALTH__COOL_OFF_CEILING": "300ms",
    "TITIP__RETRY__FLOOR": "300ms",
    "TITIP__RETRY__CEILING": "1s",
    "TITIP__STORAGE__KEEP_AFTER_DELIVERY": "3s",
    "TITIP__MIRROR__AFTER": "500ms",
}
LARGE = 24 << 20
GLANCE = 0.05
ENDED = {"delivered", "parked", "skipped"}
LOOKUP = 'lookup = "REGISTRY/look/{filename}"\n'


def data_of(name: str) -> bytes:
    """Give the bytes of a file: large where an answer must come before its end."""
    return name.encode() * (LARGE // len(name) if name.startswith("early") else 100)


def digest_of(name: str) -> str:
    return hashlib.sha256(data_of(name)).hexdigest()


@dataclass
class Scene:
    """Files that were handed in by name, and what the registry was asked about each."""

    served: Titip
    registry: HostileServer
    ids: dict[str, str] = field(default_factory=dict)

    def hand_in(self, *names: str) -> None:
        for name in names:
            self.ids[name] = self.served.hand_in(data_of(name), name)

    def row(self, name: str) -> dict[str, Any]:
        return self.rows()[name]

    def rows(self, to: str = "registry") -> dict[str, dict[str, Any]]:
        url = f"{self.served.url}/api/deliveries?limit=1000&destination={to}"
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own server
            by_id = {row["upload"]: row for row in json.load(answer)["deliveries"]}
        return {name: by_id[which] for name, which in self.ids.items()}

    def sent(self, name: str) -> int:
        return asked_for(self.registry, "POST", name)

    def settled(self, *names: str, within: float = 40) -> None:
        """Wait until these have ended, one way or the other, or the time is over."""

        def ended() -> bool:
            assert self.served.alive, self.served.logged[-3000:]
            time.sleep(GLANCE)
            rows = self.rows()
            return all(rows[name]["state"] in ENDED for name in names)

        with suppress(TimeoutError):
            wait_for(ended, within=within)


def asked_for(registry: HostileServer, method: str, name: str) -> int:
    return sum(one.method == method and named(one) == name for one in list(registry.asked))


def named(asked: Asked) -> str:
    return asked.path.rpartition("/")[2]


@contextmanager
def a_scene(root, script, *, early=None, settings="", **variables):
    with hostile_server(script, early=early) as registry:
        table = f'[registry]\nkind = "http"\nurl = "{registry.url}/intake/{{filename}}"\n'
        settings = table + settings.replace("REGISTRY", registry.url)
        with titip(root, settings, **{**QUICK, **variables}) as served:
            yield Scene(served, registry)
