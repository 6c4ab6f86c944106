"""Ports for servers that must be told theirs before they start."""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress
from itertools import cycle
from typing import Final

FIRST: Final = 20_000
EACH: Final = 3_000
"""Ports of one worker. With four of them, all lie below 32768, where Linux and others begin to
give ports to whoever asks for any: so no other test's server gets one between its being named here
and its being listened on."""


def _of_this_worker() -> range:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = FIRST + EACH * (int(worker) % 4)
    return range(first, first + EACH)


_PORTS: Final = cycle(random.SystemRandom().sample(_of_this_worker(), EACH))


def free_port() -> int:
    """Name a port of loopback that nobody listens on, and that is not named again soon."""
    for port in _PORTS:
        with suppress(OSError), socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a cycle has no end")
