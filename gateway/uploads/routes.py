"""The addresses of uploads: each request becomes a command, and each command an answer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, assert_never

from gateway.context import CONTEXT, FILES
from gateway.protocol import plain, tus, tus_responses
from gateway.protocol.commands import Append, Create, Fetch, Inspect, Terminate
from gateway.protocol.detect import Dialect, dialect_of
from gateway.protocol.error_mapping import to_problem
from gateway.protocol.errors import Refusal
from gateway.protocol.problems import WRONG_VERSION
from gateway.transport.informational import wait_for_continue
from gateway.uploads import draft_routes
from gateway.uploads.append import append
from gateway.uploads.create import create, with_secret
from gateway.uploads.download import fetch
from gateway.uploads.offset import inspect
from gateway.uploads.responses import to_response, with_receipt
from gateway.uploads.terminate import terminate
from titip.errors import TitipError

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.context import AppContext
    from gateway.protocol.commands import Answer
    from gateway.protocol.problems import Problem
    from titip.upload import Upload

SILENCE: Final = 0.75
"""Seconds without a byte after which HEAD takes a running PATCH for dead and has it saved: so that
a sender that comes again, asks and goes on has waited less than a second for itself."""


def add_routes(app: web.Application) -> None:
    """Take every method at both addresses: which ones there are is the protocol's to say."""
    item = FILES + "{id}"
    for path in (FILES.rstrip("/"), FILES, item):
        app.router.add_route("*", path, _files, expect_handler=wait_for_continue)


async def _files(request: web.Request) -> web.StreamResponse:
    method = tus.effective_method(request.method, request.headers)
    match dialect_of(method, request.headers):
        case Dialect.TUS:
            return await _tus(request, method)
        case Dialect.DRAFT:
            return await draft_routes.serve(request, method)
        case Dialect.PLAIN:
            return await _plain(request)
        case _ as never:
            assert_never(never)


async def _tus(request: web.Request, method: str) -> web.StreamResponse:
    try:
        return await _carried_out(request, method)
    except TitipError as error:
        if method != "PATCH" or "id" not in request.match_info:
            raise
        raise Refusal(await _with_expiry(request, error)) from error


async def _with_expiry(request: web.Request, error: TitipError) -> Problem:
    """Give the refusal of a PATCH, which tells when the upload expires as every answer to it."""
    context = request.app[CONTEXT]
    problem = to_problem(error)
    if problem.status != WRONG_VERSION.status:
        with suppress(TitipError):
            upload = await context.own(*await context.admitted(request, Inspect()))
            return tus_responses.refused(problem, upload, context.terms)
    return problem


async def _carried_out(request: web.Request, method: str) -> web.StreamResponse:
    context = request.app[CONTEXT]
    item = "id" in request.match_info
    command = tus.parse(method, request.headers, item=item)
    if isinstance(command, Create):
        answer, _ = await _create(context, request, command)
        return to_response(answer)
    which, bearer = await context.admitted(request, command)
    match command:
        case Append():
            upload = await append(context, request, upload_id=which, command=command, bearer=bearer)
            return to_response(tus_responses.appended(upload, context.terms))
        case Inspect():
            upload = await inspect(context, which, bearer, silence=SILENCE)
            return to_response(tus_responses.inspected(upload, context.terms))
        case Terminate():
            await terminate(context, which, bearer)
            return to_response(tus_responses.terminated())
        case Fetch():
            return await fetch(context, request, which, bearer)
        case _ as never:
            assert_never(never)


async def _plain(request: web.Request) -> web.Response:
    command = plain.parse(request.headers, name=request.match_info.get("id", ""))
    context = request.app[CONTEXT]
    answer, upload = await _create(context, request, command)
    return await with_receipt(context, answer, upload)


async def _create(
    context: AppContext, request: web.Request, command: Create
) -> tuple[Answer, Upload]:
    created = await create(context, request, command)
    location = context.location(request, created.upload.id)
    tells_offset = created.known or command.body is not None
    answer = tus_responses.created(
        created.upload, location, context.terms, tells_offset=tells_offset
    )
    return with_secret(context, answer, created, location), created.upload
