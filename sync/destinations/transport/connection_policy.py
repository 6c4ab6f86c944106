"""How every wire of the daemon is connected: through which proxy, trusting whom, and why it failed.

Reasons name a cause and an address without its path and query, which may hold keys.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import socket
import ssl
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies_environment

import certifi
import structlog

from titip.policies.origins import AddressError, origin, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from titip.policies.origins import Origin

log = structlog.get_logger()

USER_AGENT: Final = "titip"
_BUNDLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21, 27})
"""OpenSSL's codes (X509_V_ERR_...) for a chain that ends nowhere that is trusted."""

_CERTIFICATE: Final = {
    9: "certificate is not valid yet",
    10: "certificate has expired",
    62: "certificate is for another name",
    64: "certificate is for another name",
}

_NO_TLS: Final = frozenset(
    {
        *("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "HTTPS_PROXY_REQUEST"),
        *("PACKET_LENGTH_TOO_LONG", "RECORD_TOO_SMALL", "UNEXPECTED_MESSAGE", "BAD_PACKET_LENGTH"),
    }
)
_ALERT: Final = re.compile(r"\\x15\\x03|\x15\x03")
"""How an answer begins of a port that speaks TLS and was spoken to without it."""

_NO_WAY: Final = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EHOSTDOWN}
)
_TUNNEL: Final = "Tunnel connection failed"
_NO_HTTP: Final = frozenset({"BadStatusLine", "BadHttpMessage", "ClientResponseError"})
"""How http.client and aiohttp call an answer that is none."""

_NUMBER: Final = re.compile(r"\[Errno (\d{1,5})\]")
_WORD: Final = re.compile(r"[A-Z0-9_]{1,60}\Z")


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands between; `user` and `password` are empty where it wants none."""

    url: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Show the address alone."""
        return f"Proxy({self.url!r})"

    @property
    def login(self) -> str:
        """Give user and password as Basic takes them; empty where there are none."""
        return f"{self.user}:{self.password}" if self.user or self.password else ""

    @property
    def with_login(self) -> str:
        """Give the address with user and password in it, as aiohttp wants it: a secret."""
        scheme, _, rest = self.url.partition("://")
        if not self.login:
            return self.url
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{rest}"


class BadProxy(ValueError):
    """An environment variable names a proxy that cannot be used."""


def proxy_for(url: str) -> Proxy | None:
    """Give the proxy that the environment names for an address; raises BadProxy.

    HTTP_PROXY and HTTPS_PROXY by the scheme, ALL_PROXY for both, NO_PROXY for the exceptions, each
    in small letters too, which count more. ~/.netrc is never read.
    """
    there = getproxies_environment()
    home = origin(url)
    named = there.get(home.scheme) or there.get("all") or ""
    if not named or _bypassed(home, there.get("no", "")):
        return None
    if "://" not in named:
        named = f"http://{named}"
    try:
        parts = urlsplit(named)
        return Proxy(
            str(origin(named)), unquote(parts.username or ""), unquote(parts.password or "")
        )
    except ValueError as error:
        raise BadProxy(
            f"the environment names a proxy for {home.scheme}:// that cannot be used: "
            "write http://host:port"
        ) from error


def _bypassed(home: Origin, listed: str) -> bool:
    """Tell whether NO_PROXY lists a host: by name, as a domain, with its port, or as a network."""
    ones = [text.strip().lower().lstrip(".") for text in listed.split(",")]
    return any(
        one in {"*", home.host, home.named}
        or home.host.endswith(f".{one}")
        or _in_network(home.host, one)
        for one in ones
        if one
    )


def _in_network(host: str, listed: str) -> bool:
    try:
        return ip_address(host) in ip_network(listed.strip("[]"), strict=False)
    except (ValueError, TypeError):
        return False


def trust() -> ssl.SSLContext:
    """Give what judges certificates: the public authorities, the system's, and the named ones."""
    return _trust(tuple(os.environ.get(name, "") for name in _BUNDLES))


