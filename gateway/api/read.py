"""Reading over HTTP: status, uploads, receipts, deliveries, metrics."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.api import request_params
from gateway.context import CONTEXT, alive, upload_id
from gateway.protocol.errors import Refusal
from gateway.protocol.problems import NOT_SEALED
from titip import json_views
from titip.access import Role
from titip.delivery import DeliveryState
from titip.receipt import receipt
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from titip.delivery import Delivery
    from titip.json_views import Json
    from titip.ports.operations import Query
    from titip.upload import Upload


def add_routes(app: web.Application) -> None:
    """Add the reading routes."""
    app.router.add_get("/api/status", _status)
    app.router.add_get("/api/uploads", _uploads)
    app.router.add_get("/api/uploads/{id}", _upload)
    app.router.add_get("/api/uploads/{id}/receipt", _receipt)
    app.router.add_get("/api/deliveries", _deliveries)
    app.router.add_get("/metrics", _metrics)


def json_response(value: Json, *, status: int = 200) -> web.Response:
    """Answer with JSON that nobody keeps."""
    return web.json_response(
        value,
        status=status,
        headers={"Cache-Control": "no-store"},
        dumps=lambda shown: json.dumps(shown, ensure_ascii=False),
    )


async def _status(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    await context.authenticator.require_operator(request.headers)
    totals = await context.records.totals()
    room = await context.store.room()
    shown = json_views.status_json(
        totals, room, version=_version(), now=context.now(), clock=context.clock()
    )
    return json_response(shown)


async def _uploads(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    bearer = await context.authenticator.authenticate(request.headers)
    query = request_params.page(request.query, bearer, UploadState, "submitter")
    rows = await context.records.uploads(query)
    return _page("uploads", query, rows, [json_views.upload_json(one) for one in rows])


async def _upload(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    bearer = await context.authenticator.authenticate(request.headers)
    upload = await context.own(upload_id(request), bearer)
    owed = await context.records.of_upload(upload.id)
    operates = bearer.role is Role.OPERATOR
    return json_response(json_views.upload_json(upload, owed, for_operator=operates))


async def _receipt(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    bearer = await context.authenticator.authenticate(request.headers)
    upload = alive(await context.own(upload_id(request), bearer))
    proof = receipt(upload, await context.records.of_upload(upload.id))
    if proof is None:
        raise Refusal(NOT_SEALED)
    return json_response(json_views.receipt_json(proof))


async def _deliveries(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    bearer = await context.authenticator.authenticate(request.headers)
    query = request_params.page(request.query, bearer, DeliveryState, "submitter", "destination")
    rows = await context.records.deliveries(query)
    operates = bearer.role is Role.OPERATOR
    shown = [json_views.delivery_json(one, for_operator=operates) for one in rows]
    return _page("deliveries", query, rows, shown)


def _page(
    name: str, query: Query, rows: Sequence[Upload | Delivery], shown: Sequence[Json]
) -> web.Response:
    following = rows[-1].id if len(rows) == query.limit else None
    return json_response({name: shown, "next": following})


async def _metrics(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    await context.authenticator.require_operator(request.headers)
    totals = await context.records.totals()
    room = await context.store.room()
    dropped = context.lines_dropped()
    page = context.metrics.render(totals, room, now=context.now(), lines_dropped=dropped)
    return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _version() -> str:
    try:
        return version("titip")
    except PackageNotFoundError:
        return "unknown"
