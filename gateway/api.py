"""Reading over HTTP: status, uploads, receipts, deliveries, metrics."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from gateway import asking, views
from gateway.errors import Refusal
from gateway.gate import GATE, alive, upload_id
from gateway.problems import NOT_SEALED
from titip.access import Role
from titip.delivery import DeliveryState
from titip.receipt import receipt
from titip.upload import UploadState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.views import Json
    from titip.delivery import Delivery
    from titip.overview import Query
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
    gate = request.app[GATE]
    await gate.door.operator(request.headers)
    census = await gate.records.census()
    room = await gate.store.room()
    shown = views.status_json(census, room, version=_version(), now=gate.now(), clock=gate.clock())
    return json_response(shown)


async def _uploads(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    bearer = await gate.door.bearer(request.headers)
    query = asking.page(request.query, bearer, UploadState, "submitter")
    rows = await gate.records.uploads(query)
    return _page("uploads", query, rows, [views.upload_json(one) for one in rows])


async def _upload(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    bearer = await gate.door.bearer(request.headers)
    upload = await gate.own(upload_id(request), bearer)
    owed = await gate.records.of_upload(upload.id)
    operates = bearer.role is Role.OPERATOR
    return json_response(views.upload_json(upload, owed, for_operator=operates))


async def _receipt(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    bearer = await gate.door.bearer(request.headers)
    upload = alive(await gate.own(upload_id(request), bearer))
    proof = receipt(upload, await gate.records.of_upload(upload.id))
    if proof is None:
        raise Refusal(NOT_SEALED)
    return json_response(views.receipt_json(proof))


async def _deliveries(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    bearer = await gate.door.bearer(request.headers)
    query = asking.page(request.query, bearer, DeliveryState, "submitter", "destination")
    rows = await gate.records.deliveries(query)
    operates = bearer.role is Role.OPERATOR
    shown = [views.delivery_json(one, for_operator=operates) for one in rows]
    return _page("deliveries", query, rows, shown)


def _page(
    name: str, query: Query, rows: Sequence[Upload | Delivery], shown: Sequence[Json]
) -> web.Response:
    following = rows[-1].id if len(rows) == query.limit else None
    return json_response({name: shown, "next": following})


async def _metrics(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    await gate.door.operator(request.headers)
    census = await gate.records.census()
    room = await gate.store.room()
    dropped = gate.lines_dropped()
    page = gate.metrics.render(census, room, now=gate.now(), lines_dropped=dropped)
    return web.Response(body=page, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _version() -> str:
    try:
        return version("titip")
    except PackageNotFoundError:
        return "unknown"
