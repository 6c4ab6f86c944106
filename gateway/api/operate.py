"""Acting over HTTP, for operators: send again, pause, resume, probe, enter by hand."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from gateway.api import request_params
from gateway.api.read import json_response
from gateway.context import CONTEXT
from gateway.protocol.errors import BodyInterrupted, Ending, Refusal
from gateway.protocol.problems import NOT_FOUND, REFERENCE_TAKEN
from titip import json_views
from titip.delivery import DeliveryId
from titip.errors import ReferenceTaken
from titip.upload import UploadId

if TYPE_CHECKING:
    from gateway.context import AppContext
    from titip.ports.operations import Selection

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
    context = request.app[CONTEXT]
    await context.authenticator.require_operator(request.headers)
    selection = request_params.selection(await _body(request))
    await _refuse_unknown(context, selection)
    operations = context.operations
    count = await operations.resync(selection, now=context.now())
    log.info("deliveries.requeued", count=count)
    told: dict[str, object] = {"requeued": count}
    if waiting := await operations.by_hand(selection):
        told |= {"by_hand": waiting, "detail": BY_HAND}
    return json_response(told)


async def _refuse_unknown(context: AppContext, selection: Selection) -> None:
    """Refuse an id of nothing: a slip must not look like an answer."""
    for one in selection.ids:
        upload = UploadId(one.partition(".")[0])
        rows = await context.records.of_upload(upload)
        if not any(one in {row.id, row.upload} for row in rows):
            raise Refusal(NOT_FOUND.because("One of the ids is of no upload and no delivery"))


async def _set_paused(request: web.Request, *, paused: bool) -> web.Response:
    context, name = await _named(request)
    await context.operations.pause(name, paused=paused)
    log.info("destination.paused" if paused else "destination.resumed", destination=name)
    return json_response({"destination": name, "paused": paused})


async def _probe(request: web.Request) -> web.Response:
    context, name = await _named(request)
    await context.operations.ask_probe(name)
    return json_response({"destination": name, "probe": "asked"}, status=202)


async def _delivered(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    await context.authenticator.require_operator(request.headers)
    reference, shared = request_params.reference(await _body(request))
    which = DeliveryId(request.match_info["id"])
    try:
        after = await context.operations.delivered(
            which, reference, now=context.now(), shared=shared
        )
    except LookupError as error:
        raise Refusal(NOT_FOUND.because("There is no such delivery")) from error
    except ReferenceTaken as error:
        told = f'{str(error).capitalize()} If the registry has one for both, send "shared": true'
        raise Refusal(REFERENCE_TAKEN.because(told)) from error
    log.info("delivery.recorded", delivery=after.id, destination=after.destination)
    return json_response(json_views.delivery_json(after, for_operator=True))


async def _named(request: web.Request) -> tuple[AppContext, str]:
    context = request.app[CONTEXT]
    await context.authenticator.require_operator(request.headers)
    return context, request_params.destination(request.match_info["name"])


async def _body(request: web.Request) -> bytes:
    try:
        return await request.read()
    except (ConnectionError, web.RequestPayloadError) as error:
        raise BodyInterrupted(Ending.CUT, committed=0) from error
