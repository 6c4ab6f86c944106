"""Settings that are allowed and hardly meant: a unit was mistyped, most likely."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from config.check.finding import warning
from titip.text import amount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.check.finding import Finding
    from config.settings import Settings

TOPIC: Final = "settings"


@dataclass(frozen=True, slots=True)
class Usual:
    """What a setting is hardly ever below or above, and what happens to people where it is."""

    key: str
    low: timedelta | int | None
    high: timedelta | int | None
    why: str


USUAL: Final = (
    Usual("gateway.max_upload", 1 << 20, None, "scans are larger, and are refused"),
    Usual("gateway.min_rate", None, 16 << 10, "senders on slower lines never get a file in"),
    Usual("gateway.idle_timeout", timedelta(seconds=5), None, "bad lines pause for longer"),
    Usual("gateway.header_timeout", timedelta(seconds=2), None, "bad lines need longer"),
    Usual("gateway.max_unfinished_age", timedelta(hours=1), None, "LOs pause for longer"),
    Usual("storage.scrub", timedelta(days=1), None, "the disk is read without a pause"),
    Usual("storage.keep_after_delivery", timedelta(hours=1), None, "nobody can look any more"),
    Usual("retry.ceiling", None, timedelta(hours=6), "a file in trouble waits for so long"),
    Usual("health.slow_after", timedelta(seconds=2), timedelta(minutes=10), "see docs/registry.md"),
    Usual("health.cool_off_ceiling", None, timedelta(hours=1), "a registry that is back waits"),
    Usual("health.probe_every", timedelta(seconds=1), None, "the registry is asked all the time"),
)


def usual_findings(settings: Settings) -> Iterator[Finding]:
    """Compare the settings with what is usual."""
    for one in USUAL:
        section, _, name = one.key.partition(".")
        value = getattr(getattr(settings, section), name)
        if not value:  # "never", "forever", no limit
            continue
        is_time = isinstance(value, timedelta)
        if one.low is not None and value < one.low:
            yield _unusual(one, value, "short" if is_time else "small", edge=one.low)
        if one.high is not None and value > one.high:
            yield _unusual(one, value, "long" if is_time else "large", edge=one.high)


def _unusual(one: Usual, value: timedelta | int, word: str, *, edge: timedelta | int) -> Finding:
    text = f"{one.key} = {_spelled(value)} is very {word}: {one.why}"
    return warning(TOPIC, text, f"is its unit right? {_spelled(edge)} is an extreme already")


def _spelled(value: timedelta | int) -> str:
    return f"{value.total_seconds():g} s" if isinstance(value, timedelta) else amount(value)
