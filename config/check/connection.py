"""Whether an address can be reached at all: its name, port and certificate; nothing is asked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from config.check.finding import Finding, failure, ok
from sync.destinations.transport.connection_policy import proxy_for, reason_of, trust
from titip.policies.origins import origin, shown

if TYPE_CHECKING:
    from sync.destinations.transport.connection_policy import Proxy

PATIENCE_SECONDS: Final = 10.0
"""For all that one destination is asked."""


async def reach(topic: str, setting: str, url: str) -> Finding:
    """Connect to where an address leads, by the way that deliveries go, and let go again."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            proxy = await _touch(url)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
        fix = f"is it up, and {setting} right? If it is known to be down, all is as it should be"
        return failure(topic, reason_of(error, url), fix)
    if proxy is not None:
        return ok(topic, f"{shown(url)} is asked through the proxy {proxy.url}, which answers")
    return ok(topic, f"{shown(url)} can be reached")


async def _touch(url: str) -> Proxy | None:
    """Open a connection, with TLS where the address has it; give the proxy that stands before.

    Behind a proxy only the proxy is reached: the rest of the way would be a request.
    """
    proxy = proxy_for(url)
    there = origin(proxy.url if proxy else url)
    context = trust() if there.scheme == "https" else None
    _, writer = await asyncio.open_connection(there.host, there.port, ssl=context)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return proxy
