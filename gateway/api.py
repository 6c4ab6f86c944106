"""Reading over HTTP: status, uploads, receipts, deliveries, metrics."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from gateway import asking, views
from gateway.errors import Refusal
from gateway.gate import GATE, upload_id
from gateway.problems import NOT_SEALED
from titip.access import Role
from titip.delivery import DeliveryState
from titip.errors import UploadGone
from titip.receipt import receipt
from titip.upload import UploadState

if TYPE_CHECKING:
    from gateway.views import Json
    from titip.access import Bearer


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


async def operator(request: web.Request) -> Bearer:
    """Give the operator who asks; raises Refusal."""
    return await request.app[GATE].door.operator(request.headers.get("Authorization"))


async def _bearer(request: web.Request) -> Bearer:
    return await request.app[GATE].door.bearer(request.headers.get("Authorization"))


async def _status(request: web.Request) -> web.Response:
    await operator(request)
    gate = request.app[GATE]
    census = await gate.records.census()
    room = await gate.store.room()
    shown = views.status_json(census, room, version=_version(), now=gate.now(), clock=gate.clock())
    return json_response(shown)


async def _uploads(request: web.Request) -> web.Response:
    bearer = await _bearer(request)
    query = asking.page(request.query, bearer, UploadState, "submitter")
    rows = await request.app[GATE].records.uploads(query)
    following = rows[-1].id if len(rows) == query.limit else None
    shown = [views.upload_json(one) for one in rows]
    return json_response({"uploads": shown, "next": following})


async def _upload(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    bearer = await _bearer(request)
    upload = await gate.own(upload_id(request), bearer)
    owed = await gate.records.of_upload(upload.id)
    operates = bearer.role is Role.OPERATOR
    return json_response(views.upload_json(upload, owed, for_operator=operates))


async def _receipt(request: web.Request) -> web.Response:
    gate = request.app[GATE]
    bearer = await _bearer(request)
    upload = await gate.own(upload_id(request), bearer)
    if upload.state in {UploadState.TERMINATED, UploadState.EXPIRED}:
        raise UploadGone(f"the upload was {upload.state}")
    proof = receipt(upload, await gate.records.of_upload(upload.id))
    if proof is None:
        raise Refusal(NOT_SEALED)
    return json_response(views.receipt_json(proof))


async def _deliveries(request: web.Request) -> web.Response:
    bearer = await _bearer(request)
    query = asking.page(request.query, bearer, DeliveryState, "submitter", "destination")
    rows = await request.app[GATE].records.deliveries(query)
    following = rows[-1].id if len(rows) == query.limit else None
    operates = bearer.role is Role.OPERATOR
    shown = [views.delivery_json(one, for_operator=operates) for one in rows]
    return json_response({"deliveries": shown, "next": following})


async def _metrics(request: web.Request) -> web.Response:
    await operator(request)
    gate = request.app[GATE]
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
