"""POST: begins an upload, and takes its first bytes when they come along."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from gateway.admission import admit_length
from gateway.options import Auth
from gateway.protocol import upload_secret
from gateway.protocol.errors import Ending, Refusal
from gateway.protocol.problems import BUSY, DRAINING, KEY_REUSED
from gateway.transport.informational import send_continue
from gateway.uploads.receive import ReceivedBody, body_digest, commit, receive_body
from titip import concat
from titip.access import digest_of
from titip.errors import CustodyError, LengthExceeded, StorageFull
from titip.upload import Completion, Upload, UploadExists, UploadId, UploadState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiohttp import web

    from gateway.context import AppContext
    from gateway.ingest.locks import UploadLock
    from gateway.protocol.commands import Answer, Create
    from gateway.transport.informational import Interim
    from titip.ports.storage import Deposit

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Created:
    """What a creation came to: `secret` is empty where none was handed out.

    `known`: it had been begun before, under its key. `ending`: why no more of its body came.
    """

    upload: Upload
    secret: str = ""
    known: bool = False
    ending: Ending = Ending.WHOLE


async def create(
    context: AppContext,
    request: web.Request,
    command: Create,
    *,
    interim: Interim | None = None,
) -> Created:
    """Begin the upload, in one commit with the bytes that came along.

    A sender that reads interim answers is told before that where it can go on, for which the empty
    upload is committed first. A body that ended early is no failure here, unless it counts whole:
    the answer's offset tells what was kept. A creation that was sent before under its key is
    answered with the upload it began then.
    """
    bearer = await context.authenticator.authenticate(request.headers)
    if context.draining.is_set:
        raise Refusal(DRAINING)
    if command.length is not None:
        admit_length(command.length, max_upload=context.options.max_upload)
    if interim is not None and (command.body is None or command.body.whole or not interim.in_time):
        interim = None
    shown = upload_secret.new_secret() if _goes_on(context, command, interim) else ""
    asked = Upload(
        id=UploadId(secrets.token_hex(16)),
        submitter=bearer.submitter,
        length=command.length,
        created_at=context.now(),
        metadata=command.metadata,
        key=command.key,
        concat=command.concat,
        expected_sha256=command.sha256,
        secret_digest=digest_of(shown) if shown else "",
    )
    try:
        taken = await _begin(context, request, asked, command, interim=interim, shown=shown)
    except UploadExists as known:
        if not _means(command, known.upload):
            raise Refusal(KEY_REUSED) from known
        return Created(await context.joining.wait_briefly(known.upload), known=True)
    upload = taken.upload
    if interim is None:
        _tell_begun(context, upload)
    if upload.state is UploadState.SEALED and not upload.is_final:
        log.info("upload.sealed", upload=upload.id, length=upload.length)
    handed = shown if upload.state is UploadState.OPEN else ""
    return Created(upload, handed, ending=taken.ending)


def _means(command: Create, known: Upload) -> bool:
    """Tell whether a creation may be the one that began this upload, sent again."""
    told = concat.parse(known.concat) if known.is_final else None
    joined_from = told.parts if isinstance(told, concat.FinalUpload) else ()
    if command.body is not None and command.body.whole and known.state is not UploadState.SEALED:
        return False  # it has the whole file, and was told of no address to go on at
    return command.length in {None, known.length} and command.parts == joined_from


def _goes_on(context: AppContext, command: Create, interim: Interim | None) -> bool:
    """Tell whether requests for this upload are to follow, which may outlive their login."""
    if context.options.auth is Auth.NONE or command.parts:
        return False
    body = command.body
    in_one = body is not None and (body.whole or body.size == command.length)
    return interim is not None or not in_one


async def _begin(
    context: AppContext,
    request: web.Request,
    upload: Upload,
    command: Create,
    *,
    interim: Interim | None,
    shown: str,
) -> ReceivedBody:
    told = command.body
    digest = None if told is None else body_digest(told)
    tap = None if digest is None else digest.update
    async with _turn(context, upload) as hold:
        if command.parts:
            return ReceivedBody(await _join(context, upload, command.parts), Ending.WHOLE)
        await _admit(context, upload)
        deposit = await context.store.create(upload, tap=tap)
        try:
            if told is None:
                sealed = await commit(context, deposit, closing=command.closing)
                return ReceivedBody(sealed, Ending.WHOLE)
            if interim is not None:
                await _announce(context, deposit, interim, shown)
            await send_continue(request)
            return await receive_body(
                context,
                request,
                deposit,
                hold=hold,
                digest=digest,
                closing=command.closing,
                tell=None if interim is None else interim.progress,
            )
        except LengthExceeded:
            if deposit.upload.offset > 0 or interim is not None:
                with suppress(CustodyError):  # nobody can go on with what it brought on its way
                    await context.store.terminate(deposit.upload)
            raise
        finally:
            await deposit.close()


async def _announce(context: AppContext, deposit: Deposit, interim: Interim, shown: str) -> None:
    """Commit the empty upload, and tell its sender where it is; raises Refusal."""
    if not context.connections.room_for_body():
        raise Refusal(BUSY)  # before there is a row of it
    upload = await commit(context, deposit, closing=Completion.NOT_YET)
    _tell_begun(context, upload)
    await interim.announce(upload, shown)


async def _join(context: AppContext, upload: Upload, parts: Sequence[UploadId]) -> Upload:
    size = await context.joiner.measure(upload, parts)
    if size.length is not None:
        admit_length(size.length, max_upload=context.options.max_upload)
    await context.admission.admit_open(upload.submitter)
    await context.admission.admit_bytes(size.room)
    context.admission.promise(size.room)
    return await context.joining.begin(upload, parts)


@asynccontextmanager
async def _turn(context: AppContext, upload: Upload) -> AsyncIterator[UploadLock]:
    """Hold the new upload and its key: a sender that comes again under it takes over."""
    async with AsyncExitStack() as holds:
        hold = await holds.enter_async_context(context.locks.hold(upload.id, patience=0))
        if upload.key:
            by_key = UploadId(f"{upload.submitter} {upload.key}")
            patience = context.options.pace.patience
            named = await holds.enter_async_context(context.locks.hold(by_key, patience=patience))
            holds.enter_context(named.release_requested.on_set(hold.release_requested.set))
        yield hold


async def _admit(context: AppContext, upload: Upload) -> None:
    length = upload.length or 0
    try:
        await context.admission.admit_open(upload.submitter)
        await context.admission.admit_bytes(length)
    except (Refusal, StorageFull):
        if upload.key:  # what is here already needs no room: creating it again finds it
            await (await context.store.create(upload)).close()
        raise
    context.admission.promise(length)


def _tell_begun(context: AppContext, upload: Upload) -> None:
    context.metrics.created.inc()
    if upload.state is UploadState.OPEN:
        context.admission.opened(upload.submitter)
    log.info("upload.created", upload=upload.id, length=upload.length)


def with_secret(context: AppContext, answer: Answer, created: Created, location: str) -> Answer:
    """Add the headers that hand the upload's secret out, if there is a secret."""
    if not created.secret:
        return answer
    stays, elsewhere = context.options.max_unfinished_age, context.options.names_origins
    handed = upload_secret.secret_headers(
        created.secret, location, stays=stays, elsewhere=elsewhere
    )
    return replace(answer, headers={**answer.headers, **handed})
