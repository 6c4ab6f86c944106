"""Run a web application on a listening socket, and cut a connection the way a dying host does."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

Listen = tuple[str, int]

LOOPBACK: Listen = ("127.0.0.1", 0)
"""Loopback alone: a stand-in has no place on a network. Port 0 lets the kernel choose."""

SHUTDOWN_SECONDS = 0.5
"""How long requests in flight may go on at the end; a stalled one would wait for ever."""

LOOK_SECONDS = 0.05
"""How often a request that hangs looks whether its sender is still there."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing sends RST instead of FIN."""


@asynccontextmanager
async def serve_app(app: web.Application, *, listen: Listen) -> AsyncIterator[Listen]:
    """Serve `app` until the block ends; give the address it really listens on."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, listen[0], listen[1]).start()
        host, port = runner.addresses[0][:2]
        yield str(host), int(port)
    finally:
        await runner.cleanup()


def root_url(address: Listen) -> str:
    """Give the http URL of a listening address, without a slash at the end."""
    host, port = address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def cut(request: web.BaseRequest) -> web.Response:
    """Reset the connection at once. The response only satisfies the framework; nobody gets it."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response(status=503)


def is_gone(request: web.BaseRequest) -> bool:
    """Tell whether the far end of a request has closed its connection."""
    return request.transport is None or request.transport.is_closing()


class Change:
    """Wakes whoever waits for the next switch of what goes wrong."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def announce(self) -> None:
        """Wake all of them; who waits from now on waits for the one after."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """Wait at most so long for a change; tell whether it came."""
        event = self._event
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            return event.is_set()  # it may have come in the very moment that the time was over
        return True

    async def outlast(self, request: web.BaseRequest) -> web.Response:
        """Hold a request until the next change or until its sender has left, then cut it."""
        while not is_gone(request) and not await self.wait(LOOK_SECONDS):
            pass
        return cut(request)
