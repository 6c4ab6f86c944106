"""How long a server asked to be left alone: the `Retry-After` header (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

CEILING: Final = timedelta(hours=1)
"""Longer rests are cut to this: a server that is well again earlier must not wait for a day."""

LONGEST_DATE: Final = 80
"""Characters that a date may have; any that HTTP knows is shorter."""

_DIGITS: Final = re.compile(r"[0-9]+\Z")
_FEW: Final = 9
"""Digits that are surely a number that a duration can hold."""

_NO_DATE: Final = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError)
"""What the standard library raises for texts that are no date, one release or another."""


def retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """Read the header, in seconds or as a date; None for none and for anything else.

    `now` is aware. Nothing is raised whatever the text; any number of seconds that is too long is
    cut to the ceiling.
    """
    text = (header or "").strip(" \t")
    if _DIGITS.match(text):
        digits = text.lstrip("0") or "0"
        return CEILING if len(digits) > _FEW else min(timedelta(seconds=int(digits)), CEILING)
    until = _date(text)
    return None if until is None else max(timedelta(0), min(until - now, CEILING))


def _date(text: str) -> datetime | None:
    if not text.isascii() or not text.isprintable() or len(text) > LONGEST_DATE:
        return None
    try:
        until = parsedate_to_datetime(text)
    except _NO_DATE:
        return None
    return until if until.tzinfo is not None else until.replace(tzinfo=UTC)
