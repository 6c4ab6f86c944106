"""Two senders on one upload, and a stranger: no byte is lost, foreign or taken back."""

import sys

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.nightly import NIGHTLY
from tests.stateful.two_clients import drawn
from tests.stateful.two_clients.belief import ENDED, Belief, Proof, Shape
from tests.stateful.two_clients.judging import judge_append, judge_asking
from tests.stateful.two_clients.stage import BYTES, REST, TUS, Stage
from tests.stateful.two_clients.talk import Order
from tests.stateful.two_clients.world import opened_world
from tests.waiting import until

EXAMPLES, STEPS = (2000, 50) if NIGHTLY else (200, 25)


class TwoClients(RuleBasedStateMachine):
    """Beliefs of each upload beside a real gateway; what was sent in part stays under way."""

    uploads = Bundle("uploads")
    flights = Bundle("flights")

    def __init__(self, world):
        super().__init__()
        self.world = world
        self.trouble = sys.exc_info()[1]
        submitter, (*senders, stranger) = world.do(world.parties())
        self.stage = Stage(world, submitter, senders, stranger)

    @initialize(grain=drawn.GRAINS, draft=st.booleans())
    def choose(self, grain, draft):
        """Let the second sender speak the IETF draft, or both tus."""
        self.stage.grain, self.stage.draft = grain, draft

    # ---------------------------------------------------------------- beginning

    @rule(
        target=uploads,
        who=drawn.SENDERS,
        length=st.just(0) | drawn.LENGTHS,
        size=drawn.FIRST_SIZES,
        proof=drawn.PROOFS,
        key=st.sampled_from(["", "", ""]) | drawn.KEYS,
        shape=drawn.SHAPES,
        deferred=st.sampled_from([False, False, True]),
    )
    def create(self, *, who, length, size, proof, key, shape, deferred):
        length = self.stage.grain * (length if not key else drawn.KEYED_LENGTHS[length % 2])
        offered = self.stage.offer(0, size, proof, shape, length=length, who=who)
        deferred = deferred and not key and offered.end < length
        known = self.stage.known_by(key)

        order = self.stage.creation(None if deferred else length, offered, key)
        answer = self.stage.ask(who, order)

        if offered.end > length and not (known and shape.chunked):
            assert answer.status == (400 if offered.draft else 413), answer
            return self.stage.another()
        if known:
            return self.stage.is_known(known, length, answer)
        if offered.body and offered.proof is Proof.WRONG:
            assert answer.status == 460, answer
            if "Location" not in answer.headers:
                return self.stage.another()
            return self.stage.begun(answer, length, key, deferred=deferred)  # empty, as announced
        assert answer.status == 201, answer
        told = offered.draft or offered.body or not length
        assert answer.offset() == (offered.end if told else None)
        one = self.stage.begun(answer, length, key, deferred=deferred)
        one.may_stay_open = offered.draft and not offered.last
        one.tries.append(offered)
        one.acknowledged.append(offered)
        return one

    @rule(
        target=uploads,
        key=drawn.KEYS,
        length=st.sampled_from(drawn.KEYED_LENGTHS),
        size=st.integers(1, 30),
        shape=drawn.SHAPES,
    )
    def create_at_once_under_one_key(self, *, key, length, size, shape):
        """Two creations under one key begin one upload, with the bytes of one of them."""
        length *= self.stage.grain
        tries = [self.stage.offer(0, size, Proof.NONE, shape, length=length) for _ in range(2)]
        known = self.stage.known_by(key)

        answers = self.stage.both(*(self.stage.creation(length, one, key) for one in tries))

        if known:
            for answer in answers:
                self.stage.is_known(known, length, answer)
            return known
        assert [one.status for one in answers] == [201, 201], answers
        one, same = (self.stage.begun(answer, length, key) for answer in answers)
        assert one is same
        one.tries.extend(tries)
        for answer in answers:
            one.tell(answer.offset() or 0)
        return one

    @rule(
        target=uploads,
        who=drawn.SENDERS,
        length=drawn.LENGTHS,
        share=drawn.SHARES,
        proof=drawn.PROOFS,
        reset=st.booleans(),
    )
    def create_and_break_off(self, *, who, length, share, proof, reset):
        """A creation that is cut in its body keeps what came, unless only all of it counts."""
        length *= self.stage.grain
        offered = self.stage.offer(0, REST, proof, Shape(), length=length)
        order = self.stage.creation(length, offered)
        upto = (len(offered.body) - 1) * share // 5
        locks = self.world.locks
        held = len(locks)

        async def work():
            flight = await self.stage.parties[who].stall(order, upto)
            await until(lambda: len(locks) > held, glance=0)
            await flight.cut(reset=reset)
            await until(lambda: len(locks) <= held, glance=0)
            return await self.world.of(self.stage.submitter) - self.stage.beliefs.keys()

        new = self.stage.do(work(), "breaks off after", upto, order)
        assert len(new) == (proof is Proof.NONE)
        if not new:
            return self.stage.another()
        one = Belief(new.pop(), length, tries=[offered])
        one.tell(0 if reset else upto)
        self.stage.beliefs[one.id] = one
        return one

    # ---------------------------------------------------------------- going on

    @rule(
        upload=uploads,
        who=drawn.SENDERS,
        place=drawn.PLACES,
        size=drawn.SIZES,
        proof=drawn.PROOFS,
        shape=drawn.SHAPES,
    )
    def append(self, *, upload, who, place, size, proof, shape):
        alone = self.world.locks.holder(upload.id) is None
        offered = self.stage.offered(upload, place, size=size, proof=proof, shape=shape, who=who)

        answer = self.stage.ask(who, self.stage.patch(upload, offered))

        self.stage.judge(upload, (offered, answer), alone=alone)

    @rule(
        upload=uploads,
        place=drawn.PLACES,
        sizes=st.tuples(drawn.SIZES, drawn.SIZES),
        proofs=st.tuples(drawn.PROOFS, drawn.PROOFS),
        shapes=st.tuples(drawn.SHAPES, drawn.SHAPES),
    )
    def append_at_once(self, *, upload, place, sizes, proofs, shapes):
        """Both go on from one offset, with other bytes."""
        first, second = (
            self.stage.offered(upload, place, size=size, proof=proof, shape=shape, who=who)
            for who, size, proof, shape in zip((0, 1), sizes, proofs, shapes, strict=True)
        )

        answers = self.stage.both(self.stage.patch(upload, first), self.stage.patch(upload, second))

        self.stage.judge(upload, (first, answers[0]), (second, answers[1]), alone=False)

    @rule(
        upload=uploads,
        size=drawn.SIZES,
        shape=drawn.SHAPES,
        method=st.sampled_from(["HEAD", "HEAD", "DELETE"]),
    )
    def append_while_the_other_asks(self, *, upload, size, shape, method):
        offered = self.stage.offered(upload, "here", size=size, proof=Proof.NONE, shape=shape)
        order = self.stage.patch(upload, offered)

        answer, other = self.stage.both(order, self.stage.asking(method, upload, 1))

        seen = self.world.do(self.world.look(upload.id))
        judge_asking(method, upload, other, seen, alone=False)
        judge_append(upload, upload.now, (offered, answer), seen, alone=False)

    @rule(
        target=flights,
        upload=uploads,
        who=drawn.SENDERS,
        place=st.sampled_from(["here", "here", "here", "here", "here", "here", "ahead"]),
        size=drawn.STALLED_SIZES,
        share=drawn.SHARES,
        proof=drawn.PROOFS,
        shape=drawn.SHAPES,
        then=st.sampled_from(["", "HEAD", "a stranger"]),
    )
    def stall(self, *, upload, who, place, size, share, proof, shape, then):
        """Send a part of a body, and leave it at that for now."""
        offered = self.stage.offered(upload, place, size=size, proof=proof, shape=shape, who=who)
        order = self.stage.patch(upload, offered)
        upto = len(offered.body) * share // 5

        flight = self.stage.stall(who, order, upload=upload, offered=offered, upto=upto)

        if then == "HEAD":
            self.ask(upload=upload, who=1 - who, method="HEAD")
        elif then:
            self.be_a_stranger(upload, "PATCH")
            self.be_a_stranger(upload, "DELETE")
        return flight

    @rule(
        flight=consumes(flights), end=st.sampled_from(["go on", "go on", "go on", "cut", "reset"])
    )
    def end_what_stalled(self, flight, end):
        """A line that breaks leaves what came before it, unless only all of it counts."""
        if end == "go on":
            answer = self.stage.go_on(flight)
        else:
            answer = None
            kept = self.stage.break_off(flight, reset=end == "reset")
            if kept and flight.offered.proof is Proof.NONE:
                flight.upload.tell(flight.offered.offset + flight.flight.sent)

        if answer is not None:
            seen = self.world.do(self.world.look(flight.upload.id))
            exchange = flight.offered, answer
            judge_append(flight.upload, flight.before, exchange, seen, alone=False)

    # ---------------------------------------------------------------- asking

    @rule(
        upload=uploads, who=drawn.SENDERS, method=st.sampled_from(["HEAD", "HEAD", "GET", "DELETE"])
    )
    def ask(self, *, upload, who, method):
        hold = self.world.locks.holder(upload.id)
        dialect = 0 if method == "GET" else who  # what the draft GETs is the offset

        answer = self.stage.ask(who, self.stage.asking(method, upload, dialect))

        seen = self.world.do(self.world.look(upload.id))
        judge_asking(method, upload, answer, seen, alone=hold is None)
        if method == "HEAD" and answer.status == 204:  # by the draft nobody moves it on then
            assert hold is None or self.world.locks.holder(upload.id) is not hold

    @rule(upload=uploads, method=st.sampled_from(["HEAD", "PATCH", "DELETE", "GET", "API"]))
    def be_a_stranger(self, upload, method):
        """Nobody else can read, extend, end or even confirm it, nor make its sender leave."""
        hold = self.world.locks.holder(upload.id)
        order = Order(method, upload.path, TUS)
        if method == "PATCH":
            headers = {**TUS, **BYTES, "Upload-Offset": str(upload.offset)}
            order = Order(method, upload.path, headers, b"foreign")
        elif method == "API":
            order = Order("GET", f"/api/uploads/{upload.id}/receipt")

        answer = self.stage.do(self.stage.stranger.ask(order), "a stranger", order)

        assert (answer.status, answer.offset()) == (404, None), answer
        assert self.world.locks.holder(upload.id) is hold
        assert hold is None or not hold.release_requested.is_set

    # ---------------------------------------------------------------- always, and at the end

    @invariant()
    def nothing_is_lost_and_nothing_is_foreign(self):
        self.stage.look()

    def teardown(self):
        try:
            if sys.exc_info()[1] is self.trouble:
                self.stage.hang_up()
                self.complete_all()
        finally:
            if (failed := sys.exc_info()[1]) is not None:
                failed.add_note("\n".join(self.stage.story))
            self.stage.leave()

    def complete_all(self):
        """Hand in the rest of each upload, and take it all back."""
        self.stage.look()
        kept = {one.id for one in self.stage.beliefs.values() if one.state not in ENDED}
        assert self.world.do(self.world.of(self.stage.submitter)) == kept
        for turn, one in enumerate(self.stage.beliefs.values()):
            who = turn % 2
            self.ask(upload=one, who=who, method="HEAD")
            self.append(
                upload=one, who=who, place="here", size=REST, proof=Proof.RIGHT, shape=Shape()
            )
            self.stage.look()
            self.ask(upload=one, who=who, method="GET")


@pytest.fixture(scope="module")
def world():
    with opened_world() as running:
        yield running


@pytest.mark.holds("titip:race-safe", "titip:takeover-saves", "titip:own-only")
def test_two_senders_on_one_upload_lose_no_byte_and_see_no_foreign_one(world):
    run_state_machine_as_test(
        lambda: TwoClients(world),  # type: ignore[arg-type]
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            phases=set(Phase) if NIGHTLY else set(Phase) - {Phase.shrink, Phase.explain},
            suppress_health_check=list(HealthCheck),
        ),
    )
