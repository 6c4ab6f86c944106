"""Serve a registry that takes files in over HTTP and stalls on demand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from standin.control_routes import RunningStandin
from standin.registry_answers import Premises
from standin.registry_intake import Intake
from standin.registry_modes import Healthy, Mode, Weather
from standin.registry_questions import Questions
from standin.registry_store import RegistryStore, Repeat
from standin.registry_switch import RegistrySwitch
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
    premises = Premises(
        store=store,
        weather=Weather(options.mode),
        bearer=options.bearer,
        checks_digest=options.checks_digest,
    )
    control = RegistrySwitch(premises)
    app = web.Application()
    app[CONTROL] = control
    for part in (Intake(premises), Questions(premises), control):
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
