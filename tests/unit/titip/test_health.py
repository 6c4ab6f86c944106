from dataclasses import replace
from datetime import timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import EPOCH, health_events, health_policies, healths, rngs, times
from titip.errors import IllegalEvent
from titip.health import (
    ALLOWED,
    EARLY_CLOSE_LIMIT,
    FAILED_COHORT,
    PROBE_VETO_LIMIT,
    SHRINK,
    Bad,
    Circuit,
    CooledOff,
    Good,
    Health,
    HealthPolicy,
    advance,
    available_slots,
    cooled_off,
    counts,
)
from titip.retry import LONGEST_ASKED

LATER = EPOCH + timedelta(minutes=1)
POLICY = HealthPolicy()
EVENTS = (Good(), Bad("too slow"), CooledOff())


def a_health(circuit=Circuit.CLOSED, **fields):
    known = Health(EPOCH, circuit)
    if circuit is Circuit.OPEN:
        known = replace(known, until=LATER, openings=1)
    return replace(known, **fields)


def end_of(health):
    assert health.until is not None
    return health.until


def step(health, *events, now=LATER, policy=POLICY):
    for event in events:
        health = advance(health, event, now=now, policy=policy, rng=Random(7))
    return health


# ---------------------------------------------------------------- the table


def test_the_table_has_a_row_for_every_circuit():
    assert set(ALLOWED) == set(Circuit)


@pytest.mark.parametrize(("circuit", "event"), list(product(Circuit, EVENTS)))
def test_every_event_steps_as_the_table_says_or_is_refused(circuit, event):
    before = a_health(circuit)
    targets = ALLOWED[circuit].get(type(event))

    if targets is None:
        with pytest.raises(IllegalEvent, match=f"{circuit} cannot cool off"):
            step(before, event)
    else:
        assert step(before, event).circuit in targets
    assert before == a_health(circuit)


@given(
    before=healths(),
    event=health_events(),
    now=times(),
    policy=health_policies(),
    rng=rngs(),
)
def test_no_step_leaves_the_table(*, before, event, now, policy, rng):
    targets = ALLOWED[before.circuit].get(type(event))
    if targets is None:
        return

    assert advance(before, event, now=now, policy=policy, rng=rng).circuit in targets


def test_a_bad_answer_leads_to_each_circuit_that_the_table_names():
    reached = {step(a_health(window=size), Bad("x")).circuit for size in (1.0, 8.0)}

    assert reached == ALLOWED[Circuit.CLOSED][Bad]


def test_a_destination_is_stalled_until_its_circuit_is_closed():
    assert {circuit for circuit in Circuit if a_health(circuit).stalled} == {
        Circuit.OPEN,
        Circuit.HALF_OPEN,
    }


# ---------------------------------------------------------------- the policy


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"max_window": 0}, "max_window"),
        ({"max_window": -3}, "max_window"),
        ({"cool_off": timedelta(0)}, "cool_off"),
        ({"cool_off": timedelta(hours=1)}, "cool_off"),
        ({"slow_after": timedelta(0)}, "slow_after"),
    ],
)
def test_a_policy_under_which_nothing_would_go_is_refused(fields, named):
    with pytest.raises(ValueError, match=named):
        HealthPolicy(**fields)


def test_the_narrowest_policy_is_a_window_of_one_and_a_constant_rest():
    same = HealthPolicy(max_window=1, cool_off=timedelta(1), cool_off_ceiling=timedelta(1))

    assert available_slots(step(Health(EPOCH), Good(), policy=same), in_flight=0) == 1


# ---------------------------------------------------------------- closed: the window


def test_a_new_destination_is_trusted_with_one_delivery():
    assert available_slots(Health(EPOCH), in_flight=0) == 1


def test_below_the_threshold_each_good_answer_adds_a_place():
    assert [step(a_health(), *[Good()] * count).window for count in range(8)] == [
        1.0,
        2.0,
        3.0,
        4.0,
        5.0,
        6.0,
        7.0,
        8.0,
    ]


def test_above_the_threshold_a_full_window_of_good_answers_adds_a_place():
    cautious = a_health(window=4.0, threshold=4.0)

    assert step(cautious, *[Good()] * 4).window < 5.0
    assert step(cautious, *[Good()] * 5).window >= 5.0


def test_the_window_stops_at_the_policys_size():
    assert step(a_health(), *[Good()] * 50).window == POLICY.max_window


