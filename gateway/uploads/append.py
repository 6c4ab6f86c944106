"""PATCH: goes on with an upload from its committed offset."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from gateway.admission import admit_length
from gateway.context import alive
from gateway.protocol.errors import BodyInterrupted, Ending, Refusal
from gateway.protocol.problems import DRAINING, INCONSISTENT_LENGTH, JOINED
from gateway.transport.informational import send_continue
from gateway.uploads.receive import body_digest, receive_body, verify
from titip.errors import (
    CustodyError,
    LengthExceeded,
    OffsetConflict,
    StorageFull,
)
from titip.upload import Completion, UploadState, seals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import web

    from gateway.context import AppContext
    from gateway.ingest.locks import UploadLock
    from gateway.protocol.checksum import BodyDigest
    from gateway.protocol.commands import Append
    from gateway.transport.informational import Interim
    from titip.access import Bearer
    from titip.upload import Upload, UploadId

log = structlog.get_logger()


async def append(
    context: AppContext,
    request: web.Request,
    *,
    upload_id: UploadId,
    command: Append,
    bearer: Bearer,
    interim: Interim | None = None,
) -> Upload:
    """Take the body in at the offset; raises BodyInterrupted once what came is committed."""
    if context.draining.is_set:
        raise Refusal(DRAINING)
    if context.locks.holder(upload_id) is not None:
        await context.own(upload_id, bearer)  # a stranger asks nobody to leave
    async with context.locks.hold(upload_id, patience=context.options.pace.patience) as hold:
        upload = alive(await context.own(upload_id, bearer))
        _agree(upload, command)
        digest = body_digest(command.body)
        if _nothing_to_do(upload, command):
            if digest is not None:
                verify(digest)
            return upload
        await _admit(context, upload, command)
        await send_continue(request)
        tell = None if interim is None else interim.progress
        upload = await _go_on(
            context, request, upload, command=command, digest=digest, hold=hold, tell=tell
        )
    if upload.state is UploadState.SEALED:
        log.info("upload.sealed", upload=upload.id, length=upload.length)
    if upload.is_partial and upload.complete:
        await context.joining.part_complete(upload.id)
    return upload


def _agree(upload: Upload, command: Append) -> None:
    if upload.is_final:
        raise Refusal(JOINED)
    if command.offset != upload.offset:
        raise OffsetConflict(committed=upload.offset)
    if command.length is not None and upload.length not in {None, command.length}:
        raise Refusal(INCONSISTENT_LENGTH)
    sealed = upload.state is UploadState.SEALED
    size = 1 if command.body.size is None and sealed else command.body.size or 0
    length = command.length if upload.length is None else upload.length
    if length is not None and size > length - upload.offset:
        raise LengthExceeded("the body goes past the declared length")


def _nothing_to_do(upload: Upload, command: Append) -> bool:
    if command.body.size != 0:
        return False
    told = command.length is not None and upload.length is None
    ends = upload.state is UploadState.OPEN and seals(upload, command.closing)
    return not told and not ends


async def _admit(context: AppContext, upload: Upload, command: Append) -> None:
    """Ask for room for what was not promised at creation, since the length was left open."""
    if upload.length is not None:
        return
    end = command.length
    if end is None:
        end = upload.offset + (command.body.size or 0)
    admit_length(end, max_upload=context.options.max_upload)
    await context.admission.admit_bytes(end - upload.offset)
    if command.length is not None:
        context.admission.promise(end - upload.offset)


async def _go_on(
    context: AppContext,
    request: web.Request,
    upload: Upload,
    *,
    command: Append,
    digest: BodyDigest | None,
    hold: UploadLock,
    tell: Callable[[int], Awaitable[None]] | None,
) -> Upload:
    tap = None if digest is None else digest.update
    deposit = await context.store.resume(upload, length=command.length, tap=tap)
    try:
        taken = await receive_body(
            context, request, deposit, hold=hold, digest=digest, closing=command.closing, tell=tell
        )
    except StorageFull:
        if digest is None:
            with suppress(CustodyError):
                await deposit.commit(closing=Completion.NOT_YET)
        raise
    finally:
        await deposit.close()
    if taken.ending is not Ending.WHOLE and taken.upload.state is not UploadState.SEALED:
        raise BodyInterrupted(taken.ending, committed=taken.upload.offset)
    return taken.upload
