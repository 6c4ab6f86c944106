import json
import socket
from datetime import timedelta
from http.client import RemoteDisconnected

import httplib2
import pytest
from google.auth.exceptions import InvalidOperation, RefreshError, TransportError
from hypothesis import given
from hypothesis import strategies as st

from sync.drive_faults import (
    DAILY_CAP_REST,
    Passing,
    Undecided,
    fault_of_answer,
    fault_of_trouble,
    settled,
)
from titip.errors import Faltered, Refused, Unavailable


def document(reason, message="A message."):
    error = {"code": 403, "message": message, "errors": [{"reason": reason, "message": message}]}
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "reason", "meant", "told"),
    [
        (400, "badRequest", Undecided, "400 badRequest"),
        (401, "authError", Unavailable, "authorise Titip again"),
        (403, "userRateLimitExceeded", Passing, "slower pace"),
        (403, "rateLimitExceeded", Passing, "slower pace"),
        (403, "storageQuotaExceeded", Unavailable, "free some room"),
        (403, "teamDriveFileLimitExceeded", Unavailable, "use another"),
        (403, "accessNotConfigured", Unavailable, "switch it on"),
        (403, "", Unavailable, "look the reason up"),
        (404, "notFound", Undecided, "404 notFound"),
        (408, "", Passing, "Drive failed"),
        (409, "fileIdInUse", Undecided, "409 fileIdInUse"),
        (410, "", Undecided, "410"),
        (413, "", Undecided, "413"),
        (429, "", Passing, "slower pace"),
        (500, "backendError", Passing, "Drive failed"),
        (503, "", Passing, "Drive failed"),
    ],
)
def test_each_answer_has_one_owner_and_tells_what_to_do(status, reason, meant, told):
    fault = fault_of_answer(status, document(reason), {})

    assert type(fault) is meant
    assert told in fault.reason


def test_the_daily_cap_is_known_by_its_very_words():
    plain = fault_of_answer(403, document("userRateLimitExceeded", "User Rate Limit Exceeded"), {})
    capped = fault_of_answer(
        403, document("userRateLimitExceeded", "User rate limit exceeded."), {}
    )

    assert type(plain) is Passing
    assert type(capped) is Unavailable
    assert capped.retry_after == DAILY_CAP_REST


def test_the_wait_that_drive_asks_for_is_kept():
    fault = fault_of_answer(429, b"", {"retry-after": "30"})

    assert fault.retry_after == timedelta(seconds=30)


@given(status=st.integers(300, 599), content=st.binary(max_size=300))
def test_no_answer_is_too_odd_for_a_short_printable_reason(status, content):
    reason = fault_of_answer(status, content, {}).reason

    assert reason.isprintable()
    assert len(reason) < 300


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error": "invalid"}',
        b'{"error": {"errors": []}}',
        b'{"error": {"errors": [{}]}}',
        b'{"error": {"errors": "x"}}',
        b'{"error": {"errors": [{"reason": "https://host/?upload_id=secret"}]}}',
    ],
)
def test_an_answer_without_a_reason_is_told_by_its_status(content):
    assert fault_of_answer(404, content, {}).reason == "Drive answered 404"


@pytest.mark.parametrize(
    ("error", "meant", "told"),
    [
        (RefreshError("invalid_grant: Token has been revoked."), Unavailable, "invalid_grant"),
        (RefreshError({"refresh_token": "hush"}), Unavailable, "no reason given"),
        (RefreshError("internal_failure", retryable=True), Passing, "token service"),
        (TransportError("https://host/?secret"), Passing, "token service"),
        (InvalidOperation("Anonymous credentials"), Unavailable, "set mirror.drive.credentials"),
        (TimeoutError("timed out"), Passing, "in time"),
        (ConnectionRefusedError(111, "Connection refused"), Passing, "Connection refused"),
        (RemoteDisconnected("x"), Passing, "RemoteDisconnected"),
        (socket.gaierror(-2, "Name or service not known"), Passing, "Name or service"),
        (httplib2.ServerNotFoundError("x"), Passing, "ServerNotFoundError"),
    ],
)
def test_silence_is_told_without_what_the_error_carries(error, meant, told):
    fault = fault_of_trouble(error)

    assert type(fault) is meant
    assert told in fault.reason
    assert "secret" not in fault.reason
    assert "hush" not in fault.reason


def test_what_no_caller_could_judge_is_the_attempts_own_fault():
    assert type(settled(Undecided(400, "Drive answered 400"))) is Faltered
    assert type(settled(Undecided(413, "Drive answered 413"))) is Refused
    assert type(settled(Passing("Drive failed"))) is Passing
