"""The blocking wire under tus and Drive: one request after another, each with its clocks.

No redirect is followed, nothing is tried twice, no cookie is kept, and neither ~/.netrc nor a
setting of the libraries' own is read. An answer is bounded in bytes and, as a whole, in time: a
clock of its own shuts the sockets, however an answer drips.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from sync.destinations.transport.answer_body import (
    CODINGS,
    MAX_ANSWER,
    AnswerBody,
    in_utf8,
    plain_headers,
)
from sync.destinations.transport.connection_policy import (
    USER_AGENT,
    Proxy,
    proxy_for,
    reason_of,
    trust,
)
from titip.policies.origins import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from urllib3.response import BaseHTTPResponse

    Hide: TypeAlias = Callable[[Mapping[str, str], bytes], tuple[dict[str, str], bytes]]

PIECE: Final = 64 * 1024


class NoAnswer(Exception):
    """No answer came, or none that could be read to its end; `reason` may be shown.

    `left` tells whether the request had left by then.
    """

    def __init__(self, reason: str, *, left: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.left = left


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; header names in lower case, a text in UTF-8."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


class HttpConnection:
    """Requests over one connection; for one thread at a time, but for `abort`."""

    def __init__(
        self,
        *,
        connect_within: timedelta,
        answer_within: timedelta,
        hide: Hide = lambda headers, body: (dict(headers), body),
    ) -> None:
        """Strike out by `hide` what an answer should not tell."""
        self._connect = connect_within.total_seconds()
        self._answer = answer_within.total_seconds()
        self._hide = hide
        self._sockets = _Sockets()
        self._managers: dict[Proxy | None, urllib3.PoolManager] = {}

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | Iterable[memoryview] | None = None,
        limit: int = MAX_ANSWER,
        answer_within: float | None = None,
    ) -> Reply:
        """Make a request and read the answer, at most `limit` bytes of it; raises NoAnswer.

        A body other than bytes comes with its Content-Length among the headers.
        """
        clock = _Clock(self._sockets, self._answer if answer_within is None else answer_within)
        self._sockets.clock = clock
        try:
            response = self._manager(url).urlopen(
                method,
                url,
                body=body,
                headers={
                    "User-Agent": USER_AGENT,
                    "Accept": "*/*",
                    "Accept-Encoding": CODINGS,
                    **{_cased(name): value for name, value in headers.items()},
                },
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=self._connect, read=clock.within),
            )
            reply = _read(response, limit, clock)
            headers, told = self._hide(reply.headers, reply.body)
            return Reply(reply.status, headers, told)
        except Exception as error:  # noqa: BLE001 - whatever a library raises here is no answer
            late = f"did not answer in time ({shown(url)})"
            reason = late if clock.expired else reason_of(error, url)
            raise NoAnswer(reason, left=clock.left) from None
        finally:
            clock.stop()
            self._sockets.sweep()

    def abort(self) -> None:
        """Shut the sockets under a call in another thread, so that it ends now, for good."""
        self._sockets.abort()

    def close(self) -> None:
        """Close the connection; may be called twice."""
        for manager in self._managers.values():
            manager.clear()
        self._sockets.sweep()

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url)
        if proxy not in self._managers:
            self._managers[proxy] = _manager(proxy, self._sockets)
        return self._managers[proxy]


def _cased(name: str) -> str:
    """Spell a name in the one way, so that a header given replaces the default one."""
    return "-".join(word.capitalize() for word in name.split("-"))


def _read(response: BaseHTTPResponse, limit: int, clock: _Clock) -> Reply:
    """Read the beginning of an answer; one that breaks off has told its status all the same."""
    body = AnswerBody(response.headers.get("Content-Encoding", ""), limit=limit)
    is_whole = False
    try:
        while body.wants_more and not is_whole:
            piece = response.read(PIECE, decode_content=False)
            is_whole = not piece
            body.feed(piece)
    except (urllib3.exceptions.ProtocolError, OSError):
        if clock.expired:
            raise
    finally:
        if is_whole and not clock.expired:
            response.release_conn()
        else:
            response.close()
    if clock.expired:
        raise TimeoutError
    headers = plain_headers(response.headers.items())
    data = body.data
    if limit == MAX_ANSWER:
        data = in_utf8(data, headers.get("content-type", ""))
    return Reply(response.status, headers, data)


class _Sockets:
    """The sockets of one wire, each with a twin through which it is shut while it is in use.

    A socket that TLS is wrapped around, or that only its answer still knows, cannot be reached in
    another way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._twins: list[tuple[HTTPConnection, socket.socket]] = []
        self._aborted = False
        self.clock: _Clock | None = None

    def add(self, connection: HTTPConnection, sock: socket.socket) -> None:
        with self._lock:
            self._twins.append((connection, sock.dup()))
            if self._aborted:
                self._shut()

    def abort(self) -> None:
        with self._lock:
            self._aborted = True
            self._shut()

    def shut(self) -> None:
        with self._lock:
            self._shut()

    def _shut(self) -> None:
        for _, twin in self._twins:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)

    def sweep(self) -> None:
        """Let go of the twins whose connections are closed, so that the far side hears the end."""
        with self._lock:
            for connection, twin in self._twins:
                if connection.sock is None:
                    twin.close()
            self._twins = [pair for pair in self._twins if pair[0].sock is not None]


