"""Whose fault an answer of Drive is, and what an operator can do about it.

Texts name reasons, never addresses: a session's address is a secret, and errors of the client
library carry it.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final

import httplib2
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError

from sync.destinations.transport.answer_body import wait_asked
from sync.destinations.transport.wire import NoAnswer
from titip.errors import AttemptFailed, DeliveryFault, DeliveryRejected, DestinationUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

HTTP_TROUBLE: Final = (NoAnswer, GoogleAuthError, httplib2.HttpLib2Error, HTTPException, OSError)
"""What a call may raise when no answer came."""

DAILY_CAP_REST: Final = timedelta(hours=1)
"""After 750 GB in a day Drive takes nothing for about 24 hours; asking hourly is enough."""

_THROTTLED: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded"})
_CAPPED_MESSAGE: Final = "User rate limit exceeded."
"""Exactly this, with its full stop, is how the daily cap is told (rclone tells it so, too)."""

_SHARE: Final = "Titip's account may not write there: share the folder with it"

_ADVICE: Final = {
    "dailyLimitExceeded": "this project's daily quota is used up: raise it in the Google console",
    "storageQuotaExceeded": (
        "Drive is full: free some room or buy more. A service account owns no storage of its own:"
        " give it a folder in a shared drive as mirror.drive.folder"
    ),
    "quotaExceeded": "Drive is full: free some room or buy more",
    "teamDriveFileLimitExceeded": "the shared drive holds as many items as it may: use another",
    "numChildrenInNonRootLimitExceeded": "a folder holds as many items as it may: use another",
    "activeItemCreationLimitExceeded": "the account holds as many items as it may: use another",
    "insufficientFilePermissions": _SHARE,
    "insufficientParentPermissions": _SHARE,
    "appNotAuthorizedToFile": "Titip may not touch that folder: let it make one of its own",
    "domainPolicy": "the organisation's policy forbids Titip to use Drive: ask its administrator",
    "accessNotConfigured": "the Drive API is switched off in the Google project: switch it on",
    "insufficientPermissions": "the credentials lack the scope drive.file: authorise Titip again",
}

_REASON: Final = re.compile(r"[A-Za-z]{1,60}\Z")


class Transient(DestinationUnavailable):
    """Trouble that may be over in seconds: worth another try within the attempt."""


class Unclassified(DeliveryFault):
    """An answer whose meaning depends on the call: 400, 404, 409, 410 and their like."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def fault_of_answer(status: int, content: bytes, headers: Mapping[str, str]) -> DeliveryFault:
    """Give the fault that an answer means; Unclassified where only the caller can judge it."""
    reason, message = _reason(content)
    wait = wait_asked(headers)
    told = f"{status} {reason}".strip()
    if status == HTTPStatus.UNAUTHORIZED:
        return DestinationUnavailable(
            f"Google refused the credentials ({told}): authorise Titip again"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS or reason in _THROTTLED:
        return _slower(told, message, wait)
    if status == HTTPStatus.FORBIDDEN:
        advice = _ADVICE.get(reason, "Drive forbids it: look the reason up in Google's guide")
        return DestinationUnavailable(f"{advice} ({told})", retry_after=wait)
    if status < HTTPStatus.BAD_REQUEST:
        return unreadable(status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Transient(f"Drive failed ({told})", retry_after=wait)
    return Unclassified(status, f"Drive answered {told}")


def fault_of_call(status: int, content: bytes, headers: Mapping[str, str]) -> DeliveryFault:
    """Give the fault that an answer to a call means, which Drive always describes in JSON.

    A bare "not found" of something in between is no verdict on a file: taken for one, it would
    have the file made twice. (A session's answers are bare in Drive, too; see fault_of_answer.)
    """
    fault = fault_of_answer(status, content, headers)
    if isinstance(fault, Unclassified) and not isinstance(_error(content), dict):
        return unreadable(status)
    return fault


def unreadable(status: int) -> Transient:
    """Give the fault of an answer that Drive would not give: a page of something in between."""
    return Transient(f"gave an answer that is not Drive's ({status}): does a proxy stand between?")


def document_of(content: bytes) -> dict[str, Any] | None:
    """Read a document of Drive's; None where the bytes are none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _slower(told: str, message: str, wait: timedelta | None) -> DestinationUnavailable:
    if message == _CAPPED_MESSAGE:
        return DestinationUnavailable(
            f"Drive's daily cap may be reached ({told})", retry_after=DAILY_CAP_REST
        )
    return Transient(f"Drive asks for a slower pace ({told})", retry_after=wait)


def classify(fault: DeliveryFault) -> DeliveryFault:
    """Turn what no caller could judge into the attempt's own fault, and keep all else."""
    if not isinstance(fault, Unclassified):
        return fault
    if fault.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return DeliveryRejected(f"Drive will never take this file ({fault.reason})")
    return AttemptFailed(fault.reason)


def fault_of_trouble(error: BaseException) -> DestinationUnavailable:
    """Give the fault that it means when no answer came."""
    match error:
        case NoAnswer():
            return Transient(f"Drive {error.reason}")
        case TransportError() | RefreshError(retryable=True):
            return Transient("Google's token service cannot be reached")
        case RefreshError():
            return DestinationUnavailable(
                f"Google refused the credentials ({_grant(error)}): authorise Titip again and "
                "replace the file that mirror.drive.credentials names"
            )
        case GoogleAuthError():
            return DestinationUnavailable(
                "Drive asks for credentials: set mirror.drive.credentials"
            )
        case TimeoutError():
            return Transient("Drive did not answer in time")
        case _:
            told = getattr(error, "strerror", None) or type(error).__name__
            return Transient(f"Drive cannot be reached: {told}")


def _reason(content: bytes) -> tuple[str, str]:
    """Give the reason and the message of an error's document; empty where it has none."""
    error = _error(content)
    if not isinstance(error, dict):
        return "", ""
    errors = error.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    reason = (first.get("reason") if isinstance(first, dict) else None) or error.get("status")
    message = error.get("message")
    return (
        reason if isinstance(reason, str) and _REASON.match(reason) else "",
        message if isinstance(message, str) else "",
    )


def _error(content: bytes) -> object:
    return (document_of(content) or {}).get("error")


def _grant(error: RefreshError) -> str:
    """Name the OAuth error, such as invalid_grant, without what was sent."""
    told = str(error.args[0]) if error.args else ""
    word = told.partition(":")[0]
    return word if re.fullmatch(r"[a-z_]{1,40}", word) else "no reason given"
