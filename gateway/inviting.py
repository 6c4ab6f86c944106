"""Expect: 100-continue, answered only once the headers are found good.

The framework's own way is to invite the body before anybody looked at the headers.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11

if TYPE_CHECKING:
    from aiohttp import web


async def wait_for_invitation(_request: web.Request) -> None:
    """Leave the expectation open: `invite` meets it, a refusal never does."""


async def invite(request: web.Request) -> None:
    """Ask for the body, if its sender waits to be asked."""
    expected = request.headers.get("Expect", "").strip().lower()
    if expected != "100-continue" or request.version < HttpVersion11:
        return
    with suppress(ConnectionError):  # reading the body will find the cut
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # counts the final answer alone
