"""A delivery under any order of events: claims, faults, lapsed leases, operators, sparing."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.strategies import EPOCH, PROVEN, delivery_events, faults, names, retry_policies, waits
from titip.delivery import (
    ALLOWED,
    REGISTRY,
    ClaimedEvent,
    DamagedEvent,
    Delivery,
    DeliveryId,
    DeliveryState,
    PostponedEvent,
    RecordedEvent,
    RejectedEvent,
    RequeuedEvent,
    SkippedEvent,
    SucceededEvent,
    UnknownEvent,
    advance,
)
from titip.errors import IllegalEvent
from titip.evidence import Evidence
from titip.retry import LONGEST_ASKED
from titip.upload import UploadId

OPERATORS = (RequeuedEvent, RecordedEvent)


class DeliveryMachine(RuleBasedStateMachine):
    """The model: claims counted, the doubt remembered, the checkpoint last kept."""

    @initialize(policy=retry_policies(), seed=st.integers(0, 2**32))
    def queue(self, policy, seed):
        self.policy = policy
        self.rng = Random(seed)
        self.now = EPOCH
        self.claims = 0
        self.in_doubt = False
        self.kept = ""
        self.delivery = Delivery(DeliveryId("d"), UploadId("u"), REGISTRY, "pair-7", EPOCH, EPOCH)

    def step(self, event):
        before = self.delivery
        self.delivery = advance(before, event, now=self.now, policy=self.policy, rng=self.rng)
        return before

    @property
    def active(self):
        return self.delivery.state is DeliveryState.ACTIVE

    @rule(wait=waits())
    def time_passes(self, wait):
        self.now += wait

    @precondition(lambda self: self.delivery.state.waiting)
    @rule(lease=waits(shortest=timedelta(seconds=1)))
    def claim(self, lease):
        self.step(ClaimedEvent(self.now + lease))
        self.claims += 1

        assert self.delivery.due_at == self.now + lease

    @precondition(lambda self: self.active)
    @rule(lease=waits(shortest=timedelta(seconds=1)))
    def lose_the_lease(self, lease):
        self.now = max(self.now, self.delivery.due_at)
        self.step(ClaimedEvent(self.now + lease))
        self.claims += 1
        self.in_doubt = True

    @precondition(lambda self: self.active)
    @rule(text=names())
    def get_half_way(self, text):
        self.delivery = replace(self.delivery, checkpoint=text)
        self.kept = text

    @precondition(lambda self: self.active)
    @rule(event=faults())
    def fail(self, event):
        before = self.step(event)
        self.in_doubt = self.in_doubt or isinstance(event, UnknownEvent)

        asked = getattr(event, "retry_after", None) or timedelta(0)
        latest = self.now + max(self.policy.ceiling, min(asked, LONGEST_ASKED))
        assert self.now <= self.delivery.due_at <= latest
        assert self.delivery.reason.endswith(event.reason)
        assert self.delivery.wants_bytes == isinstance(event, DamagedEvent)
        if isinstance(event, RejectedEvent | DamagedEvent) or (
            isinstance(event, PostponedEvent) and event.at_once
        ):
            assert self.delivery.trouble_since == before.trouble_since
        else:
            assert self.delivery.trouble_since == (before.trouble_since or self.now)

    @precondition(lambda self: self.active)
    @rule(locator=names(), evidence=st.sampled_from(PROVEN))
    def succeed(self, locator, evidence):
        self.step(SucceededEvent(locator, evidence))
        self.kept = ""
        self.in_doubt = False

        assert self.delivery.locator == locator

    @precondition(lambda self: RecordedEvent in ALLOWED[self.delivery.state])
    @precondition(lambda self: not self.delivery.evidence.enough)
    @rule(locator=names())
    def record_by_hand(self, locator):
        self.step(RecordedEvent(locator))
        self.kept = ""
        self.in_doubt = False

        assert self.delivery.evidence is Evidence.PERSON

    @precondition(lambda self: RequeuedEvent in ALLOWED[self.delivery.state])
    @rule(confirmed_absent=st.booleans())
    def requeue(self, confirmed_absent):
        self.step(RequeuedEvent(confirmed_absent=confirmed_absent))
        self.in_doubt = self.in_doubt and not confirmed_absent

        assert self.delivery.due_at == self.now
        assert self.delivery.trouble_since is None

    @precondition(lambda self: SkippedEvent in ALLOWED[self.delivery.state])
    @rule()
    def spare(self):
        self.step(SkippedEvent())

    @rule(event=delivery_events())
    def ask_for_what_the_table_does_not_have(self, event):
        if type(event) in ALLOWED[self.delivery.state]:
            return  # what it has, or has proof against, is asked for elsewhere
        before = self.delivery

        with pytest.raises(IllegalEvent):
            self.step(event)

        assert self.delivery is before

    @precondition(lambda self: self.delivery.state is DeliveryState.PARKED)
    @rule(event=delivery_events())
    def touch_a_parked_one(self, event):
        if isinstance(event, OPERATORS):
            return

        with pytest.raises(IllegalEvent):
            self.step(event)

    @precondition(lambda self: self.delivery.state is DeliveryState.DELIVERED)
    @rule(event=delivery_events())
    def touch_a_delivered_one(self, event):
        if isinstance(event, RecordedEvent) and not self.delivery.evidence.enough:
            return

        with pytest.raises(IllegalEvent):
            self.step(event)

    @invariant()
    def attempts_are_the_claims(self):
        assert self.delivery.attempts == self.claims

    @invariant()
    def doubt_lasts_until_it_is_delivered_or_a_person_has_looked(self):
        if self.delivery.state is not DeliveryState.DELIVERED:
            assert bool(self.delivery.maybe_delivered) is self.in_doubt

    @invariant()
    def what_must_be_verified_is_doubtful(self):
        assert self.delivery.state is not DeliveryState.VERIFY or self.delivery.maybe_delivered

    @invariant()
    def the_checkpoint_is_the_last_one_kept(self):
        assert self.delivery.checkpoint == self.kept

    @invariant()
    def it_has_ended_when_nothing_is_owed(self):
        assert (self.delivery.ended_at is None) is self.delivery.state.owed

    @invariant()
    def it_has_a_locator_when_it_is_delivered(self):
        assert bool(self.delivery.locator) is (self.delivery.state is DeliveryState.DELIVERED)


TestDeliveryMachine = DeliveryMachine.TestCase
