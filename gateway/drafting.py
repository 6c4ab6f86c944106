"""Serves the IETF draft: its requests become the commands of tus, on the same store."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, assert_never

from gateway import answers, digests, draft, draft_answers
from gateway.appending import append
from gateway.commands import Append, Create, Fetch, Inspect, Terminate
from gateway.creating import create, with_secret
from gateway.draft_answers import Wording
from gateway.errors import BodyInterrupted, Ending, Refusal
from gateway.gate import GATE
from gateway.inspecting import inspect
from gateway.interim import Interim
from gateway.problems import INCONSISTENT_LENGTH, TOO_LARGE
from gateway.proving import bare, proved
from gateway.terminating import terminate
from gateway.verdicts import verdict
from titip.errors import CustodyError, LengthExceeded, TitipError, UploadClosed
from titip.upload import Closing, UploadState

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.commands import Command
    from gateway.gate import Gate
    from gateway.problems import Problem
    from titip.access import Bearer
    from titip.upload import Upload, UploadId


async def serve(request: web.Request, method: str) -> web.Response:
    """Answer a request of the draft; raises Refusal with what is wrong, in the draft's words."""
    gate = request.app[GATE]
    wording = Wording(
        version=draft.interop(request.headers),
        terms=gate.terms,
        now=gate.now,
        tells_digest=digests.is_wanted(request.headers),
    )
    interim = Interim(request, wording, location=partial(gate.location, request))
    item = request.match_info.get("id", "")
    command: Command | None = None
    try:
        command = draft.parse(method, request.headers, item=item, version=wording.version)
        return await _served(gate, request, command, interim)
    except TitipError as error:
        upload = await _about(gate, request, command, begun=interim.begun)
        provided = command.offset if isinstance(command, Append) else None
        problem = verdict(error)
        problem = draft_answers.refused(problem, wording, upload=upload, provided=provided)
        if interim.begun is not None:
            problem = problem.with_headers({"Location": gate.location(request, interim.begun)})
        raise Refusal(problem) from error


async def _served(
    gate: Gate, request: web.Request, command: Command, interim: Interim
) -> web.Response:
    if isinstance(command, Create):
        return await _create(gate, request, command, interim)
    which, bearer = await gate.admitted(request, command)
    match command:
        case Append():
            upload = await _append(
                gate, request, command, which=which, bearer=bearer, interim=interim
            )
            return await proved(gate, draft_answers.appended(upload, interim.wording), upload)
        case Inspect() | Fetch():
            upload = await inspect(gate, which, bearer, silence=0, alone=True)
            return bare(draft_answers.inspected(upload, interim.wording))
        case Terminate():
            await terminate(gate, which, bearer)
            return bare(answers.terminated())
        case _ as never:
            assert_never(never)


async def _create(
    gate: Gate, request: web.Request, command: Create, interim: Interim
) -> web.Response:
    try:
        created = await create(gate, request, command, interim=interim)
    except LengthExceeded as error:
        raise Refusal(_too_long(command.length)) from error
    interim.begun = created.upload.id
    if created.ending is not Ending.WHOLE and created.upload.state is UploadState.OPEN:
        raise BodyInterrupted(created.ending, committed=created.upload.offset)
    if not created.known:
        _refuse_short(created.upload, command.closing)
    location = gate.location(request, created.upload.id)
    answer = draft_answers.created(created.upload, location, interim.wording)
    answer = with_secret(gate, answer, created, location)
    return await proved(gate, answer, created.upload)


async def _append(
    gate: Gate,
    request: web.Request,
    command: Append,
    *,
    which: UploadId,
    bearer: Bearer,
    interim: Interim,
) -> Upload:
    if interim.wording.version == draft.OLDER:
        _refuse_complete(await gate.own(which, bearer))
    try:
        upload = await append(
            gate, request, upload_id=which, command=command, bearer=bearer, interim=interim
        )
    except LengthExceeded as error:
        upload = await gate.own(which, bearer)
        _refuse_complete(upload)
        length = command.length if upload.length is None else upload.length
        if length is not None and interim.wording.version != draft.OLDER:
            with suppress(CustodyError):  # it ends then: so the newer version wants it
                await terminate(gate, which, bearer)
        raise Refusal(_too_long(length)) from error
    _refuse_short(upload, command.closing)
    return upload


def _too_long(length: int | None) -> Problem:
    """Tell what is wrong with a body that goes past the length, or past all that is taken."""
    return TOO_LARGE if length is None else INCONSISTENT_LENGTH


def _refuse_complete(upload: Upload) -> None:
    if upload.state is UploadState.SEALED:
        raise UploadClosed("the upload is complete")


def _refuse_short(upload: Upload, closing: Closing) -> None:
    """Refuse a body that was to be the file's end, and came whole, but before the length."""
    if closing is Closing.NOW and upload.state is UploadState.OPEN and not upload.part:
        raise Refusal(INCONSISTENT_LENGTH)


async def _about(
    gate: Gate, request: web.Request, command: Command | None, *, begun: UploadId | None
) -> Upload | None:
    """Give the upload that a refusal is about, if its sender may know of it."""
    with suppress(TitipError):
        if begun is not None:
            return await gate.store.find(begun)
        if isinstance(command, Create) or "id" not in request.match_info:
            return None
        return await gate.own(*await gate.admitted(request, Inspect()))
    return None
