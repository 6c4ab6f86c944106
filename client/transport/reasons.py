"""Say in a sentence why there was no answer: the address and the cause, never a class's name."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
import urllib3.exceptions as urllib3_errors
from urllib3.util.ssl_match_hostname import CertificateError

from client.errors import FatalError, NetworkError, PushError, Refused, TransientError, unforeseen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_CAUSES = 30
_OTHER_NAME = "is for another name: check the address after --to"
_CERTIFICATES = {
    0: _OTHER_NAME,
    9: "is not valid yet: check this machine's clock",
    10: "has expired: tell your operator, and check this machine's clock",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
"""By OpenSSL's numbers of what is wrong with a certificate; 64 is for an address."""
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG")
_PERSISTENT = ("403", "407")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where requests go, for people: host:port of the gateway and of the proxy, if there is one."""

    gateway: str
    secure: bool
    proxy: str = ""

    @property
    def first(self) -> str:
        """Name whom the connection is made to."""
        return f"the proxy {self.proxy}" if self.proxy else self.gateway

    @property
    def host(self) -> str:
        """Name the gateway's host alone."""
        return self.gateway.rpartition(":")[0]


def meaning(error: Exception, way: Way) -> PushError:
    """Tell a line that may come back from a request that can never leave or be understood."""
    causes = list(_causes(error))
    for kind, say in _SAYINGS:
        for cause in causes:
            if isinstance(cause, kind):
                return say(cause, way)
    return Refused(unforeseen(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all that is inside it, the outermost first."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < MOST_CAUSES:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inside = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [other for other in inside if isinstance(other, BaseException)]


def _certificate(cause: BaseException, way: Way) -> PushError:
    what = _CERTIFICATES.get(
        getattr(cause, "verify_code", 0),
        f"is not trusted by this machine ({getattr(cause, 'verify_message', 'no reason')}): check "
        "the address, or name the file of its authority in SSL_CERT_FILE or REQUESTS_CA_BUNDLE",
    )
    return FatalError(f"the certificate of {way.host} {what}")


def _tls(cause: BaseException, way: Way) -> PushError:
    reason = str(getattr(cause, "reason", None) or "")
    if reason in _NO_TLS or "record layer failure" in str(cause).lower():
        return FatalError(f"{way.gateway} does not speak TLS: try http://")
    if isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return NetworkError(f"the line to {way.gateway} was cut while TLS began")
    words = reason.replace("_", " ").lower() or "no reason given"
    return NetworkError(f"TLS with {way.gateway} failed: {words}")


def _name(cause: BaseException, way: Way) -> PushError:
    host = way.first.rpartition(":")[0]
    if isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN:
        return NetworkError(f"{host} cannot be looked up now: is this machine online?")
    return NetworkError(f"no such host: {host}")


def _tunnel(cause: BaseException, way: Way) -> PushError:
    words = str(cause).partition("Tunnel connection failed:")[2].strip()
    sentence = f"{way.first} refused to lead to {way.gateway}: {words or 'no reason given'}"
    return FatalError(sentence) if words.startswith(_PERSISTENT) else NetworkError(sentence)


def _unreached(cause: BaseException, way: Way) -> PushError:
    inner = [one.strerror for one in _causes(cause) if isinstance(one, OSError) and one.strerror]
    return NetworkError(
        f"{way.first} cannot be reached: {inner[0] if inner else 'no reason given'}"
    )


def _otherwise(cause: BaseException, way: Way) -> PushError:
    for one in _causes(cause):
        if str(one).startswith("Tunnel connection failed"):
            return _tunnel(one, way)
    return NetworkError(f"the line to {way.first} was cut")


_Kind = type[BaseException] | tuple[type[BaseException], ...]
_SAYINGS: tuple[tuple[_Kind, Callable[[BaseException, Way], PushError]], ...] = (
    ((ssl.SSLCertVerificationError, CertificateError), _certificate),
    (ssl.SSLError, _tls),
    ((socket.gaierror, urllib3_errors.NameResolutionError), _name),
    (ConnectionRefusedError, lambda _, way: NetworkError(f"nobody listens at {way.first}")),
    (
        (urllib3_errors.ConnectTimeoutError, requests.ConnectTimeout),
        lambda _, way: NetworkError(f"{way.first} does not answer"),
    ),
    (urllib3_errors.NewConnectionError, _unreached),
    (
        http.client.RemoteDisconnected,
        lambda _, way: NetworkError(f"the line to {way.first} was cut"),
    ),
    (
        (http.client.BadStatusLine, http.client.UnknownProtocol),
        lambda _, way: NetworkError(
            f"{way.first} does not speak HTTP{'' if way.secure else ': try https://'}"
        ),
    ),
    (
        (TimeoutError, urllib3_errors.TimeoutError, requests.Timeout),
        lambda _, way: NetworkError(f"the line to {way.first} is silent"),
    ),
    (
        (http.client.IncompleteRead, requests.exceptions.ChunkedEncodingError),
        lambda _, way: NetworkError(f"the answer of {way.gateway} was cut"),
    ),
    (
        (
            urllib3_errors.LocationValueError,
            urllib3_errors.ProxySchemeUnknown,
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidProxyURL,
        ),
        lambda _, way: Refused(f"no request can be sent to this address at {way.gateway}"),
    ),
    (
        (
            http.client.HTTPException,
            urllib3_errors.InvalidHeader,
            urllib3_errors.DecodeError,
            urllib3_errors.HeaderParsingError,
            urllib3_errors.ResponseNotChunked,
            urllib3_errors.BodyNotHttplibCompatible,
            requests.exceptions.ContentDecodingError,
            requests.exceptions.InvalidHeader,
        ),
        lambda _, way: TransientError(f"the answer of {way.gateway} cannot be read"),
    ),
    ((OSError, urllib3_errors.HTTPError, requests.RequestException), _otherwise),
)
"""What an error means; the first line that fits any of its causes counts."""
