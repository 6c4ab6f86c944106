"""How many files and connections this process may have open."""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Final

RESERVE: Final = 96
"""Descriptors kept back: the journal and its log, locks, folders being synced, the listener."""

FOR_A_PLACE: Final = 4
"""Descriptors for each place of a window: file and connection, at each of two destinations."""

ENOUGH: Final = 1 << 20
"""What is taken for no limit: Linux allows a process no more by default (fs.nr_open)."""


def limit() -> int:
    """Give the limit as it is."""
    return _finite(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def limit_to_be() -> int:
    """Give the limit that `raise_limit` would reach."""
    return _finite(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def raise_limit() -> None:
    """Raise the soft limit to the hard one.

    A soft limit of 1,024 is there for programs that use select(2): this is none of them.
    """
    wanted = limit_to_be()
    if limit() >= wanted:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS names no limit and allows 10,240 all the same
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def for_connections(*, window: int) -> int:
    """Give what connections and the files of their bodies may take of all descriptors.

    `window` is how many deliveries each destination may carry at once.
    """
    most = limit()
    return max(most // 2, most - RESERVE - FOR_A_PLACE * window)


def _finite(number: int) -> int:
    return ENOUGH if number == resource.RLIM_INFINITY else min(number, ENOUGH)