def test_a_smaller_policy_cuts_a_larger_window_at_the_next_good_answer():
    assert step(a_health(window=8.0), Good(), policy=HealthPolicy(max_window=2)).window == 2.0


def test_a_bad_answer_shrinks_the_window_and_remembers_what_was_too_much():
    after = step(a_health(window=8.0), Bad("answered 503"))

    assert after == a_health(
        window=8.0 * SHRINK, threshold=8.0 * SHRINK, bad_streak=1, reason="answered 503"
    )


def test_a_good_answer_ends_a_row_of_bad_ones():
    assert step(a_health(window=8.0), Bad("x"), Good()).bad_streak == 0


@pytest.mark.parametrize(("size", "opens_at"), [(1.0, 1), (1.9, 1), (2.0, 2), (8.0, 3), (64.0, 5)])
def test_a_window_of_bad_answers_in_a_row_opens_the_circuit(size, opens_at):
    weak = step(a_health(window=size), *[Bad("x")] * (opens_at - 1))

    assert weak.circuit is Circuit.CLOSED
    assert step(weak, Bad("x")).circuit is Circuit.OPEN
    assert opens_at <= FAILED_COHORT


def test_a_destination_that_asks_for_time_opens_at_once_however_large_the_window():
    after = step(a_health(window=64.0), Bad("answered 429", timedelta(seconds=90)))

    assert after.circuit is Circuit.OPEN
    assert after.until == LATER + timedelta(seconds=90)


@pytest.mark.parametrize(("in_flight", "free"), [(0, 3), (1, 2), (3, 0), (9, 0)])
def test_places_are_the_whole_window_less_what_is_under_way(in_flight, free):
    assert available_slots(a_health(window=3.9), in_flight=in_flight) == free


# ---------------------------------------------------------------- open: the rest


def test_an_opened_circuit_claims_nothing_and_says_why_and_until_when():
    after = step(a_health(), Bad("answered 503"))

    assert available_slots(after, in_flight=0) == 0
    assert after.reason == "answered 503"
    assert after.since == LATER
    assert after.bad_streak == 0
    assert LATER + POLICY.cool_off / 2 <= end_of(after) <= LATER + POLICY.cool_off


@pytest.mark.parametrize(("openings", "seconds"), [(0, 5), (1, 10), (3, 40), (5, 160), (6, 300)])
def test_each_failed_trial_file_doubles_the_rest_up_to_the_ceiling(openings, seconds):
    rests = [
        advance(
            a_health(Circuit.HALF_OPEN, openings=openings),
            Bad("x"),
            now=LATER,
            policy=POLICY,
            rng=Random(seed),
        )
        for seed in range(300)
    ]

    lengths = [(end_of(one) - LATER).total_seconds() for one in rests]
    assert seconds / 2 <= min(lengths) < seconds * 0.52
    assert seconds * 0.98 < max(lengths) <= seconds
    assert {one.openings for one in rests} == {openings + 1}


def test_after_months_of_trial_files_the_rest_is_still_the_ceiling():
    after = step(a_health(Circuit.HALF_OPEN, openings=10**6), Bad("x"))

    assert end_of(after) <= LATER + POLICY.cool_off_ceiling


@given(
    before=healths(circuits=[Circuit.CLOSED, Circuit.HALF_OPEN]),
    asked=st.timedeltas(),
    now=times(),
    policy=health_policies(),
    rng=rngs(),
)
def test_a_rest_is_bounded_whatever_the_destination_asks_for(*, before, asked, now, policy, rng):
    after = advance(before, Bad("x", asked), now=now, policy=policy, rng=rng)

    honoured = max(timedelta(0), min(asked, LONGEST_ASKED))
    assert now + honoured <= end_of(after) <= now + max(policy.cool_off_ceiling, honoured)
    assert end_of(after) > now


def test_a_late_good_answer_changes_nothing_while_the_circuit_is_open():
    resting = a_health(Circuit.OPEN)

    assert step(resting, Good()) is resting


def test_a_late_bad_answer_changes_nothing_while_the_circuit_is_open():
    resting = a_health(Circuit.OPEN)

    assert step(resting, Bad("x")) is resting


@pytest.mark.parametrize(
    ("asked", "until"),
    [
        (timedelta(minutes=5), LATER + timedelta(minutes=5)),
        (timedelta(seconds=-1), LATER + timedelta(minutes=1)),
        (timedelta(seconds=30), LATER + timedelta(minutes=1)),
        (timedelta.max, LATER + LONGEST_ASKED),
    ],
)
def test_a_late_request_for_time_prolongs_the_rest_and_never_shortens_it(asked, until):
    resting = a_health(Circuit.OPEN, until=LATER + timedelta(minutes=1))

    assert step(resting, Bad("answered 429", asked)) == replace(resting, until=until, asked=True)


