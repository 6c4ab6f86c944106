"""One connection to the gateway: a clock on its heads, and an answer to whatever is no request.

aiohttp answers nonsense in its own words, forgets a body that breaks its framing, and drops a
sender that closes its half while an answer is owed. Here each gets what every request gets.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, cast

import structlog
from aiohttp import HttpVersion10, StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import _ErrInfo

from gateway.protocol import problems
from gateway.transport import malformed
from gateway.transport.framing import Framing

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from multidict import CIMultiDict

    from gateway.transport.trailers import Trailer

log = structlog.get_logger()


class OpenConnections(Protocol):
    """All connections, as one of them sees them."""

    @property
    def head_bytes(self) -> int:
        """Give the most that a head may take."""

    def admit(self, connection: Connection) -> bool:
        """Take a new connection in; tell whether it may be served."""

    def forget(self, connection: Connection) -> None:
        """Let go of a connection that was lost."""

    def refused(self, status: int) -> None:
        """Count an answer to what was no request."""

    def count(self, reason: str) -> None:
        """Count why a connection is closed."""


class Connection(web.RequestHandler):
    """One connection, with a clock on the heads of its requests.

    `head_since` is when the head that is awaited began to be: at once for the first one, with its
    first byte for those that follow. `heard_at` is when the last byte came, `trailers` what
    follows each body that comes in chunks. After nonsense nothing
    more is understood: what still comes is dropped for a while, so that it does not cost its
    sender the answer.
    """

    __slots__ = (
        "_body",
        "_connections",
        "_framing",
        "_head",
        "_rest",
        "head_since",
        "heard_at",
        "trailers",
    )

    def __init__(
        self, server: web.Server, *, connections: OpenConnections, options: Mapping[str, Any]
    ) -> None:
        super().__init__(server, **options)
        self._connections = connections
        self._head = 0
        self._body: StreamReader | None = None
        self._rest: StreamReader | None = None
        self._framing = Framing()
        self.trailers: dict[StreamReader, Trailer] = {}
        self.heard_at = 0.0
        self.head_since: float | None = None

    @property
    def idle(self) -> bool:
        """Tell whether no request is being read or answered."""
        waiting = self._waiter is not None and not self._waiter.done()
        return not self._messages and (waiting or self.head_since is not None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, or refuse when there are too many."""
        self.heard_at = self._loop.time()
        if not self._connections.admit(self):
            self._force_close = True  # nothing of what comes is read
            away = cast("asyncio.Transport", transport)
            away.write(malformed.turned_away(problems.BUSY))
            away.close()
            return
        self.head_since = self.heard_at
        super().connection_made(transport)
        if self._task_handler is not None:
            self._task_handler.add_done_callback(self._end_if_failed)

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and watch the head that they may belong to."""
        self.heard_at = self._loop.time()
        if self._rest is not None:
            return
        if self.head_since is None and self.idle and data:
            self.head_since, self._head = self.heard_at, 0
        queued = len(self._messages)
        super().data_received(data)
        self._follow(data, queued)
        if self._messages:
            self._look_at_newest()
        if self._framing.lost and self._rest is None:
            self.keep_alive(False)  # noqa: FBT003 - the framework's own
        if self.head_since is None:
            return
        if self._messages:
            self.head_since = None
            return
        self._head += len(data)
        if self._head > self._connections.head_bytes:
            self._refuse_head()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what was asked in full though nothing more follows it; close at once otherwise."""
        asked = self._rest is None and not self.idle
        owed = asked and self._body is not None and self._body.is_eof()
        if owed:
            self.close()
        return owed

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        self._connections.forget(self)
        if self._rest is not None:
            self._rest.feed_eof()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,  # noqa: ARG002 - the problem has its own
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - repeats what was said
    ) -> web.StreamResponse:
        """Give the answer to what was no request, or to a fault outside of our middleware."""
        problem = malformed.problem_of(exc)
        if problem.ours:
            log.error("request.failed", method=request.method, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        self._connections.refused(problem.status)
        return malformed.response(problem)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the answer; after nonsense, say at once that nothing follows it."""
        if isinstance(resp, web.HTTPException):  # raised before our middleware: an Expect
            resp = self.handle_error(request, resp.status, resp)
        if self._framing.lost and self._rest is None:
            resp.force_close()
        outcome = await super().finish_response(request, resp, start_time)
        self.trailers.pop(request.content, None)
        over = request.content is self._rest
        if over and self.transport is not None and self.transport.can_write_eof():
            with suppress(OSError):  # the sender went away meanwhile
                self.transport.write_eof()
        return outcome

    def log_exception(self, *args: object, **kwargs: object) -> None:
        """Leave out the faults of senders."""
        if not isinstance(kwargs.get("exc_info"), web.RequestPayloadError):
            super().log_exception(*args, **kwargs)

    def _follow(self, data: bytes, queued: int) -> None:
        """Go along with what the parser read; `queued` messages were there before.

        A connection whose framing is lost ends with the request at hand, lest a trailer field of
        that one be taken for a header of the next.
        """
        found = [message for message, _ in islice(self._messages, queued, None)]
        for at, (message, trailer) in enumerate(self._framing.follow(data, found), queued):
            if trailer is not None or message is not found[at - queued]:
                body = self._messages[at][1]
                self._messages[at] = (message, body)
                if trailer is not None:
                    self.trailers[body] = trailer

    def _look_at_newest(self) -> None:
        """Learn from the newest message which body is on its way, or that it came to nonsense.

        The framework forgets a body that is malformed and would leave its reader waiting.
        """
        message, payload = self._messages[-1]
        if not isinstance(message, _ErrInfo):
            self._body = payload
            if message.url and message.version >= HttpVersion10:
                return
            message = _nonsense(BadHttpMessage("no address, or too old a version"))
        if self._body is None or self._body.is_eof():
            self._rest = StreamReader(self, 1, loop=self._loop)
        else:
            self._rest = self._body
            self._rest.set_exception(web.RequestPayloadError("the body is malformed"))
        self._messages[-1] = (message, self._rest)

    def _refuse_head(self) -> None:
        """Treat a head that takes too much memory as nonsense."""
        self.head_since = None
        self._connections.count("large_head")
        too_long = LineTooLong(b"", self._connections.head_bytes)
        self._messages.append((_nonsense(too_long), EMPTY_PAYLOAD))
        self._look_at_newest()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end_if_failed(self, serving: asyncio.Task[None]) -> None:
        """Leave no connection open that nobody serves any more."""
        fault = None if serving.cancelled() else serving.exception()
        if fault is not None:
            log.error("connection.failed", exc_info=fault)
            self.force_close()


def trailer_of(request: web.Request) -> CIMultiDict[str] | None:
    """Give the trailer fields of a body that is over; None where none can be read."""
    trailer = cast("Connection", request.protocol).trailers.get(request.content)
    return None if trailer is None else trailer.fields


def _nonsense(error: HttpProcessingError) -> _ErrInfo:
    return _ErrInfo(error.code, error, error.message)
