"""The addresses of uploads: each request becomes a command, and each command an answer."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, assert_never

from gateway import answers, drafting, plain, protocol
from gateway.appending import append
from gateway.commands import Append, Create, Fetch, Inspect, Terminate
from gateway.creating import create, with_secret
from gateway.dialects import Dialect, dialect_of
from gateway.errors import Refusal
from gateway.fetching import fetch
from gateway.gate import FILES, GATE
from gateway.inspecting import inspect
from gateway.interim import wait_for_invitation
from gateway.problems import WRONG_VERSION
from gateway.proving import bare, proved
from gateway.terminating import terminate
from gateway.verdicts import verdict
from titip.errors import TitipError

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.commands import Answer
    from gateway.gate import Gate
    from gateway.problems import Problem
    from titip.upload import Upload

SILENCE: Final = 0.75
"""Seconds without a byte after which HEAD takes a running PATCH for dead and has it saved: so that
a sender that comes again, asks and goes on has waited less than a second for itself."""


def add_routes(app: web.Application) -> None:
    """Take every method at both addresses: which ones there are is the protocol's to say."""
    item = FILES + "{id}"
    for path in (FILES.rstrip("/"), FILES, item):
        app.router.add_route("*", path, _files, expect_handler=wait_for_invitation)


async def _files(request: web.Request) -> web.StreamResponse:
    method = protocol.effective_method(request.method, request.headers)
    match dialect_of(method, request.headers):
        case Dialect.TUS:
            return await _tus(request, method)
        case Dialect.DRAFT:
            return await drafting.serve(request, method)
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
    gate = request.app[GATE]
    problem = verdict(error)
    if problem.status != WRONG_VERSION.status:
        with suppress(TitipError):
            upload = await gate.own(*await gate.admitted(request, Inspect()))
            return answers.refused(problem, upload, gate.terms)
    return problem


async def _carried_out(request: web.Request, method: str) -> web.StreamResponse:
    gate = request.app[GATE]
    item = "id" in request.match_info
    command = protocol.parse(method, request.headers, item=item)
    if isinstance(command, Create):
        answer, _ = await _create(gate, request, command)
        return bare(answer)
    which, bearer = await gate.admitted(request, command)
    match command:
        case Append():
            upload = await append(gate, request, upload_id=which, command=command, bearer=bearer)
            return bare(answers.appended(upload, gate.terms))
        case Inspect():
            upload = await inspect(gate, which, bearer, silence=SILENCE)
            return bare(answers.inspected(upload, gate.terms))
        case Terminate():
            await terminate(gate, which, bearer)
            return bare(answers.terminated())
        case Fetch():
            return await fetch(gate, request, which, bearer)
        case _ as never:
            assert_never(never)


async def _plain(request: web.Request) -> web.Response:
    command = plain.parse(request.headers, name=request.match_info.get("id", ""))
    gate = request.app[GATE]
    answer, upload = await _create(gate, request, command)
    return await proved(gate, answer, upload)


async def _create(gate: Gate, request: web.Request, command: Create) -> tuple[Answer, Upload]:
    created = await create(gate, request, command)
    location = gate.location(request, created.upload.id)
    tells_offset = created.known or command.body is not None
    answer = answers.created(created.upload, location, gate.terms, tells_offset=tells_offset)
    return with_secret(gate, answer, created, location), created.upload