@lru_cache(maxsize=4)
def _trust(named: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(certifi.where())
    for variable, path in zip(_BUNDLES, named, strict=True):
        if not path:
            continue
        try:
            if os.path.isdir(path):  # noqa: PTH112 - a list of folders may stand there, too
                context.load_verify_locations(capath=path)
            else:
                context.load_verify_locations(cafile=path)
        except (OSError, ValueError) as error:
            log.warning("trust.not_loaded", variable=variable, reason=type(error).__name__)
    return context


def reason_of(error: BaseException, url: str) -> str:
    """Say why no answer came from an address: the cause, and where it was to come from."""
    chain = list(_chain(error))
    if isinstance(error, AddressError | BadProxy):
        return f"cannot be reached: {error}"
    if any(_is_of_proxy(one) for one in chain):
        url = _proxy_address(url)
    for one in chain:
        told = _tls(one) or _network(one, url)
        if told:
            return (
                f"cannot be reached: {told}"
                if "no such host" in told
                else (f"cannot be reached: {told} ({shown(url)})")
            )
    for one in chain:
        told = _broken(one)
        if told:
            return f"{told} ({shown(url)})"
    return f"could not be asked: {type(error).__name__} ({shown(url)})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what it was made of, however its library keeps that."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        inner += [getattr(one, "os_error", None), getattr(one, "original_error", None)]
        waiting += [part for part in inner if isinstance(part, BaseException)]


def _is_of_proxy(error: BaseException) -> bool:
    return type(error).__name__ in {"ProxyError", "ClientProxyConnectionError"}


def _proxy_address(url: str) -> str:
    try:
        proxy = proxy_for(url)
    except (AddressError, BadProxy):
        return url
    return proxy.url if proxy else url


def _tls(error: BaseException) -> str:
    """Say what was wrong with TLS; aiohttp's own errors do not tell, the ones beneath them do."""
    match error:
        case ssl.SSLCertVerificationError():
            return _certificate(getattr(error, "verify_code", 0))
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return "cut the connection while TLS was agreed on"
        case ssl.SSLError():
            word = str(getattr(error, "reason", "") or "")
            if word in _NO_TLS:
                return "does not speak TLS"
            return f"TLS failed: {word}" if _WORD.match(word) else ""
        case _:
            return ""


def _certificate(code: int) -> str:
    if not code:
        return ""
    if code in _UNKNOWN_AUTHORITY:
        return "certificate is signed by an unknown authority"
    return _CERTIFICATE.get(code, f"certificate is not accepted (OpenSSL code {code})")


def _network(error: BaseException, url: str) -> str:
    if isinstance(error, socket.gaierror):
        again = " (the name service gave no answer)" if error.errno == socket.EAI_AGAIN else ""
        return f"no such host: {_host(url)}{again}"
    if isinstance(error, UnicodeError):
        return f"no such host: {_host(url)}"
    if not isinstance(error, OSError):
        return ""
    number = error.errno
    if number is None and (found := _NUMBER.search(str(error))):
        number = int(found[1])
    if number == errno.ECONNREFUSED:
        return f"nobody listens at {_host(url, with_port=True)}"
    if number in _NO_WAY:
        return os.strerror(number)
    return "the proxy refused to connect" if _TUNNEL in str(error) else ""


def _broken(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return "did not answer in time"
    if isinstance(error, ssl.SSLError):
        return "cannot be reached: TLS failed"
    if name == "ClientHttpProxyError":
        return "cannot be reached: the proxy refused to connect"
    is_cut = isinstance(error, ConnectionError | EOFError)
    if name in _NO_HTTP and not is_cut:
        return _no_http(error)
    return "cut the connection" if is_cut or isinstance(error, http.client.HTTPException) else ""


def _no_http(error: BaseException) -> str:
    if _ALERT.search(f"{error} {error!r}"):
        return "speaks TLS: write https:// in its address"
    return "gave an answer that is no HTTP"


def _host(url: str, *, with_port: bool = False) -> str:
    try:
        found = origin(url)
    except AddressError:
        return shown(url)
    return found.named if with_port else found.host
