"""The network under tuspy's protocol steps: one connection, time limits, and a way to end a call.

tuspy itself opens a connection for each request and waits without limit.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

if TYPE_CHECKING:
    from datetime import timedelta


class Wire:
    """Requests of one delivery; for one thread at a time, but for `abort`."""

    def __init__(self, *, connect_within: timedelta, answer_within: timedelta) -> None:
        self._limits = (connect_within.total_seconds(), answer_within.total_seconds())
        self._adapter = _Adapter()
        self._session = requests.Session()
        self._session.mount("http://", self._adapter)
        self._session.mount("https://", self._adapter)

    def ask(self, method: str, url: str, **more: Any) -> requests.Response:  # noqa: ANN401
        """Make a request and read the whole answer; raises requests' errors."""
        return self._session.request(
            method, url, timeout=self._limits, allow_redirects=False, **more
        )

    def abort(self) -> None:
        """Shut the sockets under a call in another thread, so that it ends now."""
        for sock in self._adapter.sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


class _Adapter(HTTPAdapter):
    """Remembers the sockets it opened; never tries anything twice by itself."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().init_poolmanager(*args, **kwargs)
        remember = self.sockets.append

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                remember(self.sock)

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                remember(self.sock)

        plain = type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": Plain})
        secure = type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}
