"""POST: begins an upload, and takes its first bytes when they come along."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from gateway import protocol
from gateway.admission import admit_bytes, admit_length
from gateway.errors import Refusal
from gateway.inviting import invite
from gateway.problems import DRAINING, KEY_REUSED
from gateway.taking import check_of, commit, take
from titip.errors import StorageFull
from titip.upload import Upload, UploadExists, UploadId, UploadState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    from gateway.gate import Gate
    from gateway.locks import Hold
    from gateway.protocol import Answer, Body, Create
    from titip.access import Bearer

log = structlog.get_logger()


async def create(gate: Gate, request: web.Request, command: Create, bearer: Bearer) -> Answer:
    """Begin the upload, in one commit with the bytes that came along.

    A body that ended early is no failure here: the answer's offset tells what was kept. A creation
    that was sent before under its key is answered with the upload it began then.
    """
    if gate.draining.given:
        raise Refusal(DRAINING)
    admit_length(command.length, max_upload=gate.options.max_upload)
    asked = Upload(
        id=UploadId(secrets.token_hex(16)),
        submitter=bearer.submitter,
        length=command.length,
        created_at=gate.deps.now(),
        metadata=command.metadata,
        key=command.key,
    )
    try:
        upload = await _begin(gate, request, asked, command.body)
    except UploadExists as known:
        if known.upload.length != command.length:
            raise Refusal(KEY_REUSED) from known
        upload = known.upload
    else:
        _tell(gate, upload)
    tells_offset = upload.id != asked.id or command.body is not None
    location = gate.location(request, upload.id)
    return protocol.created(upload, location, gate.terms, tells_offset=tells_offset)


async def _begin(gate: Gate, request: web.Request, upload: Upload, told: Body | None) -> Upload:
    check = check_of(told.checksum if told else None)
    async with _turn(gate, upload) as hold:
        await _admit(gate, upload)
        deposit = await gate.deps.store.create(upload, tap=check.tap if check else None)
        try:
            if told is None:
                return await commit(gate, deposit)
            await invite(request)
            return (await take(gate, request, deposit, hold=hold, check=check)).upload
        finally:
            await deposit.close()


@asynccontextmanager
async def _turn(gate: Gate, upload: Upload) -> AsyncIterator[Hold]:
    """Hold the new upload and its key: a sender that comes again under it takes over."""
    async with AsyncExitStack() as holds:
        hold = await holds.enter_async_context(gate.locks.hold(upload.id, patience=0))
        if upload.key:
            by_key = UploadId(f"{upload.submitter} {upload.key}")
            patience = gate.options.pace.patience
            named = await holds.enter_async_context(gate.locks.hold(by_key, patience=patience))
            holds.enter_context(named.asked_to_leave.heard_by(hold.asked_to_leave.give))
        yield hold


async def _admit(gate: Gate, upload: Upload) -> None:
    try:
        await gate.unfinished.admit(upload.submitter)
        admit_bytes(upload.length, room=await gate.space.room(), reserve=gate.options.reserve)
    except (Refusal, StorageFull):
        if upload.key:  # what is here already needs no room: creating it again finds it
            await (await gate.deps.store.create(upload)).close()
        raise
    gate.space.promise(upload.length)


def _tell(gate: Gate, upload: Upload) -> None:
    gate.metrics.created.inc()
    if upload.state is UploadState.OPEN:
        gate.unfinished.begun(upload.submitter)
    log.info("upload.created", upload=upload.id, length=upload.length)
    if upload.state is UploadState.SEALED:
        log.info("upload.sealed", upload=upload.id, length=upload.length)
