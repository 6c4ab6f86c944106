"""The answer about a sealed upload carries its receipt, where the protocol has room for one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from titip import json_views
from titip.receipt import receipt

if TYPE_CHECKING:
    from gateway.context import AppContext
    from gateway.protocol.commands import Answer
    from titip.upload import Upload


def to_response(answer: Answer) -> web.Response:
    """Give the answer alone."""
    return web.Response(status=answer.status, headers=answer.headers)


async def with_receipt(context: AppContext, answer: Answer, upload: Upload) -> web.Response:
    """Give the answer, with the receipt for its body once the upload is sealed."""
    proof = receipt(upload, await context.records.of_upload(upload.id))
    if proof is None:
        return to_response(answer)
    body = json.dumps(json_views.receipt_json(proof), ensure_ascii=False).encode()
    headers = {"Cache-Control": "no-store", **answer.headers}
    return web.Response(
        status=answer.status, headers=headers, body=body, content_type="application/json"
    )
