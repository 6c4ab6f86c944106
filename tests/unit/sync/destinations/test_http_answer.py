"""The answer table: whose an answer is, what it leaves in doubt, and what is kept of its words."""

import json
from datetime import timedelta
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.http_answer import (
    Answer,
    AnswerRules,
    Meaning,
    alike,
    doubt_after,
    fault_of,
    meaning_of,
    said,
)
from titip.errors import AttemptFailed, DeliveryFault, DeliveryRejected, DestinationUnavailable
from titip.evidence import Doubt

RULES = AnswerRules(reference="/id")
SOON = timedelta(seconds=7)

ROWS = [
    (200, Meaning.ACCEPTED),
    (202, Meaning.UNKNOWN),
    (204, Meaning.ACCEPTED),
    (303, Meaning.UNKNOWN),
    (400, Meaning.REJECTED),
    (401, Meaning.CREDENTIALS),
    (403, Meaning.ATTEMPT),
    (404, Meaning.ATTEMPT),
    (407, Meaning.CREDENTIALS),
    (408, Meaning.UNKNOWN),
    (409, Meaning.UNKNOWN),
    (411, Meaning.REJECTED),
    (413, Meaning.REJECTED),
    (419, Meaning.CREDENTIALS),
    (422, Meaning.REJECTED),
    (423, Meaning.ATTEMPT),
    (429, Meaning.WAIT),
    (451, Meaning.REJECTED),
    (499, Meaning.ATTEMPT),
    (500, Meaning.UNKNOWN),
    (503, Meaning.WAIT),
    (520, Meaning.UNKNOWN),
    (599, Meaning.UNKNOWN),
    (700, Meaning.UNKNOWN),
]


@pytest.mark.parametrize(("status", "meant"), ROWS)
def test_each_status_has_one_owner(status, meant):
    assert meaning_of(Answer(status), RULES) is meant


@pytest.mark.parametrize("status", [500, 502, 524])
def test_a_failure_that_names_a_time_asks_for_time(status):
    assert meaning_of(Answer(status, retry_after=SOON), RULES) is Meaning.WAIT


@pytest.mark.parametrize("status", [200, 201, 303, 500, 502, 503])
@pytest.mark.parametrize("body", [b"<html>Login", b"ok", b"\xff\xfe\x00", None], ids=repr)
def test_a_page_where_a_document_was_agreed_on_is_an_outage(status, body):
    answer = Answer(status, body=body)

    fault = fault_of(answer, RULES)

    assert meaning_of(answer, RULES) is Meaning.PAGE
    assert isinstance(fault, DestinationUnavailable)
    assert fault.outage


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422])
def test_a_page_beside_a_client_error_keeps_the_statuss_row(status):
    assert meaning_of(Answer(status, body=b"<html>"), RULES) is meaning_of(Answer(status), RULES)


@pytest.mark.parametrize("reference", ["", "header:Location"])
def test_a_page_is_no_news_of_a_registry_whose_reference_stands_elsewhere(reference):
    rules = AnswerRules(reference=reference)

    assert meaning_of(Answer(200, body=b"<html>thanks"), rules) is Meaning.ACCEPTED


def test_a_yes_before_the_whole_body_had_left_is_none():
    assert meaning_of(Answer(201, body=b'{"id": 1}', whole=False), RULES) is Meaning.UNKNOWN


@given(status=st.integers(100, 999), body=st.binary(max_size=40), named=st.booleans())
def test_after_the_whole_body_every_answer_leaves_a_doubt(status, body, named):
    answer = Answer(status, body=body, retry_after=SOON if named else None)

    assert doubt_after(answer, RULES)


@pytest.mark.parametrize(
    ("status", "left"),
    [
        *((status, Doubt.ANSWERED) for status in (200, 303, 422, 429)),
        *((status, Doubt.UNHEARD) for status in (408, 409, 500, 503)),
    ],
)
def test_only_what_tells_nothing_may_be_repeated_under_a_key(status, left):
    assert doubt_after(Answer(status), RULES) is left


@given(status=st.integers(400, 599))
def test_before_the_whole_body_a_no_leaves_no_doubt(status):
    assert not doubt_after(Answer(status, whole=False), RULES)


@pytest.mark.parametrize("status", [200, 201, 303])
def test_before_the_whole_body_a_yes_leaves_one(status):
    assert doubt_after(Answer(status, whole=False), RULES) is Doubt.ANSWERED


def test_a_status_that_the_operator_vouches_for_leaves_none():
    assert not doubt_after(Answer(503), AnswerRules(not_stored=(503,)))


