"""Acting over HTTP, for operators: send again, pause, resume, probe, enter by hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from gateway import asking, views
from gateway.api import json_response
from gateway.errors import BodyInterrupted, Ending, Refusal
from gateway.gate import GATE
from gateway.problems import NOT_FOUND
from titip.delivery import DeliveryId

if TYPE_CHECKING:
    from gateway.gate import Gate

BY_HAND: Final = (
    "No registry is configured: what is owed to it stays as it is, and waits to be entered by hand"
)

log = structlog.get_logger()


def add_routes(app: web.Application) -> None:
    """Add the operators' routes."""
    app.router.add_post("/api/resync", _resync)
    app.router.add_post("/api/destinations/{name}/pause", partial(_set_paused, paused=True))
    app.router.add_post("/api/destinations/{name}/resume", partial(_set_paused, paused=False))
    app.router.add_post("/api/destinations/{name}/probe", _probe)
    app.router.add_post("/api/deliveries/{id}/delivered", _delivered)


async def _resync(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    await gate.door.operator(request.headers)
    selection = asking.selection(await _body(request))
    operations = gate.operations
    count = await operations.resync(selection, now=gate.now())
    log.info("deliveries.requeued", count=count)
    told: dict[str, object] = {"requeued": count}
    if waiting := await operations.by_hand(selection):
        told |= {"by_hand": waiting, "detail": BY_HAND}
    return json_response(told)


async def _set_paused(request: web.Request, *, paused: bool) -> web.Response:
    gate, name = await _named(request)
    await gate.operations.pause(name, paused=paused)
    log.info("destination.paused" if paused else "destination.resumed", destination=name)
    return json_response({"destination": name, "paused": paused})


async def _probe(request: web.Request) -> web.Response:
    gate, name = await _named(request)
    await gate.operations.ask_probe(name)
    return json_response({"destination": name, "probe": "asked"}, status=202)


async def _delivered(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    await gate.door.operator(request.headers)
    reference = asking.reference(await _body(request))
    which = DeliveryId(request.match_info["id"])
    try:
        after = await gate.operations.delivered(which, reference, now=gate.now())
    except LookupError as error:
        raise Refusal(NOT_FOUND.because("There is no such delivery")) from error
    log.info("delivery.recorded", delivery=after.id, destination=after.destination)
    return json_response(views.delivery_json(after, for_operator=True))


async def _named(request: web.Request) -> tuple[Gate, str]:
    gate = request.app[GATE]
    await gate.door.operator(request.headers)
    return gate, asking.destination(request.match_info["name"])


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except (ConnectionError, web.RequestPayloadError) as error:
        raise BodyInterrupted(Ending.CUT, committed=0) from error
