"""The addresses of tus: every request there becomes a command, and every command an answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, assert_never

import structlog
from aiohttp import web

from gateway import answers, protocol, secret
from gateway.appending import append
from gateway.commands import Append, Create, Fetch, Inspect, Terminate
from gateway.creating import create
from gateway.fetching import fetch
from gateway.gate import FILES, GATE, upload_id
from gateway.inviting import wait_for_invitation
from titip.errors import UploadClosed, UploadGone
from titip.upload import UploadState

if TYPE_CHECKING:
    from gateway.commands import Answer
    from gateway.gate import Gate
    from titip.access import Bearer
    from titip.upload import Upload, UploadId

log = structlog.get_logger()

SILENCE: Final = 1.0
"""Seconds without a byte after which HEAD takes a running PATCH for dead and has it saved."""

BRIEFLY: Final = 2.0
"""Seconds HEAD waits for that."""


def add_routes(app: web.Application) -> None:
    """Take every method at both addresses: which ones there are is the protocol's to say."""
    item = FILES + "{id}"
    for path in (FILES.rstrip("/"), FILES, item):
        app.router.add_route("*", path, _files, expect_handler=wait_for_invitation)


async def _files(request: web.Request) -> web.StreamResponse:
    gate = request.app[GATE]
    item = "id" in request.match_info
    method = protocol.effective_method(request.method, request.headers)
    command = protocol.parse(method, request.headers, item=item)
    if isinstance(command, Create):
        return _response(await _create(gate, request, command))
    which = upload_id(request)
    bearer = await gate.admitted(request, command, which)
    match command:
        case Append():
            upload = await append(gate, request, upload_id=which, command=command, bearer=bearer)
            return _response(answers.appended(upload, gate.terms))
        case Inspect():
            return _response(await _inspect(gate, which, bearer))
        case Terminate():
            return _response(await _terminate(gate, which, bearer))
        case Fetch():
            return await fetch(gate, which, bearer)
        case _ as never:
            assert_never(never)


async def _create(gate: Gate, request: web.Request, command: Create) -> Answer:
    bearer = await gate.door.bearer(request.headers.get("Authorization"))
    created = await create(gate, request, command, bearer)
    location = gate.location(request, created.upload.id)
    tells_offset = created.known or command.body is not None
    answer = answers.created(created.upload, location, gate.terms, tells_offset=tells_offset)
    if not created.secret:
        return answer
    stays, elsewhere = gate.options.max_unfinished_age, gate.options.names_origins
    handed = secret.handed_out(created.secret, location, stays=stays, elsewhere=elsewhere)
    return replace(answer, headers={**answer.headers, **handed})


async def _inspect(gate: Gate, which: UploadId, bearer: Bearer) -> Answer:
    upload = await gate.own(which, bearer)
    if await gate.locks.relieve(which, silence=SILENCE, patience=BRIEFLY):
        upload = await gate.own(which, bearer)
    _refuse_ended(upload)
    return answers.inspected(upload, gate.terms)


async def _terminate(gate: Gate, which: UploadId, bearer: Bearer) -> Answer:
    if gate.locks.holder(which) is not None:
        await gate.own(which, bearer)  # a stranger asks nobody to leave
    async with gate.locks.hold(which, patience=gate.options.pace.patience):
        upload = await gate.own(which, bearer)
        _refuse_ended(upload)
        if upload.state is UploadState.SEALED:
            raise UploadClosed("custody cannot be withdrawn")
        await gate.deps.store.terminate(upload)
    gate.metrics.terminated.inc()
    log.info("upload.terminated", upload=upload.id)
    return answers.terminated()


def _refuse_ended(upload: Upload) -> None:
    if upload.state in {UploadState.TERMINATED, UploadState.EXPIRED}:
        raise UploadGone(f"the upload was {upload.state}")


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, headers=answer.headers)
