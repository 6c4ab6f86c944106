"""One worker's connection to the gateway: kept alive, with time limits, and never retried here.

Every request passes `HttpConnection.ask`, its body read while it is sent; what the answer means is
for `verdict`.
"""

from __future__ import annotations

import platform
from typing import IO, TYPE_CHECKING

import requests
from tusclient.client import TusClient

from client.errors import PushError, Refused, Stopped, unreadable
from client.transport.bounded_response import BoundedAdapter, body_of
from client.transport.environment import authorities, way_to
from client.transport.error_mapping import Answer
from client.transport.reasons import meaning

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from client.options import PushOptions
    from client.report import Notes


class Slice:
    """The next `length` bytes of an open file, read while they are sent, a block at a time.

    requests asks for `__len__` and `read`. `moved` hears the length of each block handed to the
    connection. A file that ends early raises Refused, never OSError, which urllib3 would take for
    a broken line.
    """

    def __init__(
        self,
        stream: IO[bytes],
        length: int,
        *,
        stop: threading.Event,
        moved: Callable[[int], None],
    ) -> None:
        self._stream = stream
        self._length = length
        self._done = 0
        self._stop = stop
        self._moved = moved

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes, at most `size`; nothing once the slice is through."""
        if self._stop.is_set():
            raise Stopped
        left = self._length - self._done
        wanted = left if size < 0 else min(size, left)
        try:
            block = self._stream.read(wanted)
        except OSError as error:
            raise Refused(unreadable(error)) from error
        if len(block) < wanted:
            raise Refused("became shorter while it was being handed in: push it again")
        self._done += len(block)
        self._moved(wanted)
        return block


class HttpConnection:
    """A session for one thread. `client` is tuspy's view of the gateway."""

    def __init__(self, options: PushOptions, *, stop: threading.Event, notes: Notes) -> None:
        self.server = options.server
        self.stop = stop
        self.notes = notes
        headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
        self.client = TusClient(options.endpoint, headers=headers)
        self._way = way_to(options.server)
        self._limits = options.patience.limits()
        self._session = _session()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: Slice | None = None,
    ) -> Answer:
        """Send one request and give its answer, whatever its status.

        No redirection is followed. Raises NetworkError when there is none, FatalError when there
        never will be, what `body` raises while it is read, and no error but a PushError.
        """
        if self.stop.is_set():
            raise Stopped
        try:
            with self._session.request(
                method,
                url,
                headers=dict(headers),
                data=body,
                timeout=self._limits,
                allow_redirects=False,
                stream=True,
            ) as response:
                return Answer(response.status_code, response.headers, body_of(response))
        except PushError:
            raise
        except Exception as error:
            raise meaning(error, self._way) from error

    def api(self, path: str) -> Answer:
        """Read one page of the gateway's own interface."""
        headers = {**self.client.headers, "Accept": "application/json"}
        return self.ask("GET", f"{self.server}/api/{path}", headers=headers)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _session() -> requests.Session:
    session = requests.Session()
    # Without this, an entry in ~/.netrc would take the place of the token.
    session.auth = lambda request: request
    session.verify = authorities() or True
    # Compressed answers would have to be bounded twice; the gateway sends none.
    session.headers["Accept-Encoding"] = "identity"
    session.headers["User-Agent"] = f"titip-push ({platform.system()})"
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
    return session
