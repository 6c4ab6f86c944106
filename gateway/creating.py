"""POST: begins an upload, and takes its first bytes when they come along."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from gateway.admission import admit_bytes, admit_length
from gateway.deps import Auth
from gateway.errors import Refusal
from gateway.inviting import invite
from gateway.problems import DRAINING, KEY_REUSED
from gateway.secret import new_secret
from gateway.taking import check_of, commit, take
from titip.access import digest_of
from titip.errors import StorageFull
from titip.upload import Upload, UploadExists, UploadId, UploadState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiohttp import web

    from gateway.commands import Create
    from gateway.gate import Gate
    from gateway.locks import Hold
    from titip.access import Bearer

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Created:
    """What a creation came to: `secret` is empty where none was handed out.

    `known`: it had been begun before, under its key.
    """

    upload: Upload
    secret: str = ""
    known: bool = False


async def create(gate: Gate, request: web.Request, command: Create, bearer: Bearer) -> Created:
    """Begin the upload, in one commit with the bytes that came along.

    A body that ended early is no failure here: the answer's offset tells what was kept. A creation
    that was sent before under its key is answered with the upload it began then.
    """
    if gate.draining.given:
        raise Refusal(DRAINING)
    if command.length is not None:
        admit_length(command.length, max_upload=gate.options.max_upload)
    secret = new_secret() if _goes_on(gate, command) else ""
    asked = Upload(
        id=UploadId(secrets.token_hex(16)),
        submitter=bearer.submitter,
        length=command.length,
        created_at=gate.deps.now(),
        metadata=command.metadata,
        key=command.key,
        concat=command.concat,
        expected_sha256=command.sha256,
        secret_digest=digest_of(secret) if secret else "",
    )
    try:
        upload = await _begin(gate, request, asked, command)
    except UploadExists as known:
        if command.length not in {None, known.upload.length}:
            raise Refusal(KEY_REUSED) from known
        return Created(known.upload, known=True)
    _tell(gate, upload)
    return Created(upload, secret if upload.state is UploadState.OPEN else "")


def _goes_on(gate: Gate, command: Create) -> bool:
    """Tell whether requests for this upload are to follow, which may outlive their login."""
    if gate.options.auth is Auth.NONE or command.parts:
        return False
    return command.body is None or command.body.size != command.length


async def _begin(gate: Gate, request: web.Request, upload: Upload, command: Create) -> Upload:
    told = command.body
    check = check_of(told.checksum if told else None)
    async with _turn(gate, upload) as hold:
        if command.parts:
            return await _join(gate, upload, command.parts)
        await _admit(gate, upload)
        deposit = await gate.deps.store.create(upload, tap=check.tap if check else None)
        try:
            if told is None:
                return await commit(gate, deposit, closing=command.closing)
            await invite(request)
            taken = await take(
                gate, request, deposit, hold=hold, check=check, closing=command.closing
            )
            return taken.upload
        finally:
            await deposit.close()


async def _join(gate: Gate, upload: Upload, parts: Sequence[UploadId]) -> Upload:
    weight = await gate.deps.joiner.weigh(upload, parts)
    if weight.length is not None:
        admit_length(weight.length, max_upload=gate.options.max_upload)
    await gate.unfinished.admit(upload.submitter)
    admit_bytes(weight.room, room=await gate.space.room(), reserve=gate.options.reserve)
    return await gate.joining.begin(upload, parts)


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
    length = upload.length or 0
    try:
        await gate.unfinished.admit(upload.submitter)
        admit_bytes(length, room=await gate.space.room(), reserve=gate.options.reserve)
    except (Refusal, StorageFull):
        if upload.key:  # what is here already needs no room: creating it again finds it
            await (await gate.deps.store.create(upload)).close()
        raise
    gate.space.promise(length)


def _tell(gate: Gate, upload: Upload) -> None:
    gate.metrics.created.inc()
    if upload.state is UploadState.OPEN:
        gate.unfinished.begun(upload.submitter)
    log.info("upload.created", upload=upload.id, length=upload.length)
    if upload.state is UploadState.SEALED and not upload.joined:
        log.info("upload.sealed", upload=upload.id, length=upload.length)
