from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.registry_answer import Answer, fault
from titip.errors import Faltered, Refused, Unavailable, Unknown


@pytest.mark.parametrize(
    ("status", "whole", "meant"),
    [
        (204, True, Faltered),
        (302, True, Unavailable),
        (400, True, Refused),
        (401, False, Unavailable),
        (403, True, Unavailable),
        (404, True, Unavailable),
        (408, True, Unavailable),
        (409, True, Refused),
        (413, False, Refused),
        (419, True, Unavailable),
        (422, True, Refused),
        (429, False, Unavailable),
        (500, False, Unavailable),
        (500, True, Unknown),
        (501, True, Unavailable),
        (502, False, Unavailable),
        (502, True, Unknown),
        (503, True, Unavailable),
        (504, False, Unavailable),
        (504, True, Unknown),
    ],
)
def test_each_status_has_one_owner(status, whole, meant):
    assert type(fault(Answer(status, whole=whole))) is meant


def test_the_wait_that_a_registry_asks_for_is_kept():
    wait = timedelta(seconds=7)

    assert fault(Answer(429, retry_after=wait)).retry_after == wait
    assert fault(Answer(502, retry_after=wait)).retry_after == wait


def test_a_refusal_that_names_a_time_is_none():
    assert type(fault(Answer(413, retry_after=timedelta(seconds=1)))) is Unavailable


@given(status=st.integers(100, 999), body=st.binary(max_size=200), whole=st.booleans())
def test_no_answer_is_too_odd_for_a_short_printable_reason(status, body, whole):
    reason = fault(Answer(status, body=body, whole=whole)).reason

    assert reason.isprintable()
    assert len(reason) < 300


def test_a_reason_holds_the_answers_label_and_nothing_else_of_it():
    body = b'{"title": "Quota\\nexceeded", "detail": "NIK 5171010101010001 is known", "code": "Q1"}'

    reason = fault(Answer(422, body=body)).reason

    assert "422 Unprocessable" in reason
    assert "Quota exceeded" in reason
    assert "5171010101010001" not in reason


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"title": 3}', b"[" * 100_000])
def test_an_answer_without_a_label_is_told_by_its_status(body):
    assert fault(Answer(400, body=body)).reason == "refused this file (400 Bad Request)"