def test_a_late_request_for_time_does_not_invent_an_end_of_the_rest():
    endless = a_health(Circuit.OPEN, until=None)

    assert step(endless, Bad("x", timedelta(hours=1))) is endless


# ---------------------------------------------------------------- open: its end


@pytest.mark.parametrize("openings", [1, EARLY_CLOSE_LIMIT, EARLY_CLOSE_LIMIT + 1, 40])
@pytest.mark.parametrize("probed_well", [None, True])
def test_once_rested_a_trial_file_goes_unless_the_probe_says_no(openings, probed_well):
    resting = a_health(Circuit.OPEN, openings=openings)

    assert cooled_off(resting, now=LATER, probed_well=probed_well)


@pytest.mark.parametrize("now", [EPOCH, LATER, LATER + PROBE_VETO_LIMIT - timedelta(seconds=1)])
def test_a_bad_probe_prolongs_the_rest(now):
    assert not cooled_off(a_health(Circuit.OPEN), now=now, probed_well=False)


def test_a_probe_that_never_says_yes_does_not_keep_the_circuit_open_for_ever():
    assert cooled_off(a_health(Circuit.OPEN), now=LATER + PROBE_VETO_LIMIT, probed_well=False)


def test_a_good_probe_does_not_shorten_a_rest_the_destination_asked_for():
    asked = a_health(Circuit.OPEN, asked=True)

    assert not cooled_off(asked, now=EPOCH, probed_well=True)
    assert cooled_off(asked, now=LATER, probed_well=True)


@pytest.mark.parametrize("circuit", [Circuit.HALF_OPEN, Circuit.CLOSED])
def test_a_delivery_from_before_the_stall_is_neither_trial_file_nor_in_its_way(circuit):
    after = a_health(circuit, since=LATER)

    assert not counts(after, claimed_at=EPOCH)
    assert counts(after, claimed_at=LATER)


def test_while_it_is_open_every_late_answer_is_heard():
    assert counts(a_health(Circuit.OPEN, since=LATER), claimed_at=EPOCH)


def test_without_a_probe_the_rest_is_kept():
    just_before = LATER - timedelta(microseconds=1)

    assert not cooled_off(a_health(Circuit.OPEN), now=just_before, probed_well=None)


@pytest.mark.parametrize(
    ("openings", "believed"), [(1, True), (EARLY_CLOSE_LIMIT, True), (EARLY_CLOSE_LIMIT + 1, False)]
)
def test_a_good_probe_ends_the_rest_early_until_it_has_lied_too_often(openings, believed):
    resting = a_health(Circuit.OPEN, openings=openings)

    assert cooled_off(resting, now=EPOCH, probed_well=True) is believed


def test_a_rest_without_an_end_is_over():
    assert cooled_off(a_health(Circuit.OPEN, until=None), now=EPOCH, probed_well=None)


@pytest.mark.parametrize("circuit", [Circuit.CLOSED, Circuit.HALF_OPEN])
@pytest.mark.parametrize("probed_well", [None, True, False])
def test_only_an_open_circuit_cools_off(circuit, probed_well):
    assert not cooled_off(a_health(circuit), now=LATER, probed_well=probed_well)


# ---------------------------------------------------------------- half open: the trial file


def test_a_cooled_off_circuit_lets_exactly_one_trial_file_go():
    after = step(a_health(Circuit.OPEN, window=8.0, openings=2), CooledOff())

    assert after == a_health(Circuit.HALF_OPEN, window=8.0, openings=2, since=LATER)
    assert [available_slots(after, in_flight=count) for count in range(3)] == [1, 0, 0]


def test_a_trial_file_that_is_well_closes_the_circuit_at_a_window_of_one():
    half_open = a_health(
        Circuit.HALF_OPEN, window=5.6, threshold=5.6, openings=4, reason="too slow"
    )

    assert step(half_open, Good()) == a_health(window=1.0, threshold=5.6, since=LATER)


def test_a_trial_file_that_is_ill_opens_the_circuit_again():
    after = step(a_health(Circuit.HALF_OPEN, openings=1), Bad("still too slow"))

    assert after.circuit is Circuit.OPEN
    assert after.reason == "still too slow"
    assert after.openings == 2
