"""Takes one body into custody: intake, checksum, commit, in that order and no other."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.body import Body
from gateway.checksum import Awaited, Checksum, Every
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

    from gateway.checksum import Hash
    from gateway.gate import Gate
    from gateway.locks import Hold
    from gateway.trailers import Trailer
    from titip.ports import Deposit
    from titip.upload import Upload


@dataclass(frozen=True, slots=True)
class Check:
    """A body that counts whole or not at all: its checksum if told, and what it digests to.

    `every`: what it digests to in each way, where the checksum is told only after it.
    """

    told: Checksum | None = None
    running: Hash | None = None
    every: Every | None = None

    @property
    def tap(self) -> Callable[[bytes], object] | None:
        """Give what is to be called with each piece."""
        running = self.every or self.running
        return None if running is None else running.update

    @property
    def holds(self) -> bool:
        """Tell whether the body is the one that was meant."""
        return self.told is None or self.running is None or self.told.fits(self.running)

    def compare(self, trailer: Trailer | None) -> None:
        """Raise Refusal unless the body that is over now, with its trailer, is what was meant."""
        holds = self.holds
        if self.every is not None:
            told = trailed_checksum(None if trailer is None else trailer.fields)
            holds = told.fits(self.every.of(told))
        if not holds:
            raise Refusal(CHECKSUM_MISMATCH)


def check_of(told: Checksum | Awaited | None, *, whole: bool = False) -> Check | None:
    """Begin to check a body, if it has a checksum or is `whole`: worth nothing in parts."""
    match told:
        case None:
            return Check() if whole else None
        case Awaited():
            return Check(every=Every())
        case Checksum():
            return Check(told, told.begin())


@dataclass(frozen=True, slots=True)
class Taken:
    """What a body came to: the upload as committed, and why the body ended."""

    upload: Upload
    ending: Ending

    @property
    def whole(self) -> bool:
        """Tell whether nothing is missing: the body ended well, or brought the last byte."""
        return self.ending is Ending.WHOLE or self.upload.state is UploadState.SEALED


async def take(
    gate: Gate,
    request: web.Request,
    deposit: Deposit,
    *,
    hold: Hold,
    check: Check | None,
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
        all_or_nothing=check is not None,
        ask=gate.admission.admit_bytes if before.length is None else None,
        tell=tell,
    )
    last = await _taken_in(gate, intake, body, deposit, hold=hold)
    ending = body.ending or Ending.WHOLE
    request[CUT_SHORT] = ending is not Ending.WHOLE
    if check is not None and ending is not Ending.WHOLE:
        await deposit.rewind()
        raise BodyInterrupted(ending, committed=deposit.upload.offset)
    await intake.reserve(last)
    if check is not None:
        await _write_checked(deposit, last, check, trailer=trailer_of(request))
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
        raise Refusal(DIGEST_MISMATCH.because(DIGEST_MISMATCH.detail, headers=at)) from error
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
    deposit: Deposit, last: Sequence[bytes], check: Check, *, trailer: Trailer | None
) -> None:
    await deposit.write(last)
    try:
        check.compare(trailer)
    except Refusal:
        await deposit.rewind()
        raise
