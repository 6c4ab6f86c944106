"""POST: begins an upload, and takes its first bytes when they come along."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from gateway import secret
from gateway.admission import admit_length
from gateway.deps import Auth
from gateway.errors import Ending, Refusal
from gateway.interim import invite
from gateway.problems import BUSY, DRAINING, KEY_REUSED
from gateway.taking import Taken, body_digest, commit, take
from titip import concat
from titip.access import digest_of
from titip.errors import CustodyError, LengthExceeded, StorageFull
from titip.upload import Closing, Upload, UploadExists, UploadId, UploadState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiohttp import web

    from gateway.commands import Answer, Create
    from gateway.gate import Gate
    from gateway.interim import Interim
    from gateway.locks import Hold
    from titip.ports import Deposit

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
    gate: Gate,
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
    bearer = await gate.door.bearer(request.headers)
    if gate.draining.given:
        raise Refusal(DRAINING)
    if command.length is not None:
        admit_length(command.length, max_upload=gate.options.max_upload)
    if interim is not None and (command.body is None or command.body.whole or not interim.in_time):
        interim = None
    shown = secret.new_secret() if _goes_on(gate, command, interim) else ""
    asked = Upload(
        id=UploadId(secrets.token_hex(16)),
        submitter=bearer.submitter,
        length=command.length,
        created_at=gate.now(),
        metadata=command.metadata,
        key=command.key,
        concat=command.concat,
        expected_sha256=command.sha256,
        secret_digest=digest_of(shown) if shown else "",
    )
    try:
        taken = await _begin(gate, request, asked, command, interim=interim, shown=shown)
    except UploadExists as known:
        if not _means(command, known.upload):
            raise Refusal(KEY_REUSED) from known
        return Created(await gate.joining.wait_briefly(known.upload), known=True)
    upload = taken.upload
    if interim is None:
        _tell_begun(gate, upload)
    if upload.state is UploadState.SEALED and not upload.joined:
        log.info("upload.sealed", upload=upload.id, length=upload.length)
    handed = shown if upload.state is UploadState.OPEN else ""
    return Created(upload, handed, ending=taken.ending)


def _means(command: Create, known: Upload) -> bool:
    """Tell whether a creation may be the one that began this upload, sent again."""
    told = concat.parse(known.concat) if known.joined else None
    joined_from = told.parts if isinstance(told, concat.Final) else ()
    if command.body is not None and command.body.whole and known.state is not UploadState.SEALED:
        return False  # it has the whole file, and was told of no address to go on at
    return command.length in {None, known.length} and command.parts == joined_from


def _goes_on(gate: Gate, command: Create, interim: Interim | None) -> bool:
    """Tell whether requests for this upload are to follow, which may outlive their login."""
    if gate.options.auth is Auth.NONE or command.parts:
        return False
    body = command.body
    in_one = body is not None and (body.whole or body.size == command.length)
    return interim is not None or not in_one


async def _begin(
    gate: Gate,
    request: web.Request,
    upload: Upload,
    command: Create,
    *,
    interim: Interim | None,
    shown: str,
) -> Taken:
    told = command.body
    digest = None if told is None else body_digest(told)
    tap = None if digest is None else digest.update
    async with _turn(gate, upload) as hold:
        if command.parts:
            return Taken(await _join(gate, upload, command.parts), Ending.WHOLE)
        await _admit(gate, upload)
        deposit = await gate.store.create(upload, tap=tap)
        try:
            if told is None:
                sealed = await commit(gate, deposit, closing=command.closing)
                return Taken(sealed, Ending.WHOLE)
            if interim is not None:
                await _announce(gate, deposit, interim, shown)
            await invite(request)
            return await take(
                gate,
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
                    await gate.store.terminate(deposit.upload)
            raise
        finally:
            await deposit.close()


async def _announce(gate: Gate, deposit: Deposit, interim: Interim, shown: str) -> None:
    """Commit the empty upload, and tell its sender where it is; raises Refusal."""
    if not gate.connections.room_for_body():
        raise Refusal(BUSY)  # before there is a row of it
    upload = await commit(gate, deposit, closing=Closing.LATER)
    _tell_begun(gate, upload)
    await interim.announce(upload, shown)


async def _join(gate: Gate, upload: Upload, parts: Sequence[UploadId]) -> Upload:
    weight = await gate.joiner.weigh(upload, parts)
    if weight.length is not None:
        admit_length(weight.length, max_upload=gate.options.max_upload)
    await gate.admission.admit_open(upload.submitter)
    await gate.admission.admit_bytes(weight.room)
    gate.admission.promise(weight.room)
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
        await gate.admission.admit_open(upload.submitter)
        await gate.admission.admit_bytes(length)
    except (Refusal, StorageFull):
        if upload.key:  # what is here already needs no room: creating it again finds it
            await (await gate.store.create(upload)).close()
        raise
    gate.admission.promise(length)


def _tell_begun(gate: Gate, upload: Upload) -> None:
    gate.metrics.created.inc()
    if upload.state is UploadState.OPEN:
        gate.admission.opened(upload.submitter)
    log.info("upload.created", upload=upload.id, length=upload.length)


def with_secret(gate: Gate, answer: Answer, created: Created, location: str) -> Answer:
    """Add the headers that hand the upload's secret out, if there is a secret."""
    if not created.secret:
        return answer
    stays, elsewhere = gate.options.max_unfinished_age, gate.options.names_origins
    handed = secret.handed_out(created.secret, location, stays=stays, elsewhere=elsewhere)
    return replace(answer, headers={**answer.headers, **handed})
