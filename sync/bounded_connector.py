"""aiohttp's connections, with a bound on what may come before an answer's own head.

The library reads informational responses (RFC 9110, 15.2) without end and without letting go of the
event loop: a far side that sends nothing else would hold up everybody who shares that loop.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from aiohttp.http_parser import RawResponseMessage
    from aiohttp.streams import StreamReader

MOST_INFORMATIONAL: Final = 64
"""Informational responses to one request; a registry sends one or two."""

_INFORMATIONAL: Final = range(100, 200)


class BoundedConnector(aiohttp.TCPConnector):
    """Makes connections that end when too much comes that is no answer."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  (the library's own options)
        super().__init__(**options)
        bounded = partial(_Bounded, loop=asyncio.get_running_loop())
        self._factory = cast("partial[ResponseHandler]", bounded)


class _Bounded(ResponseHandler):
    _informational = 0

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Take a message in, unless it is one too many."""
        if data[0].code in _INFORMATIONAL:
            self._informational += 1
            if self._informational > MOST_INFORMATIONAL:
                self._payload_parser_failed = True  # what else comes is dropped unread
                if self.transport is not None:
                    self.transport.abort()
                return
        super().feed_data(data, size)
