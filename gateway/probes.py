"""Whether this process lives, and whether it takes uploads in; never how the registry does."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.gate import GATE
from titip.errors import TitipError
from titip.upload import UploadId

NOBODYS: Final = UploadId("0" * 32)
"""An id to look up only to see whether the journal answers."""


def add_routes(app: web.Application) -> None:
    """Add both probes; they need no token."""
    app.router.add_get("/livez", _livez)
    app.router.add_get("/readyz", _readyz)


async def _livez(_request: web.Request) -> web.Response:
    return web.json_response({"live": True})


async def _readyz(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    storage = room = False
    try:
        await gate.deps.store.find(NOBODYS)
        space = await gate.deps.store.room()
        storage, room = True, space.free > gate.options.reserve
    except TitipError:
        pass  # the answer tells it
    checks = {"storage": storage, "room": room, "taking_in": not gate.draining.given}
    ready = all(checks.values())
    return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)
