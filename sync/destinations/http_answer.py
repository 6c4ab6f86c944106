"""What a registry's answer means: whose trouble it is, what fault, what is in doubt. Pure.

Two questions, never one (see docs/registry.md): the status decides only whose trouble it is. Once
the whole body has left, whatever is answered, the file may be there until something shows whether
it is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sync.destinations.json_pointer import text_at
from titip.errors import AttemptFailed, DeliveryFault, DeliveryRejected, DestinationUnavailable
from titip.evidence import Doubt
from titip.text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import timedelta

MAX_TOLD: Final = 200
"""Longest piece of an answer's own words that is kept, in characters."""

MAX_REFERENCE: Final = 1000
"""Longest reference that is one, in characters: a part of a longer one would name nothing."""

NOT_SAID: Final = object()
"""In place of a document where the body is no JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `whole` tells whether all of the body had left by then.

    `body` is the answer's text as UTF-8; None where it could not be read. Header names are in
    lower case.
    """

    status: int
    body: bytes | None = b""
    retry_after: timedelta | None = None
    whole: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> object:
        """Give the body as JSON, NOT_SAID where it is none."""
        try:
            return json.loads(self.body or b"")
        except (ValueError, RecursionError):
            return NOT_SAID

    @property
    def is_page(self) -> bool:
        """Tell whether the body is there and is no JSON: a page for people."""
        return (self.body is None or self.body.strip() != b"") and self.document is NOT_SAID

    @property
    def label(self) -> str:
        """Name the status."""
        try:
            return f"{self.status} {HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """How this registry answers: statuses, and where it tells what (see RegistryOptions)."""

    accepted: Collection[int] = (200, 201, 204)
    duplicate: Collection[int] = ()
    not_stored: Collection[int] = ()
    reference: str = ""
    reason: str = ""

    def reference_of(self, answer: Answer) -> str:
        """Give the reference that stands at the agreed place, "" where none does."""
        if self.reference.startswith("header:"):
            told = answer.headers.get(self.reference.removeprefix("header:").lower(), "")
            told = plain(told, most=MAX_REFERENCE + 1)
        else:
            told = text_at(answer.document, self.reference) if self.reference else ""
        return told if len(told) <= MAX_REFERENCE else ""


class Meaning(StrEnum):
    """Whose an answer is."""

    ACCEPTED = "accepted"
    """The registry says yes."""
    UNKNOWN = "unknown"
    """It tells nothing of the file."""
    WAIT = "wait"
    """The destination asks for time, or fails."""
    REJECTED = "rejected"
    """This file will not be taken."""
    CREDENTIALS = "credentials"
    """The destination does not know us any more."""
    ATTEMPT = "attempt"
    """This attempt failed; the destination's trouble where others meet it too."""
    PAGE = "page"
    """A login or maintenance page in place of an answer."""


_ROWS: Final[Mapping[int, Meaning]] = {
    **dict.fromkeys((400, 411, 413, 414, 415, 422, 451), Meaning.REJECTED),
    **dict.fromkeys((401, 407, 419), Meaning.CREDENTIALS),
    **dict.fromkeys((408, 409), Meaning.UNKNOWN),
    **dict.fromkeys((429, 503), Meaning.WAIT),
}
"""419 is a web application's word for a form token that ran out."""

_CLIENT_ERRORS: Final = range(400, 500)
SUCCESS: Final = range(200, 300)
_YES: Final = range(200, 400)
_SERVER_ERRORS: Final = range(500, 600)
_TELLS_NOTHING: Final = frozenset({408, 409})
_OF_THE_HOUR: Final = frozenset({408, 425, 429})


def refuses_question(status: int) -> bool:
    """Tell whether an answer is about what was asked, and not about how the registry is now."""
    return status in _CLIENT_ERRORS and status not in _OF_THE_HOUR


def meaning_of(answer: Answer, rules: AnswerRules) -> Meaning:
    """Say whose an answer is."""
    status = answer.status
    may_be_page = status in _YES or status in _SERVER_ERRORS
    if may_be_page and rules.reference.startswith("/") and answer.is_page:
        return Meaning.PAGE
    if status in rules.accepted and answer.whole:
        return Meaning.ACCEPTED
    if status in rules.duplicate:
        return Meaning.UNKNOWN
    if status in _SERVER_ERRORS and answer.retry_after is not None:
        return Meaning.WAIT
    default = Meaning.ATTEMPT if status in _CLIENT_ERRORS else Meaning.UNKNOWN
    return _ROWS.get(status, default)


def doubt_after(answer: Answer, rules: AnswerRules) -> Doubt:
    """Say what an answer leaves open; without the whole body only a yes leaves anything."""
    status = answer.status
    if not answer.whole:
        return Doubt.ANSWERED if status in _YES else Doubt.NONE
    if status in rules.not_stored:
        return Doubt.NONE
    unheard = status in _TELLS_NOTHING or status in _SERVER_ERRORS
    return Doubt.UNHEARD if unheard else Doubt.ANSWERED


