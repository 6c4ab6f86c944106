"""Two senders on one upload, and a stranger: no byte is lost, foreign or taken back."""

import sys

import pytest
from hypothesis import HealthCheck, settings
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

from tests.stateful.two_clients import drawn
from tests.stateful.two_clients.belief import ENDED, Belief, Proof, Shape
from tests.stateful.two_clients.judging import judge_append, judge_asking
from tests.stateful.two_clients.stage import BYTES, REST, TUS, Stage
from tests.stateful.two_clients.talk import Order
from tests.stateful.two_clients.world import opened_world
from tests.waiting import until

NIGHTLY = settings.get_current_profile_name() == "nightly"
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

    @initialize(grain=drawn.GRAINS)
    def choose_the_grain(self, grain):
        self.stage.grain = grain

    # ---------------------------------------------------------------- beginning

    @rule(
        target=uploads,
        who=drawn.SENDERS,
        length=st.just(0) | drawn.LENGTHS,
        size=drawn.FIRST_SIZES,
        proof=drawn.PROOFS,
        key=st.sampled_from(["", "", ""]) | drawn.KEYS,
        shape=drawn.SHAPES,
    )
    def create(self, *, who, length, size, proof, key, shape):
        length = self.stage.grain * (length if not key else drawn.KEYED_LENGTHS[length % 2])
        offered = self.stage.offer(0, size, proof, shape, length=length)
        known = self.stage.known_by(key)

        answer = self.stage.ask(who, self.stage.creation(length, offered, key))

        if offered.end > length and not (known and shape.chunked):
            assert answer.status == 413, answer
            return self.stage.another()
        if known:
            return self.stage.is_known(known, length, answer)
        if offered.body and offered.proof is Proof.WRONG:
            assert answer.status == 460, answer
            return self.stage.another()
        assert answer.status == 201, answer
        assert answer.offset() == (offered.end if offered.body or not length else None)
        one = self.stage.begun(answer, length, key)
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
        offered = self.stage.offered(upload, place, size=size, proof=proof, shape=shape)

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
            self.stage.offered(upload, place, size=size, proof=proof, shape=shape)
            for size, proof, shape in zip(sizes, proofs, shapes, strict=True)
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

        answer, other = self.stage.both(order, Order(method, upload.path, TUS))

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
        then=st.sampled_from(["", "HEAD"]),
    )
    def stall(self, *, upload, who, place, size, share, proof, shape, then):
        """Send a part of a body, and leave it at that for now."""
        offered = self.stage.offered(upload, place, size=size, proof=proof, shape=shape)
        order = self.stage.patch(upload, offered)
        upto = len(offered.body) * share // 5

        flight = self.stage.stall(who, order, upload=upload, offered=offered, upto=upto)

        if then:
            self.ask(upload=upload, who=1 - who, method=then)
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
        alone = self.world.locks.holder(upload.id) is None

        answer = self.stage.ask(who, Order(method, upload.path, TUS))

        seen = self.world.do(self.world.look(upload.id))
        judge_asking(method, upload, answer, seen, alone=alone)

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
        assert hold is None or not hold.asked_to_leave.given

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
            suppress_health_check=list(HealthCheck),
        ),
    )
