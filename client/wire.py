"""One worker's connection to the gateway: kept alive, with time limits, and never retried here.

Every request passes `Wire.ask`; what the answer means is for `verdict`.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from tusclient.client import TusClient

from client.errors import Hopeless, LineTrouble, Stopped, Trouble
from client.verdict import Answer

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping

    from client.body import Slice
    from client.options import PushOptions

BLOCK = 1 << 16
"""64 KiB a write: few system calls, and a stop or a silence is noticed within one block."""
MOST_OF_AN_ANSWER = 1 << 16
"""No answer that matters is longer; whatever else answers shall not fill the memory."""
UNREACHED = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}


class _WideAdapter(HTTPAdapter):
    """Sends bodies in blocks of 64 KiB; urllib3's own are 16 KiB."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passed on
        super().init_poolmanager(*args, blocksize=BLOCK, **kwargs)


class Wire:
    """A session for one thread. `client` is tuspy's view of the gateway."""

    def __init__(self, options: PushOptions, *, stop: threading.Event) -> None:
        self.server = options.server
        self.stop = stop
        headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
        self.client = TusClient(options.endpoint, headers=headers)
        self._limits = (options.patience.connect, options.patience.silence)
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

        Raises LineTrouble when there is none, Hopeless when there never will be, and what `body`
        raises while it is read.
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
                return Answer(response.status_code, response.headers, _beginning(response))
        except requests.RequestException as error:
            raise _meaning(error) from error

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
    session.headers["User-Agent"] = f"titip-push ({platform.system()})"
    for scheme in ("http://", "https://"):
        session.mount(scheme, _WideAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))
    return session


def _beginning(response: requests.Response) -> bytes:
    """Read the body, so that the connection can be used again; drop it when it is too long."""
    body = bytearray()
    for block in response.iter_content(MOST_OF_AN_ANSWER):
        body += block
        if len(body) > MOST_OF_AN_ANSWER:
            break
    return bytes(body[:MOST_OF_AN_ANSWER])


def _meaning(error: requests.RequestException) -> Trouble | Hopeless:
    """Tell a line that may come back from a request that can never leave."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return Hopeless(
            "the gateway's certificate is not trusted by this machine: check the address, this "
            "machine's clock, or name the right authority in REQUESTS_CA_BUNDLE"
        )
    cause = getattr(error.args[0], "reason", None) if error.args else None
    if type(cause).__name__ in UNREACHED:
        return LineTrouble("the gateway cannot be reached")
    if isinstance(error, requests.Timeout):
        return LineTrouble("the line is silent")
    if isinstance(error, requests.ConnectionError):
        return LineTrouble("the line was cut")
    if isinstance(
        error, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)
    ):
        return LineTrouble("the answer was cut")
    return Hopeless(f"no request can be sent to this address ({type(error).__name__})")
