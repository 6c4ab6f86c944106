"""The brake: one party's refusals slow that party alone, and nobody else."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.journal.rows import brakes_of, text_of_brakes
from tests.strategies import EPOCH
from titip.policies.brake import AFTER, TRIAL_EVERY, Brakes

WHY = "refused this file (422 Unprocessable Entity)"


def refused(brakes, submitter, *, times=AFTER, alike="422 no photo", now=EPOCH):
    for number in range(times):
        brakes = brakes.refused(submitter, alike, reason=WHY, run=f"{submitter}-{number}", now=now)
    return brakes


def test_a_few_refusals_brake_nobody():
    brakes = refused(Brakes(), "pair-1", times=AFTER - 1)

    assert brakes.may_go("pair-1", limit=8, now=EPOCH) == 8
    assert not brakes.refusing


def test_twenty_alike_leave_one_trial_a_minute():
    brakes = refused(Brakes(), "pair-1")

    assert brakes.may_go("pair-1", limit=8, now=EPOCH) == 0
    later = EPOCH + TRIAL_EVERY
    assert brakes.may_go("pair-1", limit=8, now=later) == 1
    assert brakes.tried("pair-1", now=later).may_go("pair-1", limit=8, now=later) == 0


def test_refusals_of_several_causes_are_files_of_their_own():
    brakes = Brakes()
    for number in range(5 * AFTER):
        brakes = refused(brakes, "pair-1", times=1, alike=f"422 {'ab'[number % 2]}")

    assert brakes.may_go("pair-1", limit=8, now=EPOCH) == 8


def test_nobody_brakes_another_party():
    brakes = refused(Brakes(alone=False), "pair-1")

    assert brakes.may_go("pair-2", limit=8, now=EPOCH) == 8
    assert not brakes.refusing


def test_two_parties_refused_alike_show_that_the_destination_refuses():
    brakes = refused(refused(Brakes(alone=False), "pair-1"), "pair-2")

    assert set(brakes.refusing) == {"pair-1", "pair-2"}
    assert brakes.may_go("pair-3", limit=8, now=EPOCH) == 8


def test_two_parties_refused_for_different_causes_are_two_brakes():
    brakes = refused(Brakes(alone=False), "pair-1")
    brakes = refused(brakes, "pair-2", alike="413")

    assert len(brakes.braked) == 2
    assert not brakes.refusing


def test_the_only_one_with_files_waiting_is_enough():
    assert refused(Brakes(), "pair-1").refusing


def test_a_destination_that_takes_in_what_another_party_hands_in_refuses_nobody_but_one():
    brakes, _ = refused(Brakes(), "pair-1").delivered("pair-2")

    assert brakes.alone
    assert set(brakes.braked) == {"pair-1"}
    assert not brakes.refusing
    assert not brakes_of(text_of_brakes(brakes)).refusing
    assert refused(brakes, "pair-2").refusing


def test_who_waits_is_taken_in_and_kept_while_nobody_does():
    alone, others = Brakes().waiting(["pair-1", "pair-1"]), Brakes().waiting(["pair-1", "pair-2"])

    assert alone.alone
    assert not others.alone
    assert not others.waiting([]).alone
    assert others.waiting(iter(["pair-2"])).alone


def test_a_trial_that_was_never_timed_may_go_but_alone():
    brakes = refused(Brakes(), "pair-1")
    untimed = replace(brakes, runs={"pair-1": replace(brakes.runs["pair-1"], trial_at=None)})

    assert untimed.may_go("pair-1", limit=8, now=EPOCH) == 1
    assert untimed.may_go("pair-1", limit=0, now=EPOCH) == 0


def test_only_one_that_is_braked_has_trials_to_note():
    few = refused(Brakes(), "pair-1", times=AFTER - 1)

    assert few.tried("pair-1", now=EPOCH) is few
    assert few.tried("pair-2", now=EPOCH) is few


def test_a_brake_keeps_its_first_trial_its_run_and_its_beginning_but_tells_the_last_reason():
    brakes = refused(Brakes(), "pair-1")
    later = EPOCH + TRIAL_EVERY

    after = brakes.refused("pair-1", "413", reason="too large", run="new", now=later)

    run = after.runs["pair-1"]
    assert (run.id, run.alike, run.since, run.trial_at) == (
        "pair-1-0", "422 no photo", EPOCH, EPOCH + TRIAL_EVERY,
    )  # fmt: skip
    assert (run.count, run.reason) == (AFTER + 1, "too large")


def test_a_delivery_ends_its_own_brake_and_leaves_its_files_parked():
    brakes = refused(Brakes(alone=False), "pair-1")

    after, runs = brakes.delivered("pair-1")

    assert not after.braked
    assert list(runs) == []


def test_a_delivery_to_one_of_them_ends_refusing_and_names_the_runs_to_let_go():
    brakes = refused(refused(Brakes(alone=False), "pair-1"), "pair-2")

    after, runs = brakes.delivered("pair-2")

    assert not after.runs
    assert sorted(runs) == ["pair-1-0", "pair-2-0"]


def test_a_delivery_to_another_party_ends_no_brake():
    brakes = refused(refused(Brakes(alone=False), "pair-1"), "pair-2")

    after, runs = brakes.delivered("pair-3")

    assert set(after.refusing) == {"pair-1", "pair-2"}
    assert list(runs) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", ""]), st.integers(0, 90)),
        max_size=120,
    )
)
def test_whatever_comes_a_party_is_never_slowed_by_others_and_always_gets_its_trial(steps):
    brakes, now, streak = Brakes(alone=False), EPOCH, dict.fromkeys("abc", 0)
    for name, alike, seconds in steps:
        now += timedelta(seconds=seconds)
        if alike:
            brakes = refused(brakes, name, times=1, alike=alike, now=now)
            streak[name] += 1
        else:
            brakes, _ = brakes.delivered(name)
            streak[name] = 0
        assert brakes_of(text_of_brakes(brakes)) == brakes

    for name, count in streak.items():
        if count < AFTER:
            assert brakes.may_go(name, limit=8, now=now) == 8
        assert brakes.may_go(name, limit=8, now=now + TRIAL_EVERY) >= 1
