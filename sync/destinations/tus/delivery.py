"""One upload on its way into a tus registry."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeGuard

import structlog

from sync.destinations.checkpoints import TusCheckpoint
from sync.destinations.doubts import ANOTHER, ELSEWHERE, EMPTY, RESTORED, TAKEN_IN
from sync.destinations.http_answer import SUCCESS, AnswerRules, doubt_after, fault_of
from sync.destinations.tus.protocol import Hop, RemoteUpload, TusSteps, UnexpectedStatus
from sync.destinations.waste import Waste
from titip.errors import (
    AttemptFailed,
    ContentDamaged,
    DeliveryFault,
    DeliveryRejected,
    DestinationUnavailable,
    OutcomeUnknown,
)
from titip.evidence import Doubt, Evidence
from titip.ports.delivery import DeliveryResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.destinations.given import Given
    from sync.destinations.http_answer import Answer
    from titip.delivery import ClaimedDelivery
    from titip.ports.delivery import Progress

log = structlog.get_logger()

LOCKED_REST: Final = timedelta(seconds=5)
"""An upload that is locked is held by a request of ours that broke; it lets go by itself."""

_MOVED: Final = frozenset({HTTPStatus.CONFLICT, 460})
"""The offset is another, or (the checksum extension's 460) the chunk was damaged on its way."""

_GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})

RULES: Final = AnswerRules()
"""How a tus server answers: its yes is in the protocol's own headers."""

MOST_SHORT: Final = 8
"""Chunks in a row of which not all may be taken; see sync.destinations.waste."""

SHORT: Final = "the registry takes less of each chunk than it is sent; does a proxy cut them?"
FELL: Final = "the registry goes back behind what it acknowledged, again and again"

SMALLEST: Final = 64 * 1024
"""Bytes below which no chunk is made for a registry that takes little at a time."""


class _Short(AttemptFailed):
    """Fewer bytes were taken than were sent."""


