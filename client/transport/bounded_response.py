"""Hear an answer out within bounds: so many bytes and so many seconds as a whole.

A socket's own time limit starts anew with every byte, so that an answer that drips, or an endless
row of `100 Continue`, would never end.
"""

from __future__ import annotations

import http.client
import io
import time
import zlib
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from client.errors import NetworkError

if TYPE_CHECKING:
    import socket

    import requests
    from urllib3.response import HTTPResponse

BLOCK = 1 << 16
"""64 KiB a write: few system calls, and a stop or a silence is noticed within one block."""
MOST_OF_AN_ANSWER = 1 << 20
"""No answer that matters is longer; whatever else answers shall not fill the memory."""
MOST_BEFORE_THE_BODY = 1 << 17
AUTO_GZIP = 47
"""zlib's window size for gzip and deflate alike."""


class _Bounded(io.RawIOBase):
    """The bytes of one answer. Its time is that of one silence: the socket's own limit."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._limit = sock.gettimeout()
        self._began = time.monotonic()
        self._heard = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        """Read on while there is time and room. Raises NetworkError when there is none."""
        if self._limit is not None:
            left = self._began + self._limit - time.monotonic()
            if left <= 0:
                raise NetworkError(f"the answer did not end within {self._limit:.3g} s")
            self._sock.settimeout(left)
        try:
            got = self._raw.readinto(buffer)
        except TimeoutError as error:
            if not self._heard:
                raise
            raise NetworkError(f"the answer did not end within {self._limit:.3g} s") from error
        self._heard += got or 0
        if self._heard > MOST_OF_AN_ANSWER + MOST_BEFORE_THE_BODY:
            raise NetworkError("the answer does not end")
        return got

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


class _Ear:
    """Gives http.client the one thing that it asks a socket for."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Bounded(self._sock))


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(_Ear(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Hears:
    """Mixed into a connection: what it began to hear is let go of when it cannot be read."""

    _heard: _BoundedResponse | None = None

    def response_class(self, sock: socket.socket, **kwargs: Any) -> _BoundedResponse:  # noqa: ANN401
        self._heard = _BoundedResponse(sock, **kwargs)
        return self._heard

    def getresponse(self) -> HTTPResponse:
        try:
            return super().getresponse()  # type: ignore[misc,no-any-return]
        except BaseException:
            if self._heard is not None:
                self._heard.close()
            raise
        finally:
            self._heard = None


class _Line(_Hears, HTTPConnection):  # type: ignore[misc]
    pass


class _SecureLine(_Hears, HTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Line


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureLine


class BoundedAdapter(HTTPAdapter):
    """Sends bodies in blocks of 64 KiB (urllib3's own are 16 KiB) and hears answers in bounds."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on
        """Make the lines that lead straight to the gateway."""
        super().init_poolmanager(*args, blocksize=BLOCK, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        """Make the lines that lead through a proxy."""
        manager = super().proxy_manager_for(proxy, blocksize=BLOCK, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager


def body_of(response: requests.Response) -> bytes:
    """Read the body, so that the connection can be used again; cut it when it is too long."""
    body = bytearray()
    while len(body) < MOST_OF_AN_ANSWER:
        block = response.raw.read(MOST_OF_AN_ANSWER - len(body), decode_content=False)
        if not block:
            break
        body += block
    return _unpacked(bytes(body), response.headers.get("Content-Encoding", ""))


def _unpacked(body: bytes, coding: str) -> bytes:
    """Undo a compression that nobody asked for, up to the same length; garbage stays garbage."""
    if coding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        return body
    try:
        return zlib.decompressobj(AUTO_GZIP).decompress(body, MOST_OF_AN_ANSWER)
    except zlib.error:
        return body
