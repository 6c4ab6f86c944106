"""How long a server asked to be left alone: the `Retry-After` header (RFC 9110, 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

CEILING: Final = timedelta(hours=1)
"""Longer rests are cut to this: a server that is well again earlier must not wait for a day."""

_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z")


def retry_after(header: str | None, *, now: datetime) -> timedelta | None:
    """Read the header, in seconds or as a date; None for none and for anything else."""
    text = (header or "").strip()
    if _SECONDS.match(text):
        return min(timedelta(seconds=int(text)), CEILING)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(timedelta(0), min(until - now, CEILING))
