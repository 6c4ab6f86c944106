"""The Drive service, and the connections that carry its calls: our own wire, bound to Drive."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import httplib2
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document  # type: ignore[attr-defined]
from googleapiclient.discovery_cache import get_static_doc

from sync.destinations.drive.credentials import PLACE_ADVICE, CredentialsFile, drive_place
from sync.destinations.drive.errors import HTTP_TROUBLE, Transient, fault_of_trouble
from sync.destinations.transport.answer_body import MAX_ANSWER
from sync.destinations.transport.wire import HttpConnection
from sync.threads import PATIENCE, Abandoned, in_thread
from titip.errors import DestinationUnavailable, TitipError
from titip.policies.origins import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from google.auth.credentials import Credentials
    from googleapiclient._apis.drive.v3 import DriveResource

    from sync.destinations.drive.options import DriveOptions
    from sync.destinations.transport.bound_origin import BoundOrigin

T = TypeVar("T")

IDLE: Final = 30.0
"""Seconds after which an unused connection is not trusted any more."""

CONNECT_WITHIN: Final = timedelta(seconds=15)
"""How long a connection may take to be made."""


def drive_service(endpoint: str) -> DriveResource:
    """Build the Drive service from the description that the client library ships.

    With an `endpoint` the description's root is rewritten: the library's own option for that
    leaves uploads on https (and knows nothing of other ports there).
    """
    description = json.loads(get_static_doc("drive", "v3"))  # type: ignore[no-untyped-call]
    if endpoint:
        description["rootUrl"] = endpoint.rstrip("/") + "/"
    service: DriveResource = build_from_document(
        description,
        http=httplib2.Http(),
        client_options={"universe_domain": "googleapis.com"},
    )
    return service


class DriveHttp:
    """One connection, spoken to as httplib2's Http is.

    Raises NoAnswer, and DestinationUnavailable for an address to which neither credentials nor
    bytes may go.
    """

    def __init__(self, wire: HttpConnection, place: BoundOrigin) -> None:
        self._wire = wire
        self._place = place

    def request(  # noqa: PLR0913, PLR0917  (httplib2's own parameters, and two of ours)
        self,
        uri: str,
        method: str = "GET",
        body: bytes | str | Iterable[memoryview] | None = None,
        headers: Mapping[str, str] | None = None,
        redirections: int = 0,  # noqa: ARG002  (none is followed)
        connection_type: object = None,  # noqa: ARG002  (there is one)
        *,
        limit: int = MAX_ANSWER,
        answer_within: float | None = None,
    ) -> tuple[httplib2.Response, bytes]:
        """Make a request and read the answer, at most `limit` bytes of it."""
        if not self._place.is_ours(uri):
            raise DestinationUnavailable(f"Drive leads to {shown(uri)}: {PLACE_ADVICE}")
        reply = self._wire.ask(
            method,
            uri,
            headers={name.lower(): str(value) for name, value in (headers or {}).items()},
            body=body.encode() if isinstance(body, str) else body,
            limit=limit,
            answer_within=answer_within,
        )
        response = httplib2.Response({**reply.headers, "status": str(reply.status)})
        response.status = reply.status
        return response, reply.body


class Connection:
    """One connection with credentials of its own; for one call at a time."""

    def __init__(self, credentials: Credentials, *, place: BoundOrigin, timeout: timedelta) -> None:
        self.wire = HttpConnection(
            connect_within=min(timeout, CONNECT_WITHIN), answer_within=timeout
        )
        self.http = AuthorizedHttp(credentials, http=DriveHttp(self.wire, place))
        self.used_at = time.monotonic()


class ConnectionPool:
    """A few connections; who wants one while all are busy waits. `place` is where they may lead.

    Blocking calls run in threads of their own, so that a slow Drive holds nobody else up.
    """

    def __init__(self, options: DriveOptions) -> None:
        self._credentials = CredentialsFile(options)
        self.place = drive_place(options.endpoint)
        self._timeout = options.timeout
        self._places = asyncio.Semaphore(options.workers)
        self._pool = ThreadPoolExecutor(options.workers, thread_name_prefix="drive")
        self._free: list[Connection] = []

    async def run(self, call: Callable[[Any], T]) -> T:
        """Run a blocking call with a connection.

        Raises DestinationUnavailable for trouble on the way.

        Without credentials it is none: nothing is sent.

        A connection on which anything went wrong is not used again.
        """
        async with self._places:
            line = self._take()
            try:
                answer = await in_thread(
                    lambda: call(line.http),
                    pool=self._pool,
                    stop=line.wire.abort,
                    patience=PATIENCE,
                )
            except BaseException as error:
                line.wire.close()
                if isinstance(error, HTTP_TROUBLE):
                    raise fault_of_trouble(error) from None
                if isinstance(error, TitipError | Abandoned) or not isinstance(error, Exception):
                    raise
                told = type(error).__name__
                raise Transient(f"Drive gave an answer that cannot be read ({told})") from error
            line.used_at = time.monotonic()
            self._free.append(line)
            return answer

    def close(self) -> None:
        """Close every connection; may be called twice."""
        while self._free:
            self._free.pop().wire.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> Connection:
        while self._free:
            line = self._free.pop()
            if time.monotonic() - line.used_at < IDLE:
                return line
            line.wire.close()
        return Connection(self._credentials.now(), place=self.place, timeout=self._timeout)
