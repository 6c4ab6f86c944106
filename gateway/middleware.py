"""The outermost layer: what every answer carries, and every error as one kind of answer."""

from __future__ import annotations

import itertools
import json
import re
import secrets
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from gateway.context import CONTEXT, CUT_SHORT, FILES
from gateway.protocol import cors, draft, draft_responses, problems, tus, tus_responses
from gateway.protocol.draft_responses import DraftResponseOptions
from gateway.protocol.error_mapping import for_head, to_problem
from gateway.protocol.errors import ProtocolViolation
from gateway.transport.malformed import problem_of
from titip.errors import TitipError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from gateway.protocol.problems import Problem

log = structlog.get_logger()

SMALL: Final = 64 << 10
"""Bytes of an unread body that are cheaper to read and drop than to close the connection over."""

_PROCESS: Final = secrets.token_hex(4)
_COUNT: Final = itertools.count(1)
"""Request ids must differ, not be secret: a random beginning per process, then a count."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@web.middleware
async def outermost(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever happens, and dress the answer."""
    context = request.app[CONTEXT]
    told = request.headers.get("X-Request-ID", "")
    request_id = told if _REQUEST_ID.fullmatch(told) else f"{_PROCESS}{next(_COUNT):08x}"
    structlog.contextvars.bind_contextvars(request=request_id)
    context.metrics.in_flight.inc()
    try:
        response = await _answered(request, handler)
    finally:
        context.metrics.in_flight.dec()
    context.metrics.answered(request.method, response.status)
    response.headers["X-Request-ID"] = request_id
    response.headers["Server"] = "titip"
    response.headers["Tus-Resumable"] = tus.VERSION
    origin = request.headers.get("Origin")
    response.headers.update(cors.answer_headers(origin, context.options.origins))
    if context.draining.is_set or _unread(request):
        response.force_close()
    return response


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    if _meant(request) == "OPTIONS":
        return _discovery(request)
    try:
        return await handler(request)
    except TitipError as error:
        problem = to_problem(error)
        if problem.ours:
            log.warning("request.refused", method=request.method, problem=problem.slug)
    except web.HTTPException as error:
        problem = problem_of(error)
    except Exception:
        log.exception("request.failed", method=request.method)
        problem = problems.FAILED.because("", headers={"Retry-After": str(problems.RETRY_AFTER)})
    return _refusal(for_head(problem) if _asks_offset(request) else problem)


def _refusal(problem: Problem) -> web.Response:
    return web.Response(
        status=problem.status,
        reason=problem.title if problem.status == problems.CHECKSUM_MISMATCH.status else None,
        body=json.dumps(problem.as_json()).encode(),
        content_type=problems.MEDIA_TYPE,
        headers={"Cache-Control": "no-store", **problem.headers},
    )


def _discovery(request: web.Request) -> web.Response:
    context = request.app[CONTEXT]
    answer = tus_responses.discovery(context.terms)
    wording = DraftResponseOptions(draft.interop(request.headers), context.terms, context.now)
    headers = {
        **answer.headers,
        **draft_responses.discovery(wording).headers,
        **cors.preflight_headers(),
    }
    return web.Response(status=answer.status, headers=headers)


def _asks_offset(request: web.Request) -> bool:
    return _meant(request) == "HEAD" and f"{request.path}/".startswith(FILES)


def _meant(request: web.Request) -> str:
    try:
        return tus.effective_method(request.method, request.headers)
    except ProtocolViolation:
        return request.method


def _unread(request: web.Request) -> bool:
    if request.content.is_eof():
        return False
    size = request.content_length
    too_large = size is None or size > SMALL or "Expect" in request.headers
    return too_large or request.get(CUT_SHORT, False)
