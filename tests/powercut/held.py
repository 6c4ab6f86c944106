"""Whether a disk that was unmounted is free: else the next mount shows the old file system."""

from __future__ import annotations

import errno
import os

from tests.waiting import wait_for

PASSING = 2.0
"""Seconds that a wreck may be held after its end before it is left behind."""


def is_held(device: str) -> bool:
    """Tell whether a file system on it is alive still, as another mount would show it again.

    A mount namespace that was made meanwhile may have it, or a file that is open there.
    """
    try:
        wait_for(lambda: _is_free(device), within=PASSING)
    except TimeoutError:
        return True
    return False


def _is_free(device: str) -> bool:
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True
