"""Whose fault a registry's answer is: the one place here that knows what statuses mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from titip.errors import DeliveryFault, Faltered, Refused, Unavailable, Unknown

if TYPE_CHECKING:
    from datetime import timedelta

MAX_TOLD: Final = 120
"""Longest piece of an answer's own words that is kept, in characters."""

_TROUBLE: Final = {
    **dict.fromkeys((401, 403, 407), "credentials refused; renew registry.bearer or its headers"),
    **dict.fromkeys((404, 405, 410), "no intake there; check registry.url"),
    **dict.fromkeys((408, 419, 423, 425, 429, 503), "asked to come back later"),
    **dict.fromkeys(range(300, 400), "redirects; set registry.url to where the intake is now"),
}
"""Statuses that no file causes. 419 is a web application's word for a form token that ran out."""

_LOST: Final = frozenset({500, 502, 504})
"""After the whole body these may come from a proxy that lost the registry's own answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `whole` tells whether all of the body had left by then."""

    status: int
    body: bytes = b""
    retry_after: timedelta | None = None
    whole: bool = True

    @property
    def document(self) -> object:
        """Give the body as JSON, None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


def fault(answer: Answer) -> DeliveryFault:
    """Give the fault that an answer means which neither accepts the file nor knows it already."""
    status, wait = answer.status, answer.retry_after
    told = _told(answer)
    if status in _TROUBLE:
        return Unavailable(f"{_TROUBLE[status]} ({told})", retry_after=wait)
    if status in _LOST and answer.whole:
        return Unknown(f"failed after the whole file had left ({told})", retry_after=wait)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or wait is not None:
        return Unavailable(f"failed ({told})", retry_after=wait)
    if status >= HTTPStatus.BAD_REQUEST:
        return Refused(f"refused this file ({told})")
    return Faltered(f"gave an answer that registry.accepted does not list ({told})")


def _told(answer: Answer) -> str:
    """Name the status and, of a JSON answer, its short label: the rest may be about a person."""
    try:
        phrase = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        phrase = str(answer.status)
    document = answer.document
    if not isinstance(document, dict):
        return phrase
    for key in ("title", "code"):
        label = document.get(key)
        if isinstance(label, str) and label.strip():
            plain = "".join(c if c.isprintable() else " " for c in label.strip())
            return f"{phrase}: {plain[:MAX_TOLD]}"
    return phrase
