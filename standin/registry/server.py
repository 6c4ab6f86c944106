"""Serve a registry that takes files in over HTTP and stalls on demand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from standin.control_routes import RunningStandin
from standin.registry.control import RegistrySwitch
from standin.registry.modes import CurrentMode, Healthy, Mode
from standin.registry.queries import QueryRoutes
from standin.registry.responses import ServerState
from standin.registry.store import RegistryStore, Repeat
from standin.registry.uploads import Intake
from standin.server import LOOPBACK, Listen, serve_app

CONTROL = web.AppKey("control", RegistrySwitch)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryOptions:
    """How a registry is set up. Without a folder, what it holds goes away at the end."""

    folder: Path | None = None
    repeat: Repeat = Repeat.STORE
    bearer: str = ""
    checks_digest: bool = False
    prefix: str = "SILON"
    mode: Mode = Healthy()  # noqa: RUF009  (a frozen value)


class RunningRegistry(RunningStandin):
    """A registry that is being served."""

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

    def set_mode(self, mode: str, **params: object) -> None:
        """Switch the mode at once; raise BadParams for a mode there is not."""
        self.control.switch({"mode": mode, **params})


def _app(options: RegistryOptions, folder: Path) -> web.Application:
    """Make the web application; its store closes with it."""
    store = RegistryStore(folder, prefix=options.prefix, repeat=options.repeat)
    premises = ServerState(
        store=store,
        weather=CurrentMode(options.mode),
        bearer=options.bearer,
        checks_digest=options.checks_digest,
    )
    control = RegistrySwitch(premises)
    app = web.Application()
    app[CONTROL] = control
    for part in (Intake(premises), QueryRoutes(premises), control):
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
        app = _app(options, options.folder or Path(spare))
        async with serve_app(app, listen=listen) as address:
            yield RunningRegistry(app[CONTROL], address)
