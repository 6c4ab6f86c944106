"""Serve a Google Drive that is as strict as the real one, and goes wrong on demand."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from standin.control_routes import RunningStandin
from standin.drive.auth import Tokens
from standin.drive.control import DriveSwitch
from standin.drive.faults import Faults, Kind
from standin.drive.files import Files
from standin.drive.gate import Front
from standin.drive.metadata import Clock, Drafting, timestamp
from standin.drive.sessions import Sessions
from standin.drive.store import DriveStore
from standin.drive.uploads import PATH as UPLOAD_PATH
from standin.drive.uploads import Uploads, kind_of_upload
from standin.server import LOOPBACK, Listen, serve_app

FILES_PATH = "/drive/v3/files"
PRIVATE_MODE = 0o600

CONTROL = web.AppKey("control", DriveSwitch)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveOptions:
    """How a Drive is set up. Without a folder, what it holds goes away at the end.

    `is_open` asks nobody for a token. `shared_drive` is the id of a shared drive that is to be
    there. `quota_bytes` of zero means without limit.
    """

    folder: Path | None = None
    is_open: bool = False
    shared_drive: str = ""
    quota_bytes: int = 0
    token_seconds: float = 3600.0
    clock: Clock = time.time


class RunningDrive(RunningStandin):
    """A Drive that is being served."""

    def set_fault(self, name: str, **params: object) -> None:
        """Switch a fault on ("none": all off); raise BadParams for one there is not."""
        self.control.switch({"name": name, **params})


def drive_app(options: DriveOptions, folder: Path) -> web.Application:
    """Make the web application; its files close with it."""
    clock = options.clock
    faults = Faults()
    tokens = Tokens(faults, clock=clock, seconds=options.token_seconds, is_open=options.is_open)
    front = Front(faults, tokens)
    now = timestamp(clock())
    store = DriveStore(folder, shared_drive=options.shared_drive, now=now)
    sessions = Sessions(folder, clock=clock)
    drafting = Drafting(store, clock=clock, quota_bytes=options.quota_bytes)
    files = Files(store, drafting=drafting, faults=faults, clock=clock)
    uploads = Uploads(store, sessions=sessions, files=files, drafting=drafting, faults=faults)
    control = DriveSwitch(store, sessions=sessions, faults=faults, front=front)
    app = web.Application()
    app[CONTROL] = control
    app.add_routes(_routes(front, tokens, files=files, uploads=uploads))
    app.add_routes(control.routes())

    async def close(_: web.Application) -> None:
        sessions.close()
        store.close()

    app.on_cleanup.append(close)
    return app


@asynccontextmanager
async def serve_drive(
    options: DriveOptions | None = None, *, listen: Listen = LOOPBACK
) -> AsyncIterator[RunningDrive]:
    """Serve a Drive until the block ends."""
    options = options or DriveOptions()
    with TemporaryDirectory(prefix="standin-drive-") as spare:
        app = drive_app(options, options.folder or Path(spare))
        async with serve_app(app, listen=listen) as address:
            yield RunningDrive(app[CONTROL], address)


def write_credentials(path: Path, *, drive_url: str) -> None:
    """Write credentials of an authorised person whose tokens come from this Drive.

    Google's `from_authorized_user_info` overrides `token_uri`; whoever loads the file sets it
    again: `.with_token_uri(info["token_uri"])`.
    """
    path.touch(mode=PRIVATE_MODE)
    path.chmod(PRIVATE_MODE)
    document = {
        "type": "authorized_user",
        "client_id": "standin.apps.example",
        "client_secret": "standin",
        "refresh_token": "standin",
        "token_uri": f"{drive_url.rstrip('/')}/token",
    }
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _routes(front: Front, tokens: Tokens, *, files: Files, uploads: Uploads) -> list[web.RouteDef]:
    def kind_of_get(request: web.Request) -> Kind:
        return Kind.DOWNLOAD if request.query.get("alt") == "media" else Kind.GET

    admit = front.admit
    one = f"{FILES_PATH}/{{id}}"
    return [
        web.post("/token", admit(tokens.answer, Kind.TOKEN)),
        web.get("/drive/v3/about", admit(files.about, Kind.ABOUT)),
        web.get(f"{FILES_PATH}/generateIds", admit(files.reserve, Kind.RESERVE)),
        web.get(FILES_PATH, admit(files.listing, Kind.LIST)),
        web.post(FILES_PATH, admit(files.create, Kind.CREATE)),
        web.get(one, admit(files.get, kind_of_get)),
        web.patch(one, admit(files.update, Kind.UPDATE)),
        web.delete(one, admit(files.delete, Kind.DELETE)),
        web.post(UPLOAD_PATH, admit(uploads.post, kind_of_upload)),
        web.put(UPLOAD_PATH, admit(uploads.put, kind_of_upload)),
    ]
