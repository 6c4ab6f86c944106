"""The wire to a registry: requests under their clocks, and what silence means at which moment."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from sync.destinations.credentials.headers import RegistryHeaders
from sync.destinations.http.body import Body, Framing
from sync.destinations.http_answer import SUCCESS, Answer, refuses_question
from sync.destinations.transport.answer_body import (
    CODINGS,
    AnswerBody,
    in_utf8,
    plain_headers,
    wait_asked,
)
from sync.destinations.transport.connection_policy import USER_AGENT, proxy_for, reason_of, trust
from titip.errors import DestinationUnavailable, OutcomeUnknown, TitipError
from titip.policies.origins import shown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import timedelta

    from aiohttp.http_parser import RawResponseMessage
    from aiohttp.streams import StreamReader

    from sync.destinations.http.options import RegistryOptions
    from titip.ports.delivery import Content, Progress

PIECE: Final = 64 * 1024
"""Bytes of an answer that are read at once."""

UNSENT: Final = 128 * 1024
"""Bytes that the kernel may hold unsent, so that "written" means "on its way"."""

MOST_INFORMATIONAL: Final = 64
"""Informational responses to one request; a registry sends one or two."""

_INFORMATIONAL: Final = range(100, 200)

_COMMON: Final = {
    "User-Agent": USER_AGENT,
    "Accept": "application/json",
    "Accept-Encoding": CODINGS,
}


class RegistryConnection:
    """Connections to one registry.

    Each request has a connection of its own: one that was kept open may have died unnoticed, and
    its end would look like an answer that was lost.
    """

    def __init__(self, options: RegistryOptions) -> None:
        self._options = options
        self._headers = RegistryHeaders(options.headers, bearer=options.bearer)
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        content: Content,
        framing: Framing,
        progress: Progress,
    ) -> Answer:
        """Send the framed content.

        Raises DestinationUnavailable while bytes remain, OutcomeUnknown afterwards.

        `headers` are the configured ones, filled: what their `file:` holds is put in here.
        """
        named = self._headers.sending(headers)
        leaving = RequestTimer(self._options, url, progress=progress)
        body = Body(content, framing, wrote=leaving.wrote, whole=leaving.whole)
        until_first_slice = self._options.connect_within + self._options.stalled_after
        try:
            async with leaving.watched(until_first_slice):
                answer = await self._request(
                    self._options.method, url, leaving=leaving, headers=named, data=body
                )
        except DestinationUnavailable:
            if body.fault is not None:
                raise body.fault from None
            raise
        finally:
            await body.settled()
        if body.fault is not None:
            raise body.fault
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._headers.renew()
        return answer

    async def ask(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        within: timedelta | None = None,
    ) -> Answer:
        """Ask for a document, `within` the time of an answer by itself.

        Raises DestinationUnavailable.

        `headers` are the configured ones, filled for the file that is asked about; those that
        belong to the file's own request are left out. None: those that need no file.
        """
        answer = await self._got(url, headers, within=within)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._headers.renew():
            answer = await self._got(url, headers, within=within)
        return answer

    async def healthy(self) -> bool | None:
        """Tell whether the health address answers well, and soon; None: nothing tells.

        A refusal of the question, such as 404, is no word on the registry's health. Raises
        DestinationUnavailable while a secret is not there.
        """
        self._headers.refuse_lacking()
        if not self._options.health:
            return None
        try:
            answer = await self.ask(self._options.health, within=self._options.probe_within)
        except DestinationUnavailable:
            return False
        return None if refuses_question(answer.status) else answer.status in SUCCESS

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        if self._session is not None:
            await self._session.close()

    async def _got(
        self, url: str, headers: Mapping[str, str] | None, *, within: timedelta | None
    ) -> Answer:
        known = self._headers
        named = known.of_no_file() if headers is None else known.asking(headers)
        leaving = RequestTimer(self._options, url, progress=None)
        async with leaving.watched(within or self._options.answer_within):
            return await self._request("GET", url, leaving=leaving, headers=named)

    async def _request(
        self,
        method: str,
        url: str,
        *,
        leaving: RequestTimer,
        **more: Any,  # noqa: ANN401  (the library's own options)
    ) -> Answer:
        session = self._opened()
        proxy = proxy_for(url)
        async with session.request(
            method, url, allow_redirects=False, proxy=proxy.with_login if proxy else None, **more
        ) as response:
            leaving.answered()
            headers = plain_headers(response.headers.items())
            body = in_utf8(await _read(response), headers.get("content-type", ""))
            headers, body = self._headers.hide(headers, body)
            return Answer(
                response.status,
                body=body,
                retry_after=wait_asked(headers),
                whole=leaving.is_whole,
                headers=headers,
            )

    def _opened(self) -> aiohttp.ClientSession:
        """Give the session; made at its first use, since it belongs to the running loop."""
        if self._session is None or self._session.closed:
            connect = self._options.connect_within.total_seconds()
            self._session = aiohttp.ClientSession(
                connector=BoundedConnector(
                    limit=0, force_close=True, socket_factory=_new_socket, ssl=trust()
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
                headers=_COMMON,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


class RequestTimer:
    """One request on its way: which clock runs, and what has left."""

    def __init__(self, options: RegistryOptions, url: str, *, progress: Progress | None) -> None:
        self._options = options
        self._url = url
        self._is_answered = False
        self._has_begun = False
        self._progress = progress
        self._clock = asyncio.timeout(None)
        self.is_whole = False

    @asynccontextmanager
    async def watched(self, within: timedelta) -> AsyncIterator[None]:
        """Turn silence and broken connections into the fault that they mean at this moment."""
        self._clock = asyncio.timeout(within.total_seconds())
        try:
            async with self._clock:
                yield
        except TitipError:
            raise
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise DestinationUnavailable(reason_of(error, self._url)) from error
        except TimeoutError as error:
            raise self._fault(self._silence()) from error
        except Exception as error:
            raise self._fault(reason_of(error, self._url)) from error

    def wrote(self, count: int) -> None:
        """Note that a slice left; the next one, or the answer, gets its own time."""
        self._has_begun = True
        self._wind(self._patience)
        if count and self._progress is not None:
            self._progress.sent(count)

    def whole(self) -> None:
        """Note that the last slice leaves; from here on the answer's clock runs."""
        self.is_whole = True
        self._wind(self._patience)
        if self._progress is not None:
            self._progress.body_sent()

    def answered(self) -> None:
        """Note that the answer begins: from here on one clock runs for what is left of it."""
        self._wind(self._options.answer_within)
        self._is_answered = True

    @property
    def _patience(self) -> timedelta:
        return self._options.answer_within if self.is_whole else self._options.stalled_after

    def _wind(self, within: timedelta) -> None:
        if not self._clock.expired() and not self._is_answered and self._progress is not None:
            self._clock.reschedule(asyncio.get_running_loop().time() + within.total_seconds())

    def _silence(self) -> str:
        if self.is_whole or self._is_answered or self._progress is None:
            return f"did not answer in time ({shown(self._url)})"
        if not self._has_begun:
            return (
                f"was not reached in time ({shown(self._url)}); do its name and its proxy answer?"
            )
        return "stopped reading before it had the whole file"

    def _fault(self, reason: str) -> DestinationUnavailable:
        if self.is_whole:
            return OutcomeUnknown(f"{reason}, after the whole file had left")
        return DestinationUnavailable(reason)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer, up to its bound; one that breaks off raises: half an answer is none."""
    body = AnswerBody(", ".join(response.headers.getall("Content-Encoding", ())))
    while body.wants_more and (piece := await response.content.read(PIECE)):
        body.feed(piece)
    return body.data


def _new_socket(address: Any) -> socket.socket:  # noqa: ANN401  (a tuple of getaddrinfo)
    family, kind, protocol, *_ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)  # noqa: FBT003  (the socket's own interface)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return made


class BoundedConnector(aiohttp.TCPConnector):
    """Makes connections that end when too much comes that is no answer.

    The library reads informational responses (RFC 9110, 15.2) without end and without letting go
    of the event loop: a far side that sends nothing else would hold up everybody who shares it.
    """

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
