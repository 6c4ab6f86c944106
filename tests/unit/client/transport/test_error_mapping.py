from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.errors import FatalError, Gone, PushError, Refused, TooLarge, TransientError
from client.transport.error_mapping import Answer, Step, judge

TUS = {"Tus-Resumable": "1.0.0"}
CASES = [
    *[(status, step, FatalError) for status in (401, 412) for step in Step],
    *[(status, step, TransientError) for status in (408, 423, 425, 429, 409) for step in Step],
    *[(status, step, TransientError) for status in (500, 502, 503, 504, 507, 599) for step in Step],
    *[(status, step, Refused) for status in (400, 415, 422, 460) for step in Step],
    *[(status, Step.GREET, FatalError) for status in (301, 307, 403, 404, 405, 410)],
    *[(status, Step.SEND, TransientError) for status in (301, 302, 307)],
    *[(status, step, Gone) for status in (403, 404, 410) for step in (Step.ASK, Step.SEND)],
    *[(status, Step.PROVE, Refused) for status in (403, 404, 410)],
    (403, Step.CREATE, Refused),
    (404, Step.CREATE, FatalError),
    (413, Step.CREATE, TooLarge),
    (413, Step.SEND, TooLarge),
    (413, Step.ASK, Refused),
    (405, Step.SEND, Refused),
]


@pytest.mark.parametrize(("status", "step", "meaning"), CASES)
def test_a_status_of_the_gateway_has_one_meaning(status, step, meaning):
    with pytest.raises(meaning):
        judge(Answer(status, TUS), step)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_yes_is_a_yes(status):
    judge(Answer(status, TUS), Step.SEND)


@pytest.mark.parametrize("step", [Step.ASK, Step.SEND, Step.CREATE])
def test_only_the_gateway_itself_can_say_that_an_upload_is_gone(step):
    with pytest.raises(TransientError):
        judge(Answer(404), step)


@given(
    st.integers(100, 999),
    st.sampled_from(Step),
    st.dictionaries(
        st.sampled_from(["Retry-After", "Date", "Tus-Resumable", "Location"]),
        st.one_of(st.text(max_size=30), st.integers().map(str), st.datetimes().map(str)),
    ),
    st.binary(max_size=30),
)
def test_no_answer_leads_to_anything_but_a_push_error(status, step, headers, body):
    answer = Answer(status, headers, body)

    with suppress(PushError):
        judge(answer, step)

    assert isinstance(answer.moment, str)


def test_retry_after_may_be_seconds_or_a_date():
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    assert Answer(503, {"Retry-After": "7"}).pause() == 7
    assert 90 < Answer(503, {"Retry-After": soon}).pause() <= 100
    assert Answer(503, {"Retry-After": "soon"}).pause() == 0


def test_a_full_disk_is_asked_again_slowly():
    with pytest.raises(TransientError) as caught:
        judge(Answer(507, TUS), Step.SEND)

    assert caught.value.not_before >= 30


def test_the_gateways_own_reason_is_repeated():
    with pytest.raises(Refused, match="no such kind of file"):
        judge(Answer(415, TUS, b'{"detail": "no such kind of file"}'), Step.CREATE)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "\N{SUPERSCRIPT TWO}", "9" * 5000, " 1"])
def test_a_number_that_is_none_is_not_taken_for_one(text):
    assert Answer(200, {"Upload-Offset": text}).number("Upload-Offset") is None
