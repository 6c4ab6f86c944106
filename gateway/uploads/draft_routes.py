"""Serves the IETF draft: its requests become the commands of tus, on the same store."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, assert_never

from gateway.context import CONTEXT
from gateway.protocol import digest_fields, draft, draft_responses, tus_responses
from gateway.protocol.commands import Append, Create, Fetch, Inspect, Terminate
from gateway.protocol.draft_responses import DraftResponseOptions
from gateway.protocol.error_mapping import to_problem
from gateway.protocol.errors import BodyInterrupted, Ending, Refusal
from gateway.protocol.problems import INCONSISTENT_LENGTH, TOO_LARGE
from gateway.transport.informational import Interim
from gateway.uploads.append import append
from gateway.uploads.create import create, with_secret
from gateway.uploads.offset import inspect
from gateway.uploads.responses import to_response, with_receipt
from gateway.uploads.terminate import terminate
from titip.errors import CustodyError, LengthExceeded, TitipError, UploadClosed
from titip.upload import Completion, UploadState

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.context import AppContext
    from gateway.protocol.commands import Command
    from gateway.protocol.problems import Problem
    from titip.access import Bearer
    from titip.upload import Upload, UploadId


async def serve(request: web.Request, method: str) -> web.Response:
    """Answer a request of the draft; raises Refusal with what is wrong, in the draft's words."""
    context = request.app[CONTEXT]
    wording = DraftResponseOptions(
        version=draft.interop(request.headers),
        terms=context.terms,
        now=context.now,
        tells_digest=digest_fields.is_wanted(request.headers),
    )
    interim = Interim(request, wording, location=partial(context.location, request))
    item = request.match_info.get("id", "")
    command: Command | None = None
    try:
        command = draft.parse(method, request.headers, item=item, version=wording.version)
        return await _served(context, request, command, interim)
    except TitipError as error:
        upload = await _about(context, request, command, begun=interim.begun)
        provided = command.offset if isinstance(command, Append) else None
        problem = to_problem(error)
        problem = draft_responses.refused(problem, wording, upload=upload, provided=provided)
        if interim.begun is not None:
            problem = problem.with_headers({"Location": context.location(request, interim.begun)})
        raise Refusal(problem) from error


async def _served(
    context: AppContext, request: web.Request, command: Command, interim: Interim
) -> web.Response:
    if isinstance(command, Create):
        return await _create(context, request, command, interim)
    which, bearer = await context.admitted(request, command)
    match command:
        case Append():
            upload = await _append(
                context, request, command, which=which, bearer=bearer, interim=interim
            )
            return await with_receipt(
                context, draft_responses.appended(upload, interim.wording), upload
            )
        case Inspect() | Fetch():
            upload = await inspect(context, which, bearer, silence=0, alone=True)
            return to_response(draft_responses.inspected(upload, interim.wording))
        case Terminate():
            await terminate(context, which, bearer)
            return to_response(tus_responses.terminated())
        case _ as never:
            assert_never(never)


async def _create(
    context: AppContext, request: web.Request, command: Create, interim: Interim
) -> web.Response:
    try:
        created = await create(context, request, command, interim=interim)
    except LengthExceeded as error:
        raise Refusal(_too_long(command.length)) from error
    interim.begun = created.upload.id
    if created.ending is not Ending.WHOLE and created.upload.state is UploadState.OPEN:
        raise BodyInterrupted(created.ending, committed=created.upload.offset)
    if not created.known:
        _refuse_short(created.upload, command.closing)
    location = context.location(request, created.upload.id)
    answer = draft_responses.created(created.upload, location, interim.wording)
    answer = with_secret(context, answer, created, location)
    return await with_receipt(context, answer, created.upload)


async def _append(
    context: AppContext,
    request: web.Request,
    command: Append,
    *,
    which: UploadId,
    bearer: Bearer,
    interim: Interim,
) -> Upload:
    if interim.wording.version == draft.OLDER:
        _refuse_complete(await context.own(which, bearer))
    try:
        upload = await append(
            context, request, upload_id=which, command=command, bearer=bearer, interim=interim
        )
    except LengthExceeded as error:
        upload = await context.own(which, bearer)
        _refuse_complete(upload)
        length = command.length if upload.length is None else upload.length
        if length is not None and interim.wording.version != draft.OLDER:
            with suppress(CustodyError):  # it ends then: so the newer version wants it
                await terminate(context, which, bearer)
        raise Refusal(_too_long(length)) from error
    _refuse_short(upload, command.closing)
    return upload


def _too_long(length: int | None) -> Problem:
    """Tell what is wrong with a body that goes past the length, or past all that is taken."""
    return TOO_LARGE if length is None else INCONSISTENT_LENGTH


def _refuse_complete(upload: Upload) -> None:
    if upload.state is UploadState.SEALED:
        raise UploadClosed("the upload is complete")


def _refuse_short(upload: Upload, closing: Completion) -> None:
    """Refuse a body that was to be the file's end, and came whole, but before the length."""
    if closing is Completion.NOW and upload.state is UploadState.OPEN and not upload.is_partial:
        raise Refusal(INCONSISTENT_LENGTH)


async def _about(
    context: AppContext, request: web.Request, command: Command | None, *, begun: UploadId | None
) -> Upload | None:
    """Give the upload that a refusal is about, if its sender may know of it."""
    with suppress(TitipError):
        if begun is not None:
            return await context.store.find(begun)
        if isinstance(command, Create) or "id" not in request.match_info:
            return None
        return await context.own(*await context.admitted(request, Inspect()))
    return None
