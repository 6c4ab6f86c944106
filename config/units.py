"""Sizes, durations, networks and paths as people write them: "50GiB", "7d", "10.0.0.0/8".

Each has a bound far above what is of use and far below what a clock, the journal or the system can
hold, so that no sum of a few of them overflows.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from titip.text import is_unfilled

LONGEST: Final = timedelta(days=36_500)
"""A hundred years: what is counted from now still ends within the calendar."""
LONGEST_PAUSE: Final = timedelta(days=30)
"""Pauses are doubled up to 65,536 times before they are cut to their ceiling."""
LONGEST_PATIENCE: Final = timedelta(days=1)
"""Twice this is a socket's time limit, which the system counts in 31 bits of milliseconds."""
SHORTEST_HEAD: Final = timedelta(milliseconds=100)
"""Below this no request's head comes in whole over a line of any length."""
LARGEST: Final = 1 << 60
"""Sizes and their sums fit into 63 bits, as SQLite and the system have them."""
MOST: Final = 1_000_000_000
"""Of anything that is counted."""

_SIZES: Final = {
    "": 1,
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
    "PiB": 1 << 50,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
_SECONDS: Final = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


def parse_size(value: object) -> object:
    """Read a size in bytes; leaves what is no text to pydantic."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None or match[2] not in _SIZES:
        raise ValueError('write a size such as "512MiB" or "50GiB"')
    return int(_bounded(Decimal(match[1]) * _SIZES[match[2]], Decimal(LARGEST), "1024PiB"))


def parse_duration(value: object) -> object:
    """Read a duration; a bare number would leave its unit to guessing and is refused."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in _SECONDS:
        raise ValueError('write a duration such as "30s", "10min", "12h" or "7d"')
    seconds = Decimal(match[1]) * _SECONDS[match[2]]
    longest = Decimal(LONGEST.total_seconds())
    return timedelta(seconds=float(_bounded(seconds, longest, f"{LONGEST.days}d")))


def parse_period(value: object) -> object:
    """Read how often something is done; "never" and "0" are a duration of 0."""
    if isinstance(value, str) and value.strip() in {"never", "0"}:
        return timedelta(0)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError('write a duration such as "12h" or "30d", or "never"') from error


def parse_keeping(value: object) -> object:
    """Read a duration, or "forever", which is None."""
    if value == "forever":
        return None
    try:
        return value if value is None else parse_duration(value)
    except ValueError as error:
        raise ValueError(f'{error}, or "forever"') from error


def parse_network(value: object) -> object:
    """Read an address or a network."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise ValueError(
            f'write an address such as "10.0.0.7" or a network such as "10.0.0.0/8" ({error})'
        ) from error


def _bounded(value: Decimal, most: Decimal, told: str) -> Decimal:
    if value > most:
        raise ValueError(f'is too much: write at most "{told}"')
    return value


def _size(value: int) -> int:
    return int(_bounded(Decimal(value), Decimal(LARGEST), "1024PiB"))


def _duration(value: timedelta, *, longest: timedelta = LONGEST) -> timedelta:
    if value > longest:
        raise ValueError(f'is too long: write at most "{longest.days}d"')
    if value < timedelta(0):
        raise ValueError("must not be negative")
    return value


def _keeping(value: timedelta | None) -> timedelta | None:
    return None if value is None else _duration(value)


def _head_time(value: timedelta) -> timedelta:
    if value < SHORTEST_HEAD:
        raise ValueError('is too short for any request: write at least "100ms"')
    return value


def _place(value: Path) -> Path:
    if "\0" in str(value):
        raise ValueError("has a NUL in it, which no path can have")
    if is_unfilled(str(value)):
        raise ValueError("has a ~ or a $NAME in it, which nobody fills in: write the whole path")
    return value


Size = Annotated[int, BeforeValidator(parse_size), AfterValidator(_size)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_duration)]
Pause = Annotated[Duration, AfterValidator(partial(_duration, longest=LONGEST_PAUSE))]
Patience = Annotated[Duration, AfterValidator(partial(_duration, longest=LONGEST_PATIENCE))]
HeadTime = Annotated[Duration, AfterValidator(_head_time)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network)]
Keeping = Annotated[timedelta | None, BeforeValidator(parse_keeping), AfterValidator(_keeping)]
Period = Annotated[timedelta, BeforeValidator(parse_period), AfterValidator(_duration)]
Status = Annotated[int, Field(ge=100, le=599)]
Place = Annotated[Path, AfterValidator(_place)]