@given(
    status=st.integers(100, 999),
    body=st.binary(max_size=200),
    whole=st.booleans(),
    named=st.booleans(),
)
def test_no_answer_is_too_odd_for_a_short_printable_reason(status, body, whole, named):
    answer = Answer(status, body=body, whole=whole, retry_after=SOON if named else None)

    fault = fault_of(answer, RULES)

    assert isinstance(fault, DeliveryFault)
    assert fault.reason.isprintable()
    assert len(fault.reason) < 300
    assert fault.detail.isprintable()
    assert len(fault.detail) <= 200


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(document=JSON, place=st.sampled_from(["/id", "/0/id", "/a/b", "header:Location"]))
def test_a_reference_is_a_storable_text_and_nothing_else(document, place):
    body = json.dumps({"id": document}).encode()
    answer = Answer(200, body=body, headers={"location": str(document)[:200]})

    reference = AnswerRules(reference=place).reference_of(answer)

    assert len(reference.encode()) <= 4 * 1000
    if place == "/id":
        is_one = isinstance(document, int | str) and not isinstance(document, bool)
        blank = isinstance(document, str) and not document.strip()
        assert bool(reference) is (is_one and not blank)


@pytest.mark.parametrize("odd", [None, True, 417.0, [], {}, "", "  ", "\ud800"], ids=ascii)
def test_what_is_neither_a_text_nor_an_integer_is_no_reference(odd):
    assert not RULES.reference_of(Answer(201, body=json.dumps({"id": odd}).encode()))


def test_half_an_emoji_in_a_reference_can_be_kept():
    reference = RULES.reference_of(Answer(201, body=b'{"id": "SILON-\\ud83d"}'))

    assert reference.encode() == b"SILON-?"


def test_a_header_may_tell_the_reference():
    answer = Answer(201, headers={"location": "/papers/417"})

    assert AnswerRules(reference="header:Location").reference_of(answer) == "/papers/417"


def test_the_registrys_own_words_are_a_detail_and_never_in_the_reason():
    body = b'{"title": "Ditolak", "detail": "NIK 5171010101010001\\n is known"}'

    fault = fault_of(Answer(422, body=body), RULES)

    assert fault.detail == "NIK 5171010101010001 is known"
    assert fault.reason == f"refused this file (422 {HTTPStatus(422).phrase})"


def test_the_operator_may_say_where_the_reason_stands():
    body = b'{"message": "no", "why": {"text": "too large"}}'

    assert said(Answer(422, body=body), AnswerRules(reason="/why/text")) == "too large"


def test_refusals_of_one_cause_are_alike_whatever_number_they_name():
    one = fault_of(Answer(422, body=b'{"message": "NIK 51 is known"}'), RULES)
    two = fault_of(Answer(422, body=b'{"message": "nik 5299 is known"}'), RULES)
    other = fault_of(Answer(422, body=b'{"message": "no photo"}'), RULES)

    assert isinstance(one, DeliveryRejected)
    assert isinstance(two, DeliveryRejected)
    assert isinstance(other, DeliveryRejected)
    assert one.alike == two.alike != other.alike


OWN = ["KTP Budi Santoso.jpg", "u0123456789abcdef", "Pair 3"]
SIGNS = st.text(st.characters(codec="utf-8", categories=["Lu", "Ll", "Nd"]), min_size=1)
SPOKEN = st.one_of(
    st.sampled_from(OWN),
    st.integers().map(str),
    st.uuids().map(str),
    st.datetimes().map(lambda at: at.isoformat()),
    st.builds("{}.{}".format, SIGNS, SIGNS),
    st.builds('"{} {}"'.format, SIGNS, SIGNS),
)


@given(names=st.lists(SPOKEN, min_size=2, max_size=2))
@pytest.mark.parametrize("words", ["Request {} rejected: no photo", "no photo in {}", "({}) no"])
def test_refusals_are_alike_whatever_file_request_or_moment_they_name(words, names):
    one, two = (
        fault_of(Answer(422, body=json.dumps({"message": words.format(name)}).encode()), RULES, OWN)
        for name in names
    )

    assert isinstance(one, DeliveryRejected)
    assert isinstance(two, DeliveryRejected)
    assert one.alike == two.alike
    assert "no" in one.alike


@given(names=st.lists(st.text("qxzQXZ", min_size=2, max_size=4), min_size=2, max_size=2))
@pytest.mark.parametrize("words", ["the photo of {} is dark", "{}: no photo"])
def test_refusals_are_alike_whatever_short_name_they_name(words, names):
    one, two = (alike(Answer(422), words.format(name), own=[name]).partition(" ") for name in names)

    assert one == two
    assert "photo" in one[2]


@pytest.mark.parametrize("letter", "photsdarkP")
def test_a_name_of_one_letter_takes_no_letter_out_of_other_words(letter):
    words = "the photo is dark"

    assert alike(Answer(422), words, own=[letter]) == alike(Answer(422), words)


def test_a_refusal_that_names_a_time_makes_this_file_wait_and_no_other():
    fault = fault_of(Answer(422, retry_after=timedelta(hours=1)), RULES)

    assert type(fault) is AttemptFailed
    assert fault.retry_after == timedelta(hours=1)
    assert not fault.suspect


def test_a_login_that_a_proxy_asks_for_is_no_credential_of_the_registry_s():
    assert "proxy" in fault_of(Answer(407), RULES).reason
    assert "registry.bearer" not in fault_of(Answer(407), RULES).reason
    assert "registry.bearer" in fault_of(Answer(401), RULES).reason