_SAID_AT: Final = ("/message", "/error", "/detail", "/title", "/error/message", "/errors/0/message")
"""Where registries tell why, by custom; the first that is there counts."""


def said(answer: Answer, rules: AnswerRules) -> str:
    """Give the registry's own words, on one line and short; for operators alone."""
    document = answer.document
    places = (rules.reason,) if rules.reason else _SAID_AT
    for place in places:
        if words := plain(text_at(document, place), most=MAX_TOLD):
            return words
    return ""


_QUOTED: Final = re.compile(r"""(?<!\w)(["'`]).*?\1(?!\w)|[«“].*?[»”]""")
_EDGES: Final = ".,;:!?()[]{}<>"


def alike(answer: Answer, words: str, own: Collection[str] = ()) -> str:
    """Name the cause of a refusal so that the same cause has the same name.

    What tells one file or one request from another is left out: `own` facts of the file, quoted
    words, and words with digits or signs in their midst: numbers, times, ids, names of files.
    """
    text = words.casefold()
    for fact in sorted((one.casefold() for one in own if len(one) > 1), key=len, reverse=True):
        text = text.replace(fact, "#")
    said_of_all = [
        word if word.strip(_EDGES).isalpha() else "#" for word in _QUOTED.sub("#", text).split()
    ]
    kept = [
        word
        for at, word in enumerate(said_of_all)
        if word != "#" or said_of_all[at - 1 : at] != ["#"]
    ]
    return " ".join([str(answer.status), *kept])


_REDIRECTS: Final = range(300, 400)

_ADVICE: Final = {
    403: "not allowed to hand this in; are registry.bearer and its headers right?",
    404: "no intake there; is registry.url right?",
    405: "no intake there; are registry.url and registry.method right?",
    410: "no intake there any more; is registry.url right?",
}


def fault_of(answer: Answer, rules: AnswerRules, own: Collection[str] = ()) -> DeliveryFault:
    """Give the fault of an answer, with the registry's own words as its detail.

    `own` are the facts of the file, which make no refusal another one.
    """
    words = said(answer, rules)
    meaning = meaning_of(answer, rules)
    if meaning is Meaning.REJECTED:
        return _rejected(answer, words, own)
    return _MADE[meaning](answer, words)


def _wait(answer: Answer, words: str) -> DeliveryFault:
    return DestinationUnavailable(
        f"asked to come back later ({answer.label})", retry_after=answer.retry_after, detail=words
    )


def _credentials(answer: Answer, words: str) -> DeliveryFault:
    if answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        reason = f"a proxy on the way asks for a login: write it into HTTP_PROXY ({answer.label})"
    else:
        reason = f"credentials refused; renew registry.bearer or its headers ({answer.label})"
    return DestinationUnavailable(reason, detail=words)


def _page(answer: Answer, words: str) -> DeliveryFault:
    return DestinationUnavailable(
        f"a page in place of an answer, for a login or maintenance ({answer.label})",
        retry_after=answer.retry_after,
        detail=words,
        outage=True,
    )


def _rejected(answer: Answer, words: str, own: Collection[str]) -> DeliveryFault:
    if answer.retry_after is not None:
        reason = f"refused this file for now ({answer.label})"
        return AttemptFailed(reason, retry_after=answer.retry_after, detail=words)
    cause = alike(answer, words, own)
    return DeliveryRejected(f"refused this file ({answer.label})", detail=words, alike=cause)


def _attempt(answer: Answer, words: str) -> DeliveryFault:
    reason = f"{_ADVICE.get(answer.status, 'this attempt was turned away')} ({answer.label})"
    return AttemptFailed(reason, retry_after=answer.retry_after, detail=words, suspect=answer.label)


def _tells_nothing(answer: Answer, words: str) -> DeliveryFault:
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return DestinationUnavailable(f"failed ({answer.label})", detail=words)
    told = "gave an answer that tells nothing of the file"
    if answer.status in _REDIRECTS:
        told = "leads elsewhere; is registry.url where the intake is now?"
    reason = f"{told} ({answer.label})"
    return AttemptFailed(reason, detail=words, suspect=answer.label)


_MADE: Final[Mapping[Meaning, Callable[[Answer, str], DeliveryFault]]] = {
    Meaning.WAIT: _wait,
    Meaning.CREDENTIALS: _credentials,
    Meaning.PAGE: _page,
    Meaning.ATTEMPT: _attempt,
    Meaning.UNKNOWN: _tells_nothing,
    Meaning.ACCEPTED: _tells_nothing,
}
