"""A destination's health beside its deliveries: answers in any order, late ones too, and probes."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.strategies import EPOCH, asked, health_policies, reasons, waits
from titip.errors import IllegalEvent
from titip.health import (
    PROBE_VETO_LIMIT,
    Bad,
    Circuit,
    CooledOff,
    Good,
    Health,
    advance,
    available_slots,
    cooled_off,
)
from titip.retry import LONGEST_ASKED


class HealthMachine(RuleBasedStateMachine):
    """The model: what is under way, the openings since the last close, the longest rest asked."""

    @initialize(policy=health_policies(), seed=st.integers(0, 2**32))
    def start(self, policy, seed):
        self.policy = policy
        self.rng = Random(seed)
        self.now = EPOCH
        self.in_flight = 0
        self.openings = 0
        self.latest_end = EPOCH
        self.health = Health(since=EPOCH)

    def step(self, event):
        before = self.health
        self.health = advance(before, event, now=self.now, policy=self.policy, rng=self.rng)
        return before

    @property
    def rest_ends(self):
        assert self.health.until is not None
        return self.health.until

    def at(self, circuit):
        return self.health.circuit is circuit

    @rule(wait=waits(longest=timedelta(minutes=10)))
    def time_passes(self, wait):
        self.now += wait

    @rule()
    def claim(self):
        free = available_slots(self.health, in_flight=self.in_flight)
        if self.at(Circuit.HALF_OPEN):
            assert free == (1 if self.in_flight == 0 else 0)
        self.in_flight += free

        assert available_slots(self.health, in_flight=self.in_flight) == 0

    @precondition(lambda self: self.in_flight > 0)
    @rule()
    def an_answer_is_good(self):
        self.in_flight -= 1
        before = self.step(Good())

        if before.circuit is Circuit.OPEN:
            assert self.health is before
            return
        assert self.at(Circuit.CLOSED)
        if before.circuit is Circuit.HALF_OPEN:
            self.openings = 0
            assert self.health.window == 1.0
            assert self.health.reason == ""
        else:
            assert before.window <= self.health.window <= before.window + 1

    @precondition(lambda self: self.in_flight > 0)
    @rule(reason=reasons(), asked=asked())
    def an_answer_is_bad(self, reason, asked):
        self.in_flight -= 1
        before = self.step(Bad(reason, asked))

        honoured = self.now + max(timedelta(0), min(asked or timedelta(0), LONGEST_ASKED))
        if before.circuit is Circuit.OPEN:
            self.latest_end = max(self.latest_end, honoured)
            assert self.rest_ends >= before.until
        elif self.at(Circuit.OPEN):
            self.openings += 1
            self.latest_end = max(self.now + self.policy.cool_off_ceiling, honoured)
            assert self.rest_ends > self.now
        else:
            assert asked is None
            assert before.circuit is Circuit.CLOSED
            assert self.health.window <= before.window
            assert self.health.bad_streak == before.bad_streak + 1
        if asked is not None:
            assert self.rest_ends >= honoured

    @precondition(lambda self: self.in_flight > 0)
    @rule()
    def an_answer_says_nothing_of_the_destination(self):
        self.in_flight -= 1

    @rule(probed_well=st.sampled_from([None, True, False]))
    def look(self, probed_well):
        ready = cooled_off(self.health, now=self.now, probed_well=probed_well)

        if not self.at(Circuit.OPEN):
            assert not ready
            return
        veto = PROBE_VETO_LIMIT if probed_well is False else timedelta(0)
        over = self.now >= self.rest_ends + veto
        assert ready if over else not ready or probed_well is True
        if ready:
            self.step(CooledOff())
            assert self.at(Circuit.HALF_OPEN)

    @precondition(lambda self: not self.at(Circuit.OPEN))
    @rule()
    def nothing_else_cools_off(self):
        before = self.health

        with pytest.raises(IllegalEvent):
            self.step(CooledOff())

        assert self.health is before

    @invariant()
    def the_window_is_of_one_up_to_the_policys_size(self):
        assert 1.0 <= self.health.window <= self.policy.max_window

    @invariant()
    def places_are_what_the_circuit_allows(self):
        free = available_slots(self.health, in_flight=0)
        match self.health.circuit:
            case Circuit.OPEN:
                assert free == 0
            case Circuit.HALF_OPEN:
                assert free == 1
            case Circuit.CLOSED:
                assert 1 <= free <= self.policy.max_window

    @invariant()
    def openings_are_those_since_it_last_closed(self):
        assert self.health.openings == self.openings
        assert (self.openings > 0) is self.health.stalled

    @invariant()
    def an_open_circuit_lets_a_trial_file_go_in_bounded_time(self):
        if self.at(Circuit.OPEN):
            assert self.rest_ends <= self.latest_end
            assert cooled_off(self.health, now=self.latest_end, probed_well=None)
        else:
            assert self.health.until is None

    @invariant()
    def a_row_of_bad_answers_is_counted_only_while_it_is_closed(self):
        assert self.health.bad_streak == 0 or self.at(Circuit.CLOSED)

    @invariant()
    def it_says_since_when(self):
        assert EPOCH <= self.health.since <= self.now


TestHealthMachine = HealthMachine.TestCase
