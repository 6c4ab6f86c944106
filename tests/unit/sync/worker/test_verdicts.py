"""Which trouble is one file's own, and which is the destination's: only the others tell."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sync.worker.attempt import outcome_of, sign_of
from sync.worker.verdicts import MOST_ABSENCES, Verdicts
from tests.destination_fakes import SEALED_AT, a_parcel
from titip import delivery as d
from titip import errors
from titip.evidence import Evidence
from titip.health import Bad, Good
from titip.policies.suspicion import Suspected, Suspicion

FORBIDDEN = Suspected("403", "forbidden (403)")
OTHER = Suspected("404", "not found (404)")
LOST = d.FailedEvent("it is not there", detail="their words")
ARRIVED = d.SucceededEvent("ref-1", Evidence.REFERENCE)
LATER = SEALED_AT + timedelta(minutes=1)


def a_delivery(name="a", submitter="pair-1", **fields):
    return replace(a_parcel().delivery, id=d.DeliveryId(name), submitter=submitter, **fields)


def signs(verdicts, *deliveries, sign=FORBIDDEN):
    return [verdicts.sign(sign, one) for one in deliveries]


def in_company():
    verdicts = Verdicts()
    verdicts.waiting(["pair-1", "pair-2"])
    return verdicts


def test_one_file_that_is_forbidden_tells_nothing_of_the_destination():
    assert signs(Verdicts(), a_delivery()) == [None]


def test_another_submitters_file_that_meets_the_same_shows_the_destinations_trouble():
    mine, theirs = a_delivery(), a_delivery("b", "pair-2")

    assert signs(in_company(), mine, theirs) == [None, Bad(FORBIDDEN.reason)]


def test_three_files_in_a_row_are_enough_where_nobody_else_waits():
    files = [a_delivery(name) for name in "abc"]

    assert signs(Verdicts(), *files) == [None, None, Bad(FORBIDDEN.reason)]


def test_three_files_of_one_are_not_enough_where_others_wait():
    files = [a_delivery(name) for name in "abcd"]

    assert signs(in_company(), *files) == [None] * 4


def test_the_same_file_again_is_one_file():
    assert signs(Verdicts(), *[a_delivery()] * 5) == [None] * 5


def test_who_waits_is_as_it_was_while_nobody_does():
    verdicts = in_company()

    verdicts.waiting([])

    assert signs(verdicts, *[a_delivery(name) for name in "abc"]) == [None] * 3
    verdicts.waiting(["pair-1"])
    assert signs(verdicts, a_delivery("d")) == [Bad(FORBIDDEN.reason)]


def test_another_failure_begins_a_new_row():
    verdicts = Verdicts()
    signs(verdicts, a_delivery("a"), a_delivery("b"))

    assert signs(verdicts, a_delivery("c"), sign=OTHER) == [None]
    assert signs(verdicts, a_delivery("d"), a_delivery("e")) == [None, None]


def test_a_good_answer_ends_the_row_and_no_sign_does_not():
    verdicts = Verdicts()
    signs(verdicts, a_delivery("a"), a_delivery("b"))

    assert signs(verdicts, a_delivery("c"), sign=None) == [None]
    assert signs(verdicts, a_delivery("c"), sign=Good()) == [Good()]
    assert signs(verdicts, a_delivery("d")) == [None]


def test_no_sign_leaves_the_row_as_it_is():
    verdicts = Verdicts()
    signs(verdicts, a_delivery("a"), a_delivery("b"))
    signs(verdicts, a_delivery("x"), sign=None)

    assert signs(verdicts, a_delivery("c")) == [Bad(FORBIDDEN.reason)]


def test_an_illness_is_passed_on():
    assert signs(Verdicts(), a_delivery(), sign=Bad("down")) == [Bad("down")]


def test_nothing_met_is_no_suspicion():
    assert not Suspicion().holds(alone=True)


def vanishing(**fields):
    return a_delivery("lost", absences=MOST_ABSENCES, trouble_since=SEALED_AT, **fields)


def test_a_file_that_keeps_vanishing_while_others_get_through_needs_a_person():
    verdicts = Verdicts()
    verdicts.event(ARRIVED, a_delivery("other"), now=SEALED_AT)

    event = verdicts.event(LOST, vanishing(), now=LATER)

    assert event == d.RejectedEvent(
        "needs attention: sent 5 times and never found there, while others got through"
        " (it is not there)",
        "their words",
    )


@pytest.mark.parametrize(
    ("others_at", "other", "absences"),
    [
        (None, "other", MOST_ABSENCES),
        (SEALED_AT - timedelta(seconds=1), "other", MOST_ABSENCES),
        (SEALED_AT, "lost", MOST_ABSENCES),
        (SEALED_AT, "other", MOST_ABSENCES - 1),
    ],
    ids=["nobody got through", "only before", "only itself", "too seldom"],
)
def test_else_it_is_tried_again(others_at, other, absences):
    verdicts = Verdicts()
    if others_at:
        verdicts.event(ARRIVED, a_delivery(other), now=others_at)

    assert verdicts.event(LOST, replace(vanishing(), absences=absences), now=LATER) is LOST


def test_a_file_without_a_beginning_of_its_trouble_is_judged_by_whoever_got_through():
    verdicts = Verdicts()
    verdicts.event(ARRIVED, a_delivery("other"), now=SEALED_AT)

    event = verdicts.event(LOST, replace(vanishing(), trouble_since=None), now=LATER)

    assert isinstance(event, d.RejectedEvent)


def test_what_did_not_falter_is_told_as_it_is():
    verdicts = Verdicts()
    verdicts.event(ARRIVED, a_delivery("other"), now=SEALED_AT)
    unknown = d.UnknownEvent("no answer")

    assert verdicts.event(unknown, vanishing(), now=LATER) is unknown


WAIT = timedelta(seconds=7)


@pytest.mark.parametrize(
    ("fault", "event", "sign"),
    [
        (
            errors.DestinationUnavailable("down", retry_after=WAIT, detail="theirs", outage=True),
            d.PostponedEvent("down", detail="theirs"),
            Bad("down", WAIT, outage=True),
        ),
        (
            errors.DeliveryRejected("bad scan", detail="theirs", alike="422 scan"),
            d.RejectedEvent("bad scan", detail="theirs", alike="422 scan"),
            Good(),
        ),
        (
            errors.AttemptFailed("again", retry_after=WAIT, detail="theirs"),
            d.FailedEvent("again", WAIT, "theirs"),
            None,
        ),
        (
            errors.AttemptFailed("forbidden", suspect="403"),
            d.FailedEvent("forbidden"),
            Suspected("403", "forbidden"),
        ),
        (
            errors.DeliveryRejected("bad scan", besides=errors.DestinationUnavailable("tired")),
            d.RejectedEvent("bad scan"),
            Bad("tired"),
        ),
        (
            errors.OutcomeUnknown("no answer", detail="theirs"),
            d.UnknownEvent("no answer", detail="theirs"),
            Bad("no answer"),
        ),
        (errors.OutcomeUnknown("not yet", ill=False), d.UnknownEvent("not yet"), None),
        (
            errors.OutcomeUnknown("no answer", besides=errors.AttemptFailed("not yet"), ill=True),
            d.UnknownEvent("no answer"),
            None,
        ),
    ],
    ids=[
        "unavailable",
        "refused",
        "faltered",
        "suspect",
        "refused by one that is ill",
        "unheard",
        "not yet",
        "unheard, with a look-up that tells",
    ],
)
def test_a_fault_says_what_it_is_for_the_file_and_for_the_destination(fault, event, sign):
    assert (outcome_of(fault), sign_of(fault)) == (event, sign)
