import json
import socket
from datetime import timedelta
from http.client import RemoteDisconnected

import httplib2
import pytest
from google.auth.exceptions import InvalidOperation, RefreshError, TransportError
from hypothesis import given
from hypothesis import strategies as st

from sync.destinations.drive.errors import (
    DAILY_CAP_REST,
    Transient,
    Unclassified,
    classify,
    fault_of_answer,
    fault_of_trouble,
)
from titip.errors import AttemptFailed, DeliveryRejected, DestinationUnavailable


def document(reason, message="A message."):
    error = {"code": 403, "message": message, "errors": [{"reason": reason, "message": message}]}
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "reason", "meant", "told"),
    [
        (400, "badRequest", Unclassified, "400 badRequest"),
        (401, "authError", DestinationUnavailable, "authorise Titip again"),
        (403, "userRateLimitExceeded", Transient, "slower pace"),
        (403, "rateLimitExceeded", Transient, "slower pace"),
        (403, "storageQuotaExceeded", DestinationUnavailable, "free some room"),
        (403, "teamDriveFileLimitExceeded", DestinationUnavailable, "use another"),
        (403, "accessNotConfigured", DestinationUnavailable, "switch it on"),
        (403, "", DestinationUnavailable, "look the reason up"),
        (404, "notFound", Unclassified, "404 notFound"),
        (408, "", Transient, "Drive failed"),
        (409, "fileIdInUse", Unclassified, "409 fileIdInUse"),
        (410, "", Unclassified, "410"),
        (413, "", Unclassified, "413"),
        (429, "", Transient, "slower pace"),
        (500, "backendError", Transient, "Drive failed"),
        (503, "", Transient, "Drive failed"),
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

    assert type(plain) is Transient
    assert type(capped) is DestinationUnavailable
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
        (
            RefreshError("invalid_grant: Token has been revoked."),
            DestinationUnavailable,
            "invalid_grant",
        ),
        (RefreshError({"refresh_token": "hush"}), DestinationUnavailable, "no reason given"),
        (RefreshError("internal_failure", retryable=True), Transient, "token service"),
        (TransportError("https://host/?secret"), Transient, "token service"),
        (
            InvalidOperation("Anonymous credentials"),
            DestinationUnavailable,
            "set mirror.drive.credentials",
        ),
        (TimeoutError("timed out"), Transient, "in time"),
        (ConnectionRefusedError(111, "Connection refused"), Transient, "Connection refused"),
        (RemoteDisconnected("x"), Transient, "RemoteDisconnected"),
        (socket.gaierror(-2, "Name or service not known"), Transient, "Name or service"),
        (httplib2.ServerNotFoundError("x"), Transient, "ServerNotFoundError"),
    ],
)
def test_silence_is_told_without_what_the_error_carries(error, meant, told):
    fault = fault_of_trouble(error)

    assert type(fault) is meant
    assert told in fault.reason
    assert "secret" not in fault.reason
    assert "hush" not in fault.reason


def test_what_no_caller_could_judge_is_the_attempts_own_fault():
    assert type(classify(Unclassified(400, "Drive answered 400"))) is AttemptFailed
    assert type(classify(Unclassified(413, "Drive answered 413"))) is DeliveryRejected
    assert type(classify(Transient("Drive failed"))) is Transient
