"""Takes one body into custody: intake, checksum, commit, in that order and no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.context import CUT_SHORT
from gateway.ingest.body import BodyReader
from gateway.ingest.body_writer import BodyWriter
from gateway.protocol.checksum import BodyDigest
from gateway.protocol.errors import BodyInterrupted, Ending, Refusal
from gateway.protocol.problems import BUSY, CHECKSUM_MISMATCH, DIGEST_MISMATCH
from gateway.protocol.tus import trailed_checksum
from gateway.transport.connection import trailer_of
from titip.errors import DigestMismatch, LengthExceeded
from titip.upload import Completion, UploadState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aiohttp import web

    from gateway.context import AppContext
    from gateway.ingest.locks import UploadLock
    from gateway.protocol import commands
    from titip.ports.storage import Deposit
    from titip.upload import Upload


def body_digest(body: commands.BodyHeaders) -> BodyDigest | None:
    """Begin to digest a body that counts whole or not at all; None for one that counts in parts."""
    if body.whole or body.trailed or body.checksum is not None:
        return BodyDigest(body.checksum, trailed=body.trailed)
    return None


def verify(digest: BodyDigest, trailer: commands.Fields | None = None) -> None:
    """Raise Refusal unless the body that is over now is the one that was meant."""
    if not digest.fits(trailed_checksum(trailer) if digest.trailed else None):
        raise Refusal(CHECKSUM_MISMATCH)


@dataclass(frozen=True, slots=True)
class ReceivedBody:
    """What a body came to: the upload as committed, and why the body ended."""

    upload: Upload
    ending: Ending


async def receive_body(
    context: AppContext,
    request: web.Request,
    deposit: Deposit,
    *,
    hold: UploadLock,
    digest: BodyDigest | None,
    closing: Completion = Completion.AT_LENGTH,
    tell: Callable[[int], Awaitable[None]] | None = None,
) -> ReceivedBody:
    """Take the request's body in and commit it; the caller holds the lock and closes the deposit.

    What came of a body that was cut is committed, unless a checksum says that only all of it
    counts: then, and when it is too long or does not fit, nothing of it is kept. Raises
    LengthExceeded, Refusal, BodyInterrupted, StorageFull, StorageBroken, OffsetConflict.
    `closing` says what a body that came whole ends; one that was cut ends nothing by word. `tell`
    hears each offset that is committed on the way.
    """
    if not context.connections.room_for_body():
        raise Refusal(BUSY)
    before, pace = deposit.upload, context.options.pace
    batch = pace.batch_among(len(context.locks))
    request.content.set_read_chunk_size(batch)
    body = BodyReader(request.content, hold=hold, room=_room(context, before), pace=pace)
    intake = BodyWriter(
        body,
        deposit,
        pace=pace,
        batch=batch,
        all_or_nothing=digest is not None,
        ask=context.admission.admit_bytes if before.length is None else None,
        tell=tell,
    )
    last = await _taken_in(context, intake, body, deposit, hold=hold)
    ending = body.ending or Ending.WHOLE
    request[CUT_SHORT] = ending is not Ending.WHOLE
    if digest is not None and ending is not Ending.WHOLE:
        await deposit.rewind()
        raise BodyInterrupted(ending, committed=deposit.upload.offset)
    await intake.reserve(last)
    if digest is not None:
        await _write_checked(deposit, last, digest, request)
        last = []
    if ending is not Ending.WHOLE and closing is Completion.NOW:
        closing = Completion.NOT_YET
    upload = await commit(context, deposit, last, closing=closing)
    context.metrics.bytes.inc(upload.offset - before.offset)
    return ReceivedBody(upload, ending)


async def commit(
    context: AppContext,
    deposit: Deposit,
    batch: Sequence[bytes] = (),
    *,
    closing: Completion = Completion.AT_LENGTH,
) -> Upload:
    """Commit the deposit with its last batch, and count what that meant.

    Raises Refusal when the whole is not what its sender declared: the batch is forgotten then.
    """
    clock = asyncio.get_running_loop().time
    begun = clock()
    try:
        upload = await deposit.commit(batch, closing=closing)
    except DigestMismatch as error:
        await deposit.rewind()
        at = {"Upload-Offset": str(deposit.upload.offset)}
        raise Refusal(DIGEST_MISMATCH.with_headers(at)) from error
    context.metrics.commit_seconds.observe(clock() - begun)
    if upload.state is UploadState.SEALED:
        context.metrics.sealed.inc()
    return upload


def _room(context: AppContext, upload: Upload) -> int:
    """Give how many bytes may come: as many as were declared, or one upload may have."""
    return (
        context.options.max_upload - upload.offset if upload.remaining is None else upload.remaining
    )


async def _taken_in(
    context: AppContext, intake: BodyWriter, body: BodyReader, deposit: Deposit, *, hold: UploadLock
) -> list[bytes]:
    """Write all but the last batch and give that one; the body ends early when it is told to."""
    try:
        with (
            hold.release_requested.on_set(partial(body.stop, Ending.ASKED_TO_LEAVE)),
            context.draining.on_set(partial(body.stop, Ending.DRAINING)),
        ):
            return await intake.run()
    except LengthExceeded:
        await deposit.rewind()
        raise


async def _write_checked(
    deposit: Deposit, last: Sequence[bytes], digest: BodyDigest, request: web.Request
) -> None:
    await deposit.write(last)
    try:
        verify(digest, trailer_of(request))
    except Refusal:
        await deposit.rewind()
        raise