class TusDelivery:
    """One attempt of one parcel.

    An upload over there that is gone is begun anew, unless its last bytes may have arrived: it
    may be gone because it was taken in. A human has to look then, and so where a backup was
    restored, or the registry is another one now, and no upload is known over there: one that
    nothing here tells of may have ended. One that was begun before the bytes were repaired is left
    behind unfinished, since a damaged part of them may lie there.
    """

    def __init__(
        self,
        hop: Hop,
        steps: TusSteps,
        *,
        parcel: ClaimedDelivery,
        progress: Progress,
        given: Given,
    ) -> None:
        self._hop = hop
        self._is_ours = partial(given.is_of, owner=parcel.delivery.id)
        self._steps = steps
        self._length = parcel.upload.size
        self._maybe_delivered = parcel.delivery.maybe_delivered
        self._from_backup = parcel.delivery.from_backup
        self._repairs = parcel.upload.repairs
        self._progress = progress
        self._known = TusCheckpoint.parse(parcel.delivery.checkpoint)
        self._told_whole = False
        self._acknowledged = False

    async def run(self) -> DeliveryResult:
        """Bring the file there, or find it there."""
        self._leave_what_lies_elsewhere()
        held = await self._found() or await self._begun()
        offset = held.offset
        waste = Waste(length=self._length, most_short=MOST_SHORT)
        while offset < self._length:
            sent = self._chunk_at(offset)
            reached = await self._append(offset)
            waste = waste.after(sent=sent, gained=reached - offset)
            if waste.falls_too_often:
                raise AttemptFailed(FELL, suspect=FELL)
            if waste.is_too_much:
                raise AttemptFailed(SHORT, suspect=SHORT)
            if offset <= reached < offset + sent:  # it may take no more at a time
                self._steps.chunk_size = min(sent, max(reached - offset, SMALLEST))
            offset = reached
        self._body_sent()
        return await self._arrived()

    async def _found(self) -> RemoteUpload | None:
        if not self._known.url:
            if self._maybe_delivered and not self._length:
                raise DeliveryRejected(EMPTY)
            if self._from_backup:
                raise DeliveryRejected(RESTORED)
            return None
        held = await self._hop(lambda: self._steps.held(self._known.url))
        if (
            held is None
            and self._from_backup
            and not (self._known.closing and self._maybe_delivered)
        ):
            raise DeliveryRejected(RESTORED)
        if self._is_ours_to_go_on_with(held):
            return held
        if self._known.closing and self._maybe_delivered:
            raise DeliveryRejected(TAKEN_IN)
        return None

    def _is_ours_to_go_on_with(self, held: RemoteUpload | None) -> TypeGuard[RemoteUpload]:
        """Tell whether the upload over there may be gone on with; else it is begun anew."""
        if held is None or held.length not in {None, self._length}:
            log.info("registry.upload_lost")
            return False
        if self._known.repairs != self._repairs and held.offset < self._length:
            log.info("registry.upload_left_behind")
            return False
        if held.offset >= self._length > 0 and not self._known.closing:
            raise _claims_more(held.offset)
        return True

    def _leave_what_lies_elsewhere(self) -> None:
        """Forget an upload whose origin the settings name no more; nothing is sent there."""
        if not self._known.url or self._steps.is_ours(self._known.url):
            return
        if (self._known.closing and self._maybe_delivered) or self._from_backup:
            raise DeliveryRejected(ELSEWHERE)
        log.warning("registry.upload_elsewhere")
        self._known = TusCheckpoint()

    async def _begun(self) -> RemoteUpload:
        url = await self._created()
        if not self._is_ours(url):
            raise AttemptFailed(
                "the registry gave the address of another file's upload", suspect="address twice"
            )
        closing = not self._length
        await self._commit(TusCheckpoint(url, closing=closing, repairs=self._repairs))
        return RemoteUpload(0, self._length)

    async def _created(self) -> str:
        """Create the upload; with that an empty file is whole, and its address is all there is."""
        try:
            return await self._hop(self._steps.create_url)
        except OutcomeUnknown as silence:
            if self._length:
                raise DestinationUnavailable(silence.reason) from silence
            self._progress.doubted(Doubt.UNHEARD)
            raise
        except UnexpectedStatus as answered:
            if self._length:
                raise
            answer = replace(answered.answer, whole=True)
            fault = fault_of(answer, RULES)
            self._progress.doubted(doubt_after(answer, RULES))
            besides = None if isinstance(fault, DeliveryRejected) else fault
            raise DeliveryRejected(EMPTY, detail=fault.detail, besides=besides) from None

    async def _append(self, offset: int) -> int:
        """Send one chunk; give the offset that the far side is at now."""
        size = self._chunk_at(offset)
        is_last = offset + size == self._length
        was_closing = self._known.closing
        await self._mark(closing=is_last)
        counted = self._counted(size, is_last=is_last)
        try:
            reached = await self._hop(
                lambda: self._steps.append(self._known.url, offset, sent=counted)
            )
        except UnexpectedStatus as answered:
            return await self._judged(answered.answer, offset, is_last=is_last)
        except ContentDamaged:
            if is_last:
                await self._mark(closing=was_closing)
            raise
        except DestinationUnavailable as silence:
            if is_last:
                return await self._after_the_last(silence, offset, doubt=Doubt.UNHEARD)
            raise
        if reached > offset + size:
            raise _claims_more(reached)
        if is_last and reached < self._length:  # all has left: this shows nothing
            return await self._after_the_last(_Short(SHORT), offset, doubt=Doubt.ANSWERED)
        self._acknowledged = reached == self._length
        return reached

    def _chunk_at(self, offset: int) -> int:
        return min(self._steps.chunk_size, self._length - offset)

    async def _judged(self, answer: Answer, offset: int, *, is_last: bool) -> int:
        """Go on from an answer that is not the protocol's; gives the offset to go on from."""
        answer = replace(answer, whole=is_last)
        fault = fault_of(answer, RULES)
        if answer.status == HTTPStatus.LOCKED:
            raise AttemptFailed("locked there by an earlier request", retry_after=LOCKED_REST)
        if is_last:
            return await self._after_the_last(fault, offset, doubt=doubt_after(answer, RULES))
        if answer.status in _MOVED or answer.status in SUCCESS:
            held = await self._hop(lambda: self._steps.held(self._known.url))
            if held is not None and held.offset >= self._length:
                raise _claims_more(held.offset)
            if held is not None:
                return held.offset
        elif answer.status not in _GONE:
            raise fault
        await self._commit(TusCheckpoint())
        raise AttemptFailed("the upload is gone there; it will be sent anew")

    async def _after_the_last(self, fault: DeliveryFault, offset: int, *, doubt: Doubt) -> int:
        """Ask what became of the last bytes, sent at `offset`; gives the offset to go on from."""
        self._body_sent()
        self._progress.doubted(doubt)
        try:
            held = await self._hop(lambda: self._steps.held(self._known.url))
        except (DestinationUnavailable, UnexpectedStatus) as trouble:
            besides = trouble if isinstance(trouble, DestinationUnavailable) else fault
            raise OutcomeUnknown(
                f"{fault.reason}, after the whole file had left",
                detail=fault.detail,
                besides=besides,
            ) from trouble
        if held is None:
            raise DeliveryRejected(TAKEN_IN, detail=fault.detail)
        if held.offset > self._length or held.length not in {None, self._length}:
            raise DeliveryRejected(ANOTHER, detail=fault.detail)
        if held.offset < self._length:
            self._progress.absent(looked_up=True)
            self._told_whole = False  # what is sent again leaves again
            # Bytes that nothing answered may be on their way still, and fit in at this offset.
            await self._mark(closing=doubt is Doubt.UNHEARD and held.offset >= offset)
            if not isinstance(fault, _Short):
                raise fault
        return held.offset

    async def _arrived(self) -> DeliveryResult:
        """Show that it is whole: the last answer did, or the far side says so now."""
        url = self._known.url
        if self._acknowledged:
            return DeliveryResult(url, size=self._length, evidence=Evidence.REFERENCE)
        held = await self._hop(lambda: self._steps.held(url))
        if held is None:
            raise DeliveryRejected(TAKEN_IN)
        if held.offset > self._length:
            raise _claims_more(held.offset)
        if held.offset < self._length:
            raise AttemptFailed("the registry does not hold all of the file")
        if held.length is None:
            reason = "the registry does not say how long the file is (Upload-Length)"
            raise OutcomeUnknown(reason, besides=AttemptFailed(reason, suspect=reason))
        return DeliveryResult(url, size=held.length, evidence=Evidence.REFERENCE)

    def _counted(self, size: int, *, is_last: bool) -> Callable[[int], None]:
        loop = asyncio.get_running_loop()
        left = size

        def sent(count: int) -> None:
            nonlocal left
            left -= count
            self._progress.sent(count)
            if is_last and not left:
                loop.call_soon_threadsafe(self._body_sent)

        return sent

    def _body_sent(self) -> None:
        if not self._told_whole:
            self._told_whole = True
            self._progress.body_sent()

    async def _mark(self, *, closing: bool) -> None:
        """Have it in the checkpoint whether the last bytes may have arrived."""
        if closing != self._known.closing:
            await self._commit(replace(self._known, closing=closing))

    async def _commit(self, known: TusCheckpoint) -> None:
        await self._progress.checkpoint(known.text)
        self._known = known


def _claims_more(offset: int) -> AttemptFailed:
    """Say that the far side tells of bytes that were never sent: it is no proof of anything."""
    reason = f"the registry claims to hold {offset} bytes, more than were sent there"
    return AttemptFailed(reason, suspect="claims more than was sent")
