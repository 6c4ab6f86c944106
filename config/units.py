"""Sizes, durations and networks as people write them: "50GiB", "7d", "10.0.0.0/8"."""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Final

from pydantic import BeforeValidator

_SIZES: Final = {
    "": 1,
    "B": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
}
_SECONDS: Final = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


def parse_size(value: object) -> object:
    """Read a size in bytes; leaves what is no text to pydantic."""
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value.strip())
    if match is None or match[2] not in _SIZES:
        raise ValueError('write a size such as "512MiB" or "50GiB"')
    return int(float(match[1]) * _SIZES[match[2]])


def parse_duration(value: object) -> object:
    """Read a duration; a bare number would leave its unit to guessing and is refused."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in _SECONDS:
        raise ValueError('write a duration such as "30s", "10min", "12h" or "7d"')
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


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
    try:
        return ip_network(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(
            f'write an address such as "10.0.0.7" or a network such as "10.0.0.0/8" ({error})'
        ) from error


Size = Annotated[int, BeforeValidator(parse_size)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(parse_network)]
Keeping = Annotated[timedelta | None, BeforeValidator(parse_keeping)]
Period = Annotated[timedelta, BeforeValidator(parse_period)]
