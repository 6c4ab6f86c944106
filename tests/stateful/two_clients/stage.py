"""One example: its senders, the uploads as they are believed to be, and what is under way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tests.stateful.two_clients.belief import ENDED, Belief, Moment, Proof, Shape, Try, bytes_of
from tests.stateful.two_clients.judging import judge_append
from tests.stateful.two_clients.talk import Answer, Flight, Order, Party
from tests.waiting import until
from titip.upload import UploadId

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.ingest.locks import UploadLock
    from tests.stateful.two_clients.world import World

T = TypeVar("T")

TUS: Final = {"Tus-Resumable": "1.0.0"}
BYTES: Final = {"Content-Type": "application/offset+octet-stream"}
DRAFT: Final = {"Upload-Draft-Interop-Version": "8"}
PARTIAL: Final = {"Content-Type": "application/partial-upload"}
NOBODYS: Final = UploadId("f" * 32)

SETTLING: Final = 5
"""Turns of the loop after which the gateway has read what was sent to it."""

SILENT_ENDS: Final = 4
"""One in so many of the last bodies does not say by the draft that it is the last."""

REST: Final = -1
"""A size: what is missing to the length."""

TOO_LONG: Final = -2
"""A size: more than is missing."""


@dataclass(frozen=True, slots=True, eq=False)
class UnderWay:
    """A PATCH that was sent in part, to an upload that stood so."""

    upload: Belief
    before: Moment
    offered: Try
    flight: Flight
    hold: UploadLock | None
    """The turn that it has; None when it was answered at once."""


@dataclass(eq=False)
class Stage:
    """What the machine's rules work with."""

    world: World
    submitter: str
    parties: list[Party]
    stranger: Party
    grain: int = 1
    draft: bool = False
    beliefs: dict[UploadId, Belief] = field(default_factory=dict)
    keys: dict[str, Belief] = field(default_factory=dict)
    under_way: list[UnderWay] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    numbers: int = 0

    # ---------------------------------------------------------------- what is sent

    def offer(
        self, offset: int, size: int, proof: Proof, shape: Shape, *, length: int, who: int = 0
    ) -> Try:
        """Make bytes that no other request has; some last ones are not said to be the last."""
        self.numbers += 1
        missing = max(0, length - offset)
        sizes = {REST: missing, TOO_LONG: missing + 3 * self.grain}
        count = sizes.get(size, size * self.grain)
        shape = Shape(shape.piece * self.grain, shape.chunked and count > 0)
        body = bytes_of(self.numbers, offset, count)
        last = offset + count == length and self.numbers % SILENT_ENDS != 0
        return Try(self.numbers, offset, body, proof, shape, self.speaks_draft(who), last)

    def offered(
        self, upload: Belief, place: str, *, size: int, proof: Proof, shape: Shape, who: int = 0
    ) -> Try:
        """Make bytes for an upload, at or beside its offset."""
        here = upload.offset
        places = {"behind": max(0, here - self.grain), "ahead": here + self.grain, "start": 0}
        at = places.get(place, here)
        one = self.offer(at, size, proof, shape, length=upload.length, who=who)
        if one.draft and upload.deferred and one.end > upload.length:
            one = self.offer(at, REST, proof, shape, length=upload.length, who=who)
        fits = one.end <= upload.length or not one.draft  # else it would be no PATCH of the draft
        tells_itself = one.draft and one.last and one.shape.chunked
        needs = one.end >= upload.length and not tells_itself
        if upload.deferred and fits and (needs or self.numbers % 2):
            one = replace(one, length=upload.length)
        upload.tries.append(one)
        if one.draft:
            upload.may_end |= one.end > upload.length
            upload.may_stay_open |= one.end >= upload.length
        return one

    def speaks_draft(self, who: int) -> bool:
        """Tell whether this sender speaks the IETF draft instead of tus."""
        return self.draft and who == 1

    def asking(self, method: str, upload: Belief, who: int) -> Order:
        """Write a request without a body."""
        upload.may_end |= method == "DELETE"
        return Order(method, upload.path, DRAFT if self.speaks_draft(who) else TUS)

    @staticmethod
    def patch(upload: Belief, offered: Try) -> Order:
        """Write a PATCH."""
        told = {"Upload-Offset": str(offered.offset), **offered.checksum}
        if offered.length is not None:
            told["Upload-Length"] = str(offered.length)
        if offered.draft:
            told |= {**DRAFT, **PARTIAL, "Upload-Complete": "?1" if offered.last else "?0"}
        else:
            told |= {**TUS, **BYTES}
        return Order("PATCH", upload.path, told, offered.body, *offered.shape)

    @staticmethod
    def creation(length: int | None, offered: Try, key: str = "") -> Order:
        """Write a POST; without a length it is told later."""
        told = {} if length is None else {"Upload-Length": str(length)}
        if key:
            told["Idempotency-Key"] = f'"{key}"'
        if offered.draft:
            told |= {**DRAFT, "Upload-Complete": "?1" if offered.last else "?0"}
        else:
            told |= TUS if length is not None else {**TUS, "Upload-Defer-Length": "1"}
        if offered.body:
            told |= {**({} if offered.draft else BYTES), **offered.checksum}
        return Order("POST", "/files/", told, offered.body, *offered.shape)

    # ---------------------------------------------------------------- sending

    def ask(self, who: int, order: Order) -> Answer:
        """Let one sender ask."""
        return self.do(self.parties[who].ask(order), who, order)

    def both(self, first: Order, second: Order) -> tuple[Answer, Answer]:
        """Let both senders ask at once."""

        async def work() -> tuple[Answer, Answer]:
            one, other = self.parties
            return await asyncio.gather(one.ask(first), other.ask(second))

        return self.do(work(), "both", first, second)

    def do(self, work: Coroutine[Any, Any, T], *words: object) -> T:
        """Do it, and tell of it in the story."""
        self.story.append(" ".join(map(str, words)))
        outcome = self.world.do(work)
        self.story[-1] += f" -> {outcome}"
        return outcome

    def stall(self, who: int, order: Order, *, upload: Belief, offered: Try, upto: int) -> UnderWay:
        """Send a part of a PATCH, and wait until it was read or answered."""
        before = self.world.locks.holder(upload.id)

        def waits() -> bool:
            hold = self.world.locks.holder(upload.id)
            return hold not in {None, before} and hold.waiting_since is not None

        async def work() -> Flight:
            flight = await self.parties[who].stall(order, upto)
            await until(lambda: flight.hearing.done() or waits(), glance=0)
            for _ in range(SETTLING):  # pieces may still be on their way
                await asyncio.sleep(0)
                await until(lambda: flight.hearing.done() or waits(), glance=0)
            return flight

        moment = upload.now
        flight = self.do(work(), who, "stalls after", upto, order)
        hold = None if flight.hearing.done() else self.world.locks.holder(upload.id)
        one = UnderWay(upload, moment, offered, flight, hold)
        self.under_way.append(one)
        return one

    def go_on(self, one: UnderWay) -> Answer | None:
        """Send the rest; gives None when the line was lost, as one may be whose turn was taken."""
        self.under_way.remove(one)
        mine = one.hold is not None and self.world.locks.holder(one.upload.id) is one.hold
        answer = self.do(one.flight.finish(), "goes on", one.offered)
        assert answer is not None or not mine, "no answer"
        return answer

    def break_off(self, one: UnderWay, *, reset: bool) -> bool:
        """Break a line and wait until its turn is over; tell whether it had one till then."""
        self.under_way.remove(one)
        locks, upload = self.world.locks, one.upload.id
        holds = one.hold is not None and locks.holder(upload) is one.hold

        async def work() -> None:
            await one.flight.cut(reset=reset)
            await until(lambda: locks.holder(upload) is not one.hold or not holds, glance=0)

        self.do(work(), "breaks off", "by a reset" if reset else "", one.offered)
        return holds

    # ---------------------------------------------------------------- what comes of it

    def begun(
        self, answer: Answer, length: int, key: str = "", *, deferred: bool = False
    ) -> Belief:
        """Take in an upload that was begun."""
        which = UploadId(answer.headers["Location"].rpartition("/")[2])
        one = self.beliefs.setdefault(which, Belief(which, length, deferred=deferred))
        if key:
            self.keys[key] = one
        return one

    def another(self) -> Belief:
        """Give an upload instead of one that was refused: also one that nobody ever began."""
        return next(reversed(self.beliefs.values()), Belief.never(NOBODYS))

    def known_by(self, key: str) -> Belief | None:
        """Give the upload that a creation under this key must find."""
        one = self.keys.get(key)
        return None if one is None or one.state in ENDED else one

    @staticmethod
    def is_known(known: Belief, length: int, answer: Answer) -> Belief:
        """Judge the answer to a creation under a known key, and give what it must be about."""
        if known.length != length:
            assert answer.status == 422, answer
            return known
        assert answer.status == 201, answer
        assert answer.headers["Location"].endswith(known.path)
        assert answer.offset() == known.offset
        return known

    def judge(self, upload: Belief, *answered: tuple[Try, Answer], alone: bool) -> None:
        """Judge PATCHes that were sent as the upload stood when it was last looked at."""
        seen = self.world.do(self.world.look(upload.id))
        for exchange in answered:
            judge_append(upload, upload.now, exchange, seen, alone=alone)

    def look(self) -> None:
        """Compare every upload with what there is."""
        for one in self.beliefs.values():
            seen = self.world.do(self.world.look(one.id))
            one.see(seen)
            held = self.world.locks.holder(one.id) is not None
            assert held or seen.excess <= 0, "bytes that were refused lie on the disk"
        for stalled in self.under_way:
            self._is_saved(stalled)

    def _is_saved(self, one: UnderWay) -> None:
        """Make sure that who lost its turn lost no byte that had been read."""
        over = one.hold is not None and self.world.locks.holder(one.upload.id) is not one.hold
        if over and one.offered.proof is Proof.NONE and one.upload.state not in ENDED:
            assert one.upload.offset >= one.offered.offset + one.flight.sent, "not saved"

    def hang_up(self) -> None:
        """Break all that is under way."""
        while self.under_way:
            self.break_off(self.under_way[-1], reset=False)

    def leave(self) -> None:
        """Close every connection."""

        async def work() -> None:
            for one in self.under_way:
                await one.flight.cut(reset=True)
            for party in (*self.parties, self.stranger):
                await party.leave()

        self.world.do(work())
