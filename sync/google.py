"""Google's own parts: credentials, the Drive service, and the connections that carry its calls."""

from __future__ import annotations

import asyncio
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

import httplib2
import structlog
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import credentials as user_credentials
from google.oauth2 import service_account
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build_from_document  # type: ignore[attr-defined]
from googleapiclient.discovery_cache import get_static_doc

from sync.drive_credentials import read_credentials
from sync.drive_faults import HTTP_TROUBLE, Passing, fault_of_trouble
from sync.drive_http import TOKENS, DriveHttp, drive_place
from sync.threads import Abandoned, in_thread
from sync.wire import Wire
from titip.errors import TitipError, Unavailable
from titip.origins import is_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from google.auth.credentials import Credentials
    from googleapiclient._apis.drive.v3 import DriveResource

    from sync.bound_origin import BoundOrigin
    from sync.drive_options import DriveOptions

T = TypeVar("T")

log = structlog.get_logger()

SCOPE: Final = "https://www.googleapis.com/auth/drive.file"
"""Sees only what Titip made, and needs no assessment by Google."""

TOKEN_URI: Final = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)

IDLE: Final = 30.0
"""Seconds after which an unused connection is not trusted any more."""

PATIENCE: Final = 5.0
"""Seconds that a cancelled call may take to notice that its connection was shut."""

CONNECT_WITHIN: Final = timedelta(seconds=15)
"""How long a connection may take to be made."""


def load_credentials(options: DriveOptions) -> Callable[[], Credentials]:
    """Read the credentials' file; give what makes a copy for each connection.

    Another endpoint than Google's may do without the file. Raises ValueError that says what to do.
    """
    path = options.credentials
    there = path is not None and os.path.exists(path)  # noqa: PTH110 - Path.exists may raise
    if path is None or (options.endpoint and not there):
        return AnonymousCredentials  # type: ignore[no-any-return,unused-ignore]
    document = read_credentials(path)
    make = {"authorized_user": _user, "service_account": _service}[document["type"]]
    tokens = document.get("token_uri") or TOKEN_URI
    if not _may_give_tokens(tokens, options.endpoint):
        raise ValueError(
            f"mirror.drive.credentials: {path} names {shown(tokens)} as its token service, "
            "which is not Google's; make it anew"
        )
    try:
        make(document)
    except Exception as error:  # whatever a library makes of a key
        raise ValueError(f"mirror.drive.credentials: {path} is incomplete; make it anew") from error
    return lambda: make(document)


def _may_give_tokens(url: str, endpoint: str) -> bool:
    return is_of(url, TOKENS) or (bool(endpoint) and drive_place(endpoint).is_ours(url))


def _user(document: dict[str, str]) -> Credentials:
    return user_credentials.Credentials(
        token=None,
        refresh_token=document["refresh_token"],
        token_uri=document.get("token_uri") or TOKEN_URI,
        client_id=document["client_id"],
        client_secret=document["client_secret"],
    )


def _service(document: dict[str, str]) -> Credentials:
    made: Credentials = service_account.Credentials.from_service_account_info(
        document, scopes=[SCOPE]
    )
    return made


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


class Line:
    """One connection with credentials of its own; for one call at a time."""

    def __init__(self, credentials: Credentials, *, place: BoundOrigin, timeout: timedelta) -> None:
        self._wire = Wire(connect_within=min(timeout, CONNECT_WITHIN), answer_within=timeout)
        self.http = AuthorizedHttp(credentials, http=DriveHttp(self._wire, place))
        self.used_at = time.monotonic()

    def abort(self) -> None:
        """Shut the sockets under a call in another thread, so that it ends now, for good."""
        self._wire.abort()

    def close(self) -> None:
        """Close the sockets."""
        self._wire.close()


class CredentialsFile:
    """The credentials' file, read when a connection is made, and again when it has changed.

    One that is of no use just then leaves those in use that it held last.
    """

    def __init__(self, options: DriveOptions) -> None:
        self._options = options
        self._why = ""
        self._make: Callable[[], Credentials] | None = None
        self._seen: tuple[int, int, int] | None = None

    def now(self) -> Credentials:
        """Give credentials for a connection; raises Unavailable while there are none."""
        seen = self._signature()
        if self._make is None or seen not in {None, self._seen}:
            self._load()
            self._seen = seen
        if self._make is None:
            raise Unavailable(self._why, outage=True)
        return self._make()

    def _load(self) -> None:
        try:
            self._make = load_credentials(self._options)
        except ValueError as error:
            self._why = str(error)
            if self._make is not None:
                log.warning("credentials.not_read", reason=self._why)

    def _signature(self) -> tuple[int, int, int] | None:
        path = self._options.credentials
        try:
            told = path.stat() if path is not None else None
        except (OSError, ValueError):
            return None
        if told is None:
            return None
        return told.st_ino, told.st_mtime_ns, told.st_size


class Lines:
    """A few connections; who wants one while all are busy waits. `place` is where they may lead.

    Blocking calls run in threads of their own, so that a slow Drive holds nobody else up.
    """

    def __init__(self, options: DriveOptions) -> None:
        self._credentials = CredentialsFile(options)
        self.place = drive_place(options.endpoint)
        self._timeout = options.timeout
        self._places = asyncio.Semaphore(options.workers)
        self._pool = ThreadPoolExecutor(options.workers, thread_name_prefix="drive")
        self._free: list[Line] = []

    async def run(self, call: Callable[[Any], T]) -> T:
        """Run a blocking call with a connection; raises Unavailable for trouble on the way.

        Without credentials it is none: nothing is sent.

        A connection on which anything went wrong is not used again.
        """
        async with self._places:
            line = self._take()
            try:
                answer = await in_thread(
                    lambda: call(line.http), pool=self._pool, stop=line.abort, patience=PATIENCE
                )
            except HTTP_TROUBLE as error:
                line.close()
                raise fault_of_trouble(error) from None
            except (TitipError, Abandoned):
                line.close()
                raise
            except Exception as error:
                line.close()
                told = type(error).__name__
                raise Passing(f"Drive gave an answer that cannot be read ({told})") from error
            except BaseException:
                line.close()
                raise
            line.used_at = time.monotonic()
            self._free.append(line)
            return answer

    def close(self) -> None:
        """Close every connection; may be called twice."""
        while self._free:
            self._free.pop().close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> Line:
        while self._free:
            line = self._free.pop()
            if time.monotonic() - line.used_at < IDLE:
                return line
            line.close()
        return Line(self._credentials.now(), place=self.place, timeout=self._timeout)
