"""The wire to a registry: requests under their clocks, and what silence means at which moment."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import aiohttp
import structlog

from sync.registry_answer import Answer
from sync.registry_body import Body, Framing
from titip.errors import Unavailable, Unknown
from titip.retry_after import retry_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import timedelta
    from typing import Any

    from sync.registry_options import RegistryOptions
    from titip.ports import Content, Progress

log = structlog.get_logger()

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read; a reference is found in less."""

UNSENT: Final = 128 * 1024
"""Bytes that the kernel may hold unsent, so that "written" means "on its way"."""

_SUCCESS: Final = range(200, 300)


class RegistryLine:
    """Connections to one registry.

    Each request has a connection of its own: one that was kept open may have died unnoticed, and
    its end would look like an answer that was lost.
    """

    def __init__(self, options: RegistryOptions) -> None:
        self._options = options
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
        """Send the framed content; raises Unavailable while bytes remain, Unknown afterwards."""
        leaving = _Leaving(self._options, progress=progress)
        body = Body(content, framing, wrote=leaving.wrote, whole=leaving.whole)
        until_first_slice = self._options.connect_within + self._options.stalled_after
        try:
            async with leaving.watched(until_first_slice.total_seconds()):
                answer = await self._request(
                    self._options.method, url, leaving=leaving, headers=headers, data=body
                )
        except Unavailable:
            if body.fault is not None:
                raise body.fault from None
            raise
        finally:
            await body.settled()
        if body.fault is not None:
            raise body.fault
        return answer

    async def ask(self, url: str) -> Answer:
        """Ask for a document, under the answer's clock; raises Unavailable."""
        leaving = _Leaving(self._options, progress=None)
        async with leaving.watched(self._options.answer_within.total_seconds()):
            return await self._request("GET", url, leaving=leaving)

    async def healthy(self) -> bool:
        """Tell whether the health address answers well, and soon."""
        leaving = _Leaving(self._options, progress=None)
        try:
            async with leaving.watched(self._options.probe_within.total_seconds()):
                answer = await self._request("GET", self._options.health, leaving=leaving)
        except Unavailable:
            return False
        return answer.status in _SUCCESS

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        if self._session is not None:
            await self._session.close()

    async def _request(self, method: str, url: str, *, leaving: _Leaving, **more: Any) -> Answer:  # noqa: ANN401
        session = self._opened()
        async with session.request(method, url, allow_redirects=False, **more) as response:
            body = await _read(response)
            wait = retry_after(response.headers.get("Retry-After"), now=datetime.now(UTC))
            return Answer(response.status, body=body, retry_after=wait, whole=leaving.is_whole)

    def _opened(self) -> aiohttp.ClientSession:
        """Give the session; made at its first use, since it belongs to the running loop."""
        if self._session is None or self._session.closed:
            connect = self._options.connect_within.total_seconds()
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, force_close=True, socket_factory=_new_socket
                ),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
                headers=self._common_headers(),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _common_headers(self) -> dict[str, str]:
        headers = {"User-Agent": "titip", "Accept": "application/json"}
        if self._options.bearer:
            headers["Authorization"] = f"Bearer {self._options.bearer}"
        return headers


class _Leaving:
    """One request on its way: which clock runs, and what has left."""

    def __init__(self, options: RegistryOptions, *, progress: Progress | None) -> None:
        self._options = options
        self._progress = progress
        self._clock = asyncio.timeout(None)
        self.is_whole = False

    @asynccontextmanager
    async def watched(self, within: float) -> AsyncIterator[None]:
        """Turn silence and broken connections into the fault that they mean at this moment."""
        self._clock = asyncio.timeout(within)
        try:
            async with self._clock:
                yield
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unavailable(f"cannot be reached: {_why(error)}") from error
        except TimeoutError as error:
            raise self._fault(self._silence()) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._fault(f"cut the connection: {_why(error)}") from error

    def wrote(self, count: int) -> None:
        """Note that a slice left; the next one, or the answer, gets its own time."""
        self._wind(self._patience.total_seconds())
        if count and self._progress is not None:
            self._progress.sent(count)

    def whole(self) -> None:
        """Note that the last slice leaves; from here on the answer's clock runs."""
        self.is_whole = True
        self._wind(self._patience.total_seconds())
        if self._progress is not None:
            self._progress.body_sent()

    @property
    def _patience(self) -> timedelta:
        return self._options.answer_within if self.is_whole else self._options.stalled_after

    def _wind(self, seconds: float) -> None:
        if not self._clock.expired():
            self._clock.reschedule(asyncio.get_running_loop().time() + seconds)

    def _silence(self) -> str:
        if self.is_whole or self._progress is None:
            return "did not answer in time"
        return "stopped reading before it had the whole file"

    def _fault(self, reason: str) -> Unavailable:
        return (
            Unknown(f"{reason}, after the whole file had left")
            if self.is_whole
            else (Unavailable(reason))
        )


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read the beginning of an answer; one that breaks off has told its status all the same."""
    body = bytearray()
    try:
        while len(body) < MAX_ANSWER and (piece := await response.content.read(MAX_ANSWER)):
            body += piece
    except aiohttp.ClientPayloadError:
        log.warning("registry.answer_broke_off", status=response.status)
    return bytes(body[:MAX_ANSWER])


def _new_socket(address: Any) -> socket.socket:  # noqa: ANN401  (a tuple of getaddrinfo)
    family, kind, protocol, *_ = address
    made = socket.socket(family=family, type=kind, proto=protocol)
    made.setblocking(False)  # noqa: FBT003  (the socket's own interface)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return made


def _why(error: BaseException) -> str:
    """Name an error without its text, which may hold addresses with keys of a parcel."""
    number = getattr(error, "strerror", None)
    return str(number) if number else type(error).__name__
