"""Times as the journal keeps them: whole milliseconds, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def utc_now() -> datetime:
    """Give the time now in whole milliseconds, so that a row read back equals the one written."""
    return from_ms(to_ms(datetime.now(UTC)))


def to_ms(time: datetime) -> int:
    """Give the time as the journal keeps it."""
    return (time - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """Give the journal's time back."""
    return _EPOCH + ms * _MILLISECOND


def to_ms_or_none(time: datetime | None) -> int | None:
    """Give a time that may be missing as the journal keeps it."""
    return None if time is None else to_ms(time)


def from_ms_or_none(ms: int | None) -> datetime | None:
    """Give the journal's time back where there is one."""
    return None if ms is None else from_ms(ms)
