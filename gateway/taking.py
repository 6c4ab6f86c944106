"""Takes one body into custody: intake, checksum, commit, in that order and no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.body import Body
from gateway.checksum import BodyDigest
from gateway.connection import trailer_of
from gateway.errors import BodyInterrupted, Ending, Refusal
from gateway.gate import CUT_SHORT
from gateway.intake import Intake
from gateway.problems import BUSY, CHECKSUM_MISMATCH, DIGEST_MISMATCH
from gateway.protocol import trailed_checksum
from titip.errors import DigestMismatch, LengthExceeded
from titip.upload import Closing, UploadState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aiohttp import web

    from gateway import commands
    from gateway.gate import Gate
    from gateway.locks import Hold
    from titip.ports import Deposit
    from titip.upload import Upload


def body_digest(body: commands.Body) -> BodyDigest | None:
    """Begin to digest a body that counts whole or not at all; None for one that counts in parts."""
    if body.whole or body.trailed or body.checksum is not None:
        return BodyDigest(body.checksum, trailed=body.trailed)
    return None


def verify(digest: BodyDigest, trailer: commands.Fields | None = None) -> None:
    """Raise Refusal unless the body that is over now is the one that was meant."""
    if not digest.fits(trailed_checksum(trailer) if digest.trailed else None):
        raise Refusal(CHECKSUM_MISMATCH)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a body came to: the upload as committed, and why the body ended."""

    upload: Upload
    ending: Ending


async def take(
    gate: Gate,
    request: web.Request,
    deposit: Deposit,
    *,
    hold: Hold,
    digest: BodyDigest | None,
    closing: Closing = Closing.AT_LENGTH,
    tell: Callable[[int], Awaitable[None]] | None = None,
) -> Taken:
    """Take the request's body in and commit it; the caller holds the lock and closes the deposit.

    What came of a body that was cut is committed, unless a checksum says that only all of it
    counts: then, and when it is too long or does not fit, nothing of it is kept. Raises
    LengthExceeded, Refusal, BodyInterrupted, StorageFull, StorageBroken, OffsetConflict.
    `closing` says what a body that came whole ends; one that was cut ends nothing by word. `tell`
    hears each offset that is committed on the way.
    """
    if not gate.connections.room_for_body():
        raise Refusal(BUSY)
    before, pace = deposit.upload, gate.options.pace
    batch = pace.batch_among(len(gate.locks))
    request.content.set_read_chunk_size(batch)
    body = Body(request.content, hold=hold, room=_room(gate, before), pace=pace)
    intake = Intake(
        body,
        deposit,
        pace=pace,
        batch=batch,
        all_or_nothing=digest is not None,
        ask=gate.admission.admit_bytes if before.length is None else None,
        tell=tell,
    )
    last = await _taken_in(gate, intake, body, deposit, hold=hold)
    ending = body.ending or Ending.WHOLE
    request[CUT_SHORT] = ending is not Ending.WHOLE
    if digest is not None and ending is not Ending.WHOLE:
        await deposit.rewind()
        raise BodyInterrupted(ending, committed=deposit.upload.offset)
    await intake.reserve(last)
    if digest is not None:
        await _write_checked(deposit, last, digest, request)
        last = []
    if ending is not Ending.WHOLE and closing is Closing.NOW:
        closing = Closing.LATER
    upload = await commit(gate, deposit, last, closing=closing)
    gate.metrics.bytes.inc(upload.offset - before.offset)
    return Taken(upload, ending)


async def commit(
    gate: Gate,
    deposit: Deposit,
    batch: Sequence[bytes] = (),
    *,
    closing: Closing = Closing.AT_LENGTH,
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
    gate.metrics.commit_seconds.observe(clock() - begun)
    if upload.state is UploadState.SEALED:
        gate.metrics.sealed.inc()
    return upload


def _room(gate: Gate, upload: Upload) -> int:
    """Give how many bytes may come: as many as were declared, or one upload may have."""
    return gate.options.max_upload - upload.offset if upload.remaining is None else upload.remaining


async def _taken_in(
    gate: Gate, intake: Intake, body: Body, deposit: Deposit, *, hold: Hold
) -> list[bytes]:
    """Write all but the last batch and give that one; the body ends early when it is told to."""
    try:
        with (
            hold.asked_to_leave.heard_by(partial(body.stop, Ending.ASKED_TO_LEAVE)),
            gate.draining.heard_by(partial(body.stop, Ending.DRAINING)),
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
