"""Decide what an answer means: go on, wait, start anew, or give up. The one place with statuses."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

from client.errors import FatalError, Gone, PushError, Refused, TooLarge, TransientError
from titip.retry_after import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FULL_DISK_PAUSE = 30.0
"""Seconds: a full disk is emptied by people, and every try costs it a request."""
LONGEST_WORD = 200
"""Characters of the gateway's own explanation that are repeated to the person."""

NO_DATE = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError)
"""What the standard library raises for texts that are no date, one release or another."""
MOST_DIGITS = 19
NO_GATEWAY = "there is no Titip gateway at this address: check it after --to"
_PASSING: Mapping[int, str] = {
    HTTPStatus.REQUEST_TIMEOUT: "the gateway waited too long for the line",
    HTTPStatus.CONFLICT: "the gateway stands at another offset",
    HTTPStatus.LOCKED: "the gateway is still busy with this upload",
    HTTPStatus.TOO_EARLY: "the gateway asked to try again",
    HTTPStatus.TOO_MANY_REQUESTS: "the gateway asked for a slower pace",
}


class Step(StrEnum):
    """What was asked."""

    GREET = "greet"
    CREATE = "create"
    ASK = "ask"
    SEND = "send"
    PROVE = "prove"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, as far as it matters. `headers` ignores case; `body` is cut at 64 KiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def speaks_tus(self) -> bool:
        """Tell whether a tus server answered, and not a proxy or a hotel's log-in page."""
        return "Tus-Resumable" in self.headers

    @property
    def moment(self) -> str:
        """Give the sender's clock as RFC 3339, or ''."""
        try:
            sent = parsedate_to_datetime(self.headers.get("Date", ""))
            there = sent.astimezone(UTC)
        except NO_DATE:
            return ""
        return there.isoformat().replace("+00:00", "Z")

    def number(self, name: str) -> int | None:
        """Give a header that is a whole number from 0 up to 2^63, else None."""
        text = self.headers.get(name, "")
        sound = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
        return int(text) if sound else None

    def facts(self) -> dict[str, object]:
        """Give the JSON object in the body, or an empty one."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}

    def pause(self) -> float:
        """Give the seconds that Retry-After asks for, 0 without one."""
        asked = retry_after(self.headers.get("Retry-After"), now=datetime.now(UTC))
        return asked.total_seconds() if asked else 0.0


def judge(answer: Answer, step: Step) -> None:
    """Return if the answer is a yes; raise what it means otherwise."""
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    raise _ESPECIALLY.get(answer.status, _in_general)(answer, step)


def _in_general(answer: Answer, step: Step) -> PushError:
    status, pause = answer.status, answer.pause()
    if status in _PASSING:
        return TransientError(_PASSING[status], not_before=pause)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TransientError(f"the gateway is in trouble ({status})", not_before=pause)
    if status < HTTPStatus.BAD_REQUEST:
        return _elsewhere(answer, step)
    return Refused(f"the gateway refused it ({status}): {_word(answer)}")


def _method(answer: Answer, step: Step) -> PushError:
    if step in {Step.GREET, Step.CREATE}:
        return FatalError(NO_GATEWAY)
    return _in_general(answer, step)


def _body(answer: Answer, step: Step) -> PushError:
    if step in {Step.CREATE, Step.SEND}:
        return TooLarge("the gateway, or something before it, refuses a body of this size")
    return _in_general(answer, step)


def _elsewhere(answer: Answer, step: Step) -> PushError:
    """Judge a redirection: at first a wrong address, later a network that wants a log-in."""
    if step is Step.GREET:
        there = answer.headers.get("Location", "another address")[:LONGEST_WORD]
        return FatalError(
            f"this address leads to {there}: if that is the gateway, give it after --to"
        )
    return TransientError(
        f"something else answered ({answer.status}): does this network want a log-in?"
    )


def _absent(answer: Answer, step: Step) -> PushError:
    """Judge 403, 404 and 410: only the gateway itself can say that an upload is gone."""
    match step:
        case Step.GREET:
            return FatalError(NO_GATEWAY)
        case Step.CREATE if answer.status == HTTPStatus.FORBIDDEN:
            return Refused(f"this token may not hand it in: {_word(answer)}")
        case Step.ASK | Step.SEND if answer.speaks_tus:
            return Gone("the gateway does not know this upload any more")
        case Step.CREATE if answer.speaks_tus:
            return FatalError(NO_GATEWAY)
        case Step.CREATE | Step.ASK | Step.SEND:
            return TransientError(f"something before the gateway answered ({answer.status})")
        case Step.PROVE:
            return Refused(
                "the gateway has every byte but does not say which digest it holds: ask your "
                "operator for the receipt"
            )


def _word(answer: Answer) -> str:
    """Give the gateway's own explanation, if it sent one."""
    facts = answer.facts()
    for name in ("detail", "title"):
        value = facts.get(name)
        if isinstance(value, str) and value:
            return value[:LONGEST_WORD]
    return "it gave no reason; tell your operator"


_ESPECIALLY: Mapping[int, Callable[[Answer, Step], PushError]] = {
    HTTPStatus.UNAUTHORIZED: lambda _answer, _step: FatalError(
        "the token was refused, or none was given (--token-file, or TITIP_TOKEN): ask your operator"
    ),
    HTTPStatus.FORBIDDEN: _absent,
    HTTPStatus.NOT_FOUND: _absent,
    HTTPStatus.METHOD_NOT_ALLOWED: _method,
    HTTPStatus.GONE: _absent,
    HTTPStatus.PRECONDITION_FAILED: lambda _answer, _step: FatalError(
        "the gateway does not speak tus 1.0.0: check the address after --to"
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _body,
    HTTPStatus.INSUFFICIENT_STORAGE: lambda answer, _step: TransientError(
        "the gateway's disk is full: its operator must make room",
        not_before=max(answer.pause(), FULL_DISK_PAUSE),
    ),
}
