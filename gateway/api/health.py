"""Whether this process lives, and whether it takes uploads in; never how the registry does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from gateway.context import CONTEXT
from titip.clock import advice as advice_on
from titip.errors import TitipError
from titip.faults import kind_of, trace_of
from titip.upload import UploadId

if TYPE_CHECKING:
    from gateway.context import AppContext

log = structlog.get_logger()

SOON: Final = 5.0
"""Seconds in which storage that is ready answers."""

NOBODYS: Final = UploadId("0" * 32)
"""An id to look up only to see whether the journal answers."""

FULL: Final = (
    "the disk is full: make room on it; what was committed is kept, and files are taken in again "
    "as soon as there is room"
)
SLOW: Final = f"the data folder did not answer within {SOON:g} s: look at its disk, or its mount"
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
    context = request.app[CONTEXT]
    storage, room, advice = await _kept_well(context)
    if told_of_clock := advice_on(context.clock()):
        advice.append(told_of_clock)
    checks = {"storage": storage, "room": room, "taking_in": not context.draining.is_set}
    ready = all(checks.values())
    told: dict[str, object] = {"ready": ready, "checks": checks}
    if "verbose" in request.query:
        told["advice"] = advice
    return web.json_response(told, status=200 if ready else 503)


async def _kept_well(context: AppContext) -> tuple[bool, bool, list[str]]:
    """Tell whether the storage answers, whether it has room, and what to do if not."""
    try:
        async with asyncio.timeout(SOON):
            await context.store.find(NOBODYS)
            space = await context.store.room()
    except TimeoutError:
        return False, False, [SLOW]
    except TitipError as error:
        return False, False, [str(error)]
    except Exception as error:  # noqa: BLE001 - not ready, whatever the reason
        log.error("readyz.bug", error=kind_of(error), where=trace_of(error))
        return False, False, [f"a fault in Titip itself ({kind_of(error)})"]
    room = space.reserved and space.free > context.options.reserve
    advice = [] if space.reserved else [NO_BALLAST]
    return True, room, advice if room else [*advice, FULL]
