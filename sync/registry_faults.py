"""Whose fault an answer is that shows no delivery: of this file, this attempt, the registry."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sync.registry_answer import Meaning, alike, meaning_of, said
from titip.errors import DeliveryFault, Faltered, Refused, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from sync.registry_answer import Answer, AnswerRules

_FIRST_SERVER_ERROR: Final = 500
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
    return Unavailable(
        f"asked to come back later ({answer.label})", retry_after=answer.retry_after, detail=words
    )


def _credentials(answer: Answer, words: str) -> DeliveryFault:
    if answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        reason = f"a proxy on the way asks for a login: write it into HTTP_PROXY ({answer.label})"
    else:
        reason = f"credentials refused; renew registry.bearer or its headers ({answer.label})"
    return Unavailable(reason, detail=words)


def _page(answer: Answer, words: str) -> DeliveryFault:
    return Unavailable(
        f"a page in place of an answer, for a login or maintenance ({answer.label})",
        retry_after=answer.retry_after,
        detail=words,
        outage=True,
    )


def _rejected(answer: Answer, words: str, own: Collection[str]) -> DeliveryFault:
    if answer.retry_after is not None:
        reason = f"refused this file for now ({answer.label})"
        return Faltered(reason, retry_after=answer.retry_after, detail=words)
    cause = alike(answer, words, own)
    return Refused(f"refused this file ({answer.label})", detail=words, alike=cause)


def _attempt(answer: Answer, words: str) -> DeliveryFault:
    reason = f"{_ADVICE.get(answer.status, 'this attempt was turned away')} ({answer.label})"
    return Faltered(reason, retry_after=answer.retry_after, detail=words, suspect=answer.label)


def _tells_nothing(answer: Answer, words: str) -> DeliveryFault:
    if answer.status >= _FIRST_SERVER_ERROR:
        return Unavailable(f"failed ({answer.label})", detail=words)
    told = "gave an answer that tells nothing of the file"
    if answer.status in _REDIRECTS:
        told = "leads elsewhere; is registry.url where the intake is now?"
    reason = f"{told} ({answer.label})"
    return Faltered(reason, detail=words, suspect=answer.label)


_MADE: Final[Mapping[Meaning, Callable[[Answer, str], DeliveryFault]]] = {
    Meaning.WAIT: _wait,
    Meaning.CREDENTIALS: _credentials,
    Meaning.PAGE: _page,
    Meaning.ATTEMPT: _attempt,
    Meaning.UNKNOWN: _tells_nothing,
    Meaning.ACCEPTED: _tells_nothing,
}
