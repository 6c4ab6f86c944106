"""Serve a registry that takes files in over HTTP and stalls on demand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web

from standin.registry_answers import Premises
from standin.registry_intake import Intake
from standin.registry_modes import Healthy, Mode, Weather
from standin.registry_questions import Questions
from standin.registry_store import RegistryStore, Repeat
from standin.registry_switch import Switch
from standin.server import LOOPBACK, Listen, root_url, serve_app

SWITCH = web.AppKey("switch", Switch)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """How a registry is set up. Without a folder, what it holds goes away at the end."""

    folder: Path | None = None
    repeat: Repeat = Repeat.STORE
    bearer: str = ""
    checks_digest: bool = False
    prefix: str = "SILON"
    mode: Mode = Healthy()  # noqa: RUF009  (a frozen value)


class RunningRegistry:
    """A registry that is being served."""

    def __init__(self, switch: Switch, *, address: Listen) -> None:
        self._switch = switch
        self.port = address[1]
        self.url = root_url(address)

    @property
    def intake_url(self) -> str:
        """Give the address for `registry.url` in Titip's configuration."""
        return f"{self.url}/intake"

    @property
    def health_url(self) -> str:
        """Give the address for `registry.health` in Titip's configuration."""
        return f"{self.url}/health"

    @property
    def lookup_url(self) -> str:
        """Give the template for `registry.lookup` in Titip's configuration."""
        return f"{self.url}/intake/{{upload_id}}"

    def stats(self) -> dict[str, Any]:
        """Count what was taken and how; the same as GET /standin/stats."""
        return self._switch.stats()

    def entries(self) -> list[dict[str, Any]]:
        """Give everything that is stored; the same as GET /standin/entries."""
        return self._switch.entries()

    def set_mode(self, mode: str, **params: object) -> None:
        """Switch the mode at once; raise BadParams for a mode there is not."""
        self._switch.turn(mode, **params)


def registry_app(options: RegistryOptions) -> web.Application:
    """Make the web application; its store closes with it. `options.folder` must be set."""
    if options.folder is None:
        raise ValueError("registry_app needs a folder; serve_registry can make one")
    store = RegistryStore(options.folder, prefix=options.prefix, repeat=options.repeat)
    premises = Premises(
        store=store,
        weather=Weather(options.mode),
        bearer=options.bearer,
        checks_digest=options.checks_digest,
    )
    switch = Switch(premises)
    app = web.Application()
    app[SWITCH] = switch
    for part in (Intake(premises), Questions(premises), switch):
        app.add_routes(part.routes())

    async def close(_: web.Application) -> None:
        store.close()

    app.on_cleanup.append(close)
    return app


@asynccontextmanager
async def serve_registry(
    options: RegistryOptions | None = None, *, listen: Listen = LOOPBACK
) -> AsyncIterator[RunningRegistry]:
    """Serve a registry until the block ends."""
    options = options or RegistryOptions()
    with TemporaryDirectory(prefix="standin-registry-") as spare:
        app = registry_app(replace(options, folder=options.folder or Path(spare)))
        async with serve_app(app, listen=listen) as address:
            yield RunningRegistry(app[SWITCH], address=address)