class _Clock:
    """How long an answer, or the agreement before a request, may take as a whole."""

    def __init__(self, sockets: _Sockets, within: float) -> None:
        self.within = within
        self.expired = False
        self.left = False
        self._sockets = sockets
        self._timer: threading.Timer | None = None

    def start(self, within: float | None = None) -> None:
        self.stop()
        self._timer = threading.Timer(self.within if within is None else within, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self.expired = True
        self._sockets.shut()


def _manager(proxy: Proxy | None, sockets: _Sockets) -> urllib3.PoolManager:
    if proxy is None:
        manager = urllib3.PoolManager(1, maxsize=1, ssl_context=trust())
    else:
        login = urllib3.make_headers(proxy_basic_auth=proxy.login) if proxy.login else None
        manager = urllib3.ProxyManager(
            proxy.url,
            1,
            proxy_headers=login,
            maxsize=1,
            ssl_context=trust(),
            proxy_ssl_context=trust(),
        )
    manager.pool_classes_by_scheme = {
        "http": _timed(urllib3.HTTPConnectionPool, HTTPConnection, sockets),
        "https": _timed(urllib3.HTTPSConnectionPool, HTTPSConnection, sockets),
    }
    return manager


def _timed(
    pool: type[urllib3.HTTPConnectionPool], connection: type[HTTPConnection], sockets: _Sockets
) -> type[urllib3.HTTPConnectionPool]:
    """Give a pool whose connections have the clocks of these sockets."""
    timed = type("Timed", (_Timed, connection), {"wire": sockets})
    return type("TimedPool", (pool,), {"ConnectionCls": timed})


class _Timed(HTTPConnection):
    """Starts the clock of connecting and, when the request has left, the answer's."""

    wire: _Sockets
    _raw: HTTPResponse | None = None

    def connect(self) -> None:
        clock = self.wire.clock
        if clock is None:
            super().connect()
            return
        clock.start(2 * self.timeout if isinstance(self.timeout, int | float) else None)
        super().connect()
        clock.stop()

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self.wire.add(self, sock)
        return sock

    def getresponse(self) -> Any:  # noqa: ANN401  (the library's own type)
        if self.wire.clock is not None:
            self.wire.clock.left = True
            self.wire.clock.start()
        try:
            return super().getresponse()
        except BaseException:
            if self._raw is not None:
                self._raw.close()  # urllib3 lets go of it where its head contradicts itself
            raise

    def response_class(self, sock: socket.socket, *, method: str) -> HTTPResponse:  # type: ignore[override]
        """Make the standard library's response, and know it."""
        self._raw = HTTPResponse(sock, method=method)
        return self._raw
