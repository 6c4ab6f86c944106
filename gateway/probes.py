"""Whether this process lives, and whether it takes uploads in; never how the registry does."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.gate import GATE
from titip.clock import advice as advice_on
from titip.errors import TitipError
from titip.upload import UploadId

NOBODYS: Final = UploadId("0" * 32)
"""An id to look up only to see whether the journal answers."""

FULL: Final = (
    "the disk is full: make room on it; what was committed is kept, and files are taken in again "
    "as soon as there is room"
)
NO_BALLAST: Final = (
    "the journal lives on the room that it had reserved; it is reserved again as soon as it fits"
)


def add_routes(app: web.Application) -> None:
    """Add both probes; they need no token."""
    app.router.add_get("/livez", _livez)
    app.router.add_get("/readyz", _readyz)


async def _livez(_request: web.Request) -> web.Response:
    return web.json_response({"live": True})


async def _readyz(request: web.Request) -> web.Response:
    """Answer 200 or 503 and what was looked at; with `?verbose` what to do about it too."""
    gate = request.app[GATE]
    storage = room = False
    advice = []
    try:
        await gate.deps.store.find(NOBODYS)
        space = await gate.deps.store.room()
        storage, room = True, space.reserved and space.free > gate.options.reserve
        if not space.reserved:
            advice.append(NO_BALLAST)
        if not room:
            advice.append(FULL)
    except TitipError as error:
        advice.append(str(error))
    if told_of_clock := advice_on(gate.deps.clock()):
        advice.append(told_of_clock)
    checks = {"storage": storage, "room": room, "taking_in": not gate.draining.given}
    ready = all(checks.values())
    told: dict[str, object] = {"ready": ready, "checks": checks}
    if "verbose" in request.query:
        told["advice"] = advice
    return web.json_response(told, status=200 if ready else 503)
