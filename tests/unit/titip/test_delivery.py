from dataclasses import replace
from datetime import timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import (
    EPOCH,
    deliveries,
    delivery_events,
    faults,
    names,
    retry_policies,
    rngs,
    times,
)
from titip.delivery import (
    ALLOWED,
    DESTINATIONS,
    REGISTRY,
    ClaimedEvent,
    DamagedEvent,
    Delivery,
    DeliveryId,
    DeliveryState,
    FailedEvent,
    MovedEvent,
    ParkedFor,
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
from titip.evidence import Doubt, Evidence
from titip.retry import LONGEST_ASKED, RetryPolicy
from titip.upload import UploadId

LATER = EPOCH + timedelta(hours=1)
LEASE = LATER + timedelta(minutes=2)
POLICY = RetryPolicy(floor=timedelta(seconds=5), ceiling=timedelta(minutes=30))
EVENTS = (
    ClaimedEvent(LEASE),
    SucceededEvent("row-9", Evidence.REFERENCE),
    RejectedEvent("not a PDF"),
    DamagedEvent("its file is missing"),
    FailedEvent("digest differs"),
    PostponedEvent("answered 503"),
    UnknownEvent("no answer"),
    MovedEvent("it may be elsewhere"),
    RequeuedEvent(),
    SkippedEvent(),
    RecordedEvent("by hand 4"),
)


def a_delivery(**fields):
    row = Delivery(DeliveryId("d"), UploadId("u"), REGISTRY, "pair-7", EPOCH, EPOCH)
    return replace(row, **fields)


def step(delivery, event, *, now=LATER, policy=POLICY):
    return advance(delivery, event, now=now, policy=policy, rng=Random(7))


# ---------------------------------------------------------------- the table


def test_the_table_has_a_row_for_every_state():
    assert set(ALLOWED) == set(DeliveryState)


@pytest.mark.parametrize(("state", "event"), list(product(DeliveryState, EVENTS)))
def test_every_event_steps_as_the_table_says_or_is_refused(state, event):
    before = a_delivery(state=state)
    to = ALLOWED[state].get(type(event))

    if to is None:
        what = type(event).__name__.removesuffix("Event").lower()
        with pytest.raises(IllegalEvent, match=f"{state} cannot be {what}$"):
            step(before, event)
    else:
        assert step(before, event).state is to
    assert before == a_delivery(state=state)


def test_what_waits_is_what_may_be_claimed_for_the_first_time():
    claimable = {state for state in DeliveryState if ClaimedEvent in ALLOWED[state]}

    assert {state for state in DeliveryState if state.waiting} == claimable - {DeliveryState.ACTIVE}


def test_all_but_the_delivered_and_the_skipped_are_owed():
    settled = {DeliveryState.DELIVERED, DeliveryState.SKIPPED}

    assert {state for state in DeliveryState if state.owed} == set(DeliveryState) - settled


def test_nothing_leads_out_of_delivered_but_a_persons_word_may_be_added():
    assert ALLOWED[DeliveryState.DELIVERED] == {RecordedEvent: DeliveryState.DELIVERED}


@pytest.mark.parametrize("evidence", [one for one in Evidence if one.enough])
def test_what_has_evidence_takes_no_other(evidence):
    proved = a_delivery(state=DeliveryState.DELIVERED, locator="1", evidence=evidence)

    with pytest.raises(IllegalEvent):
        step(proved, RecordedEvent("2"))


@pytest.mark.parametrize("evidence", [one for one in Evidence if not one.enough])
def test_a_person_may_look_after_what_only_a_status_says(evidence):
    believed = a_delivery(state=DeliveryState.DELIVERED, locator="", evidence=evidence)

    after = step(believed, RecordedEvent("SILON-4"))

    assert (after.locator, after.evidence) == ("SILON-4", Evidence.PERSON)


@pytest.mark.parametrize(
    "state", [state for state in DeliveryState if MovedEvent in ALLOWED[state]]
)
def test_what_may_be_at_a_former_place_waits_for_a_person_and_stays_in_doubt(state):
    after = step(
        a_delivery(state=state, checkpoint="half", reason="x"), MovedEvent("it may be there")
    )

    assert (after.state, after.reason) == (DeliveryState.PARKED, "it may be there")
    assert after.maybe_delivered
    assert after.checkpoint == "half"
    assert step(after, RequeuedEvent()).maybe_delivered


def test_only_an_operator_moves_what_is_parked_or_skipped():
    ways_out = {one for one, to in ALLOWED[DeliveryState.PARKED].items() if to != "parked"}

    assert ways_out == {RequeuedEvent, RecordedEvent}
    assert set(ALLOWED[DeliveryState.SKIPPED]) == {RequeuedEvent}


def test_whatever_is_owed_has_a_way_to_delivered():
    reached = {DeliveryState.DELIVERED}
    for _ in DeliveryState:
        reached |= {state for state, row in ALLOWED.items() if reached & set(row.values())}

    assert {state for state in DeliveryState if state.owed} <= reached


# ---------------------------------------------------------------- the steps


def test_a_claim_counts_an_attempt_and_lends_it_until_the_lease_ends():
    after = step(a_delivery(attempts=4), ClaimedEvent(LEASE))

    assert after == a_delivery(state=DeliveryState.ACTIVE, attempts=5, due_at=LEASE)


def test_a_claim_of_a_lapsed_lease_is_doubtful():
    after = step(a_delivery(state=DeliveryState.ACTIVE, attempts=1), ClaimedEvent(LEASE))

    assert after.maybe_delivered
    assert after.attempts == 2


@pytest.mark.parametrize("state", [state for state in DeliveryState if state.waiting])
@pytest.mark.parametrize("maybe_delivered", list(Doubt))
def test_a_claim_of_a_waiting_delivery_keeps_its_doubt_as_it_was(state, maybe_delivered):
    assert (
        step(
            a_delivery(state=state, maybe_delivered=maybe_delivered), ClaimedEvent(LEASE)
        ).maybe_delivered
        is maybe_delivered
    )


def test_success_keeps_the_locator_and_lays_the_rest_aside():
    active = a_delivery(state=DeliveryState.ACTIVE, checkpoint="half", reason="answered 503")

    after = step(active, SucceededEvent("row-9", Evidence.REFERENCE))

    assert after == a_delivery(
        state=DeliveryState.DELIVERED,
        locator="row-9",
        ended_at=LATER,
        evidence=Evidence.REFERENCE,
    )


@pytest.mark.parametrize("destination", sorted(set(DESTINATIONS) - {REGISTRY}))
@pytest.mark.parametrize("state", DeliveryState)
def test_only_what_is_in_the_registry_is_recorded_by_hand(state, destination):
    copy = a_delivery(id=DeliveryId(f"u.{destination}"), state=state, destination=destination)

    with pytest.raises(IllegalEvent, match=f"titip resync u.{destination}"):
        step(copy, RecordedEvent("by hand 4"))


@pytest.mark.parametrize(
    "state", [state for state in DeliveryState if RecordedEvent in ALLOWED[state]]
)
def test_an_operators_record_ends_what_is_not_under_way(state):
    after = step(a_delivery(state=state, checkpoint="half", reason="x"), RecordedEvent("by hand 4"))

    assert after == a_delivery(
        state=DeliveryState.DELIVERED,
        locator="by hand 4",
        ended_at=LATER,
        evidence=Evidence.PERSON,
    )


def test_a_refused_delivery_is_parked_with_its_reason_and_has_not_ended():
    after = step(a_delivery(state=DeliveryState.ACTIVE), RejectedEvent("not a PDF"))

    assert after == a_delivery(
        state=DeliveryState.PARKED,
        reason="not a PDF",
        due_at=LATER,
        parked_for=ParkedFor.REJECTED,
    )
    assert not after.wants_bytes


def test_a_delivery_without_its_bytes_is_parked_until_they_are_back():
    after = step(a_delivery(state=DeliveryState.ACTIVE), DamagedEvent("its file is missing"))

    reason = "damaged: its file is missing"
    assert after == a_delivery(
        state=DeliveryState.PARKED, reason=reason, due_at=LATER, parked_for=ParkedFor.DAMAGED
    )
    assert after.wants_bytes
    assert not step(after, RequeuedEvent()).wants_bytes


def test_the_first_fault_waits_about_the_floor_and_marks_the_beginning_of_trouble():
    after = step(a_delivery(state=DeliveryState.ACTIVE), FailedEvent("digest differs"))

    assert after.trouble_since == LATER
    assert POLICY.floor <= after.due_at - LATER <= POLICY.floor * 1.25
    assert after.reason == "digest differs"


def test_trouble_of_an_hour_waits_about_the_ceiling_and_keeps_its_beginning():
    old = a_delivery(state=DeliveryState.ACTIVE, trouble_since=EPOCH)

    after = step(old, PostponedEvent("answered 503"))

    assert after.trouble_since == EPOCH
    assert POLICY.ceiling * 0.75 <= after.due_at - LATER <= POLICY.ceiling


def test_a_stop_of_titip_leaves_the_delivery_due_at_once_and_without_trouble():
    after = step(a_delivery(state=DeliveryState.ACTIVE), PostponedEvent("stopped", at_once=True))

    assert after == a_delivery(state=DeliveryState.DEFERRED, reason="stopped", due_at=LATER)


def test_a_lost_answer_makes_the_delivery_doubtful():
    after = step(a_delivery(state=DeliveryState.ACTIVE), UnknownEvent("no answer"))

    assert after.maybe_delivered
    assert after.state is DeliveryState.VERIFY
    assert after.due_at > LATER


def test_nobody_looks_for_a_lost_answer_before_the_destination_has_settled():
    settle = timedelta(minutes=5)

    after = step(a_delivery(state=DeliveryState.ACTIVE), UnknownEvent("no answer", settle=settle))

    assert after.due_at == LATER + settle


@pytest.mark.parametrize(
    "event", [FailedEvent("x"), PostponedEvent("x"), PostponedEvent("x", at_once=True)]
)
def test_a_fault_before_the_answer_raises_no_doubt_of_its_own(event):
    assert not step(a_delivery(state=DeliveryState.ACTIVE), event).maybe_delivered


def test_a_destination_that_asks_for_time_gets_it():
    event = FailedEvent("busy", retry_after=timedelta(minutes=10))

    assert step(a_delivery(state=DeliveryState.ACTIVE), event).due_at == LATER + timedelta(
        minutes=10
    )


@pytest.mark.parametrize("asked", [timedelta(hours=2), timedelta(days=36500), timedelta.max])
def test_a_destination_that_asks_for_too_much_gets_an_hour(asked):
    event = FailedEvent("busy", retry_after=asked)

    assert step(a_delivery(state=DeliveryState.ACTIVE), event).due_at == LATER + timedelta(hours=1)


def test_a_destination_that_asks_for_the_past_changes_nothing():
    asked = step(a_delivery(state=DeliveryState.ACTIVE), FailedEvent("x", timedelta(days=-1)))

    assert asked == step(a_delivery(state=DeliveryState.ACTIVE), FailedEvent("x"))


def test_a_requeued_delivery_is_due_now_and_its_trouble_is_forgotten():
    parked = a_delivery(
        state=DeliveryState.PARKED,
        attempts=3,
        trouble_since=EPOCH,
        reason="not a PDF",
        checkpoint="half",
        maybe_delivered=Doubt.UNHEARD,
    )

    after = step(parked, RequeuedEvent())

    assert after == a_delivery(
        due_at=LATER,
        attempts=3,
        checkpoint="half",
        maybe_delivered=Doubt.UNHEARD,
        reason="not a PDF",
    )


def test_what_is_in_no_doubt_loses_its_reason_when_it_is_requeued():
    assert step(a_delivery(state=DeliveryState.PARKED, reason="x"), RequeuedEvent()).reason == ""


def test_a_requeued_mirror_is_owed_again():
    skipped = step(a_delivery(), SkippedEvent())

    after = step(skipped, RequeuedEvent())

    assert after == a_delivery(due_at=LATER)


def test_a_requeue_of_a_delivery_to_verify_still_verifies_first():
    after = step(
        a_delivery(state=DeliveryState.VERIFY, maybe_delivered=Doubt.UNHEARD), RequeuedEvent()
    )

    assert after.state is DeliveryState.VERIFY
    assert after.due_at == LATER


def test_one_that_a_person_vouched_for_is_sent_again_as_if_for_the_first_time():
    in_doubt = a_delivery(
        state=DeliveryState.VERIFY,
        maybe_delivered=Doubt.ANSWERED,
        doubt_since=EPOCH,
        settles_at=LATER,
        absences=2,
        from_backup=True,
        reason="no answer",
        detail="theirs",
    )

    assert step(in_doubt, RequeuedEvent(confirmed_absent=True)) == a_delivery(due_at=LATER)


def test_a_spared_mirror_tells_why_and_when():
    after = step(a_delivery(state=DeliveryState.DEFERRED, reason="answered 503"), SkippedEvent())

    assert after == a_delivery(
        state=DeliveryState.SKIPPED, ended_at=LATER, reason="the registry has it"
    )


# ---------------------------------------------------------------- properties


@given(
    before=deliveries(), event=delivery_events(), now=times(), policy=retry_policies(), rng=rngs()
)
def test_no_event_changes_what_is_delivered_where_and_for_whom(*, before, event, now, policy, rng):
    try:
        after = advance(before, event, now=now, policy=policy, rng=rng)
    except IllegalEvent:
        return

    same = {"id", "upload", "destination", "submitter", "queued_at"}
    assert {name: getattr(before, name) for name in same} == {
        name: getattr(after, name) for name in same
    }


@given(
    before=deliveries(states=[DeliveryState.ACTIVE]),
    event=faults(),
    now=times(),
    policy=retry_policies(),
    rng=rngs(),
)
def test_a_fault_never_waits_less_than_nothing_nor_more_than_it_may(
    *, before, event, now, policy, rng
):
    after = advance(before, event, now=now, policy=policy, rng=rng)

    asked = getattr(event, "retry_after", None) or timedelta(0)
    assert now <= after.due_at <= now + max(policy.ceiling, min(asked, LONGEST_ASKED))
    assert after.checkpoint == before.checkpoint
    assert after.attempts == before.attempts
    assert after.ended_at == before.ended_at


@given(deliveries(states=[DeliveryState.ACTIVE]), names(), st.timedeltas())
def test_a_clock_that_went_back_waits_the_floor(before, reason, back):
    before = replace(before, trouble_since=LATER + abs(back) if abs(back).days < 9999 else LATER)

    after = step(before, FailedEvent(reason))

    assert POLICY.floor <= after.due_at - LATER <= POLICY.floor * 1.25
