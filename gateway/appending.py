"""PATCH: goes on with an upload from its committed offset."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from gateway import protocol
from gateway.errors import BodyInterrupted, Refusal
from gateway.inviting import invite
from gateway.problems import DRAINING
from gateway.taking import check_of, take
from titip.errors import (
    CustodyError,
    LengthExceeded,
    OffsetConflict,
    StorageFull,
    UploadGone,
)
from titip.upload import UploadState

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.gate import Gate
    from gateway.locks import Hold
    from gateway.protocol import Answer, Append
    from titip.access import Bearer
    from titip.upload import Upload, UploadId

log = structlog.get_logger()


async def append(
    gate: Gate,
    request: web.Request,
    *,
    upload_id: UploadId,
    command: Append,
    bearer: Bearer,
) -> Answer:
    """Take the body in at the offset; raises BodyInterrupted once what came is committed."""
    if gate.draining.given:
        raise Refusal(DRAINING)
    if gate.locks.holder(upload_id) is not None:
        await gate.own(upload_id, bearer)  # a stranger asks nobody to leave
    async with gate.locks.hold(upload_id, patience=gate.options.pace.patience) as hold:
        upload = await gate.own(upload_id, bearer)
        _agree(upload, command)
        if command.body.size == 0:
            return protocol.appended(upload, gate.terms)
        await invite(request)
        upload = await _go_on(gate, request, upload, command=command, hold=hold)
    if upload.state is UploadState.SEALED:
        log.info("upload.sealed", upload=upload.id, length=upload.length)
    return protocol.appended(upload, gate.terms)


def _agree(upload: Upload, command: Append) -> None:
    if upload.state in {UploadState.TERMINATED, UploadState.EXPIRED}:
        raise UploadGone(f"the upload was {upload.state}")
    if command.offset != upload.offset:
        raise OffsetConflict(committed=upload.offset)
    size = 1 if command.body.size is None and upload.complete else command.body.size or 0
    if size > upload.remaining:
        raise LengthExceeded("the body goes past the declared length")


async def _go_on(
    gate: Gate,
    request: web.Request,
    upload: Upload,
    *,
    command: Append,
    hold: Hold,
) -> Upload:
    check = check_of(command.body.checksum)
    deposit = await gate.deps.store.resume(upload, tap=check.tap if check else None)
    try:
        taken = await take(gate, request, deposit, hold=hold, check=check)
    except StorageFull:
        if check is None:
            with suppress(CustodyError):
                await deposit.commit()
        raise
    finally:
        await deposit.close()
    if not taken.whole:
        raise BodyInterrupted(taken.ending, committed=taken.upload.offset)
    return taken.upload
