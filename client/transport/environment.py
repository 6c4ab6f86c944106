"""What this machine's environment says of the way to the gateway: its proxy, its authorities.

HTTP_PROXY, HTTPS_PROXY and NO_PROXY name proxies; REQUESTS_CA_BUNDLE, SSL_CERT_FILE or
SSL_CERT_DIR name private authorities. Both are looked at once, before anything is sent.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

from client.address import flaw_of
from client.errors import BadOptions
from client.transport.reasons import Way
from titip.policies.origins import origin

AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""The first one that is set counts; the first two are those of requests."""
MEND_PROXY = "give it like http://proxy.example:3128 in HTTPS_PROXY or HTTP_PROXY, or unset it"


def way_to(server: str) -> Way:
    """Tell how requests reach this address. Raises BadOptions when they never can."""
    secure = server.startswith("https:")
    if secure:
        _check_authorities()
    return Way(gateway=origin(server).named, secure=secure, proxy=_proxy(server))


def authorities() -> str | None:
    """Give the file or folder of authorities to trust in place of the usual ones, if one is set."""
    return next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), None)


def _proxy(server: str) -> str:
    """Name the proxy on the way as host:port, never its password."""
    try:
        address = select_proxy(server, get_environ_proxies(server))
        if not address:
            return ""
        address = address if "://" in address else f"http://{address}"
        flaw, scheme = flaw_of(address), urlsplit(address).scheme
    except ValueError as error:
        raise BadOptions(f"the proxy of this machine cannot work: {MEND_PROXY}") from error
    if flaw or scheme not in {"http", "https"}:
        flaw = flaw if scheme in {"http", "https"} else "it is none of http:// or https://"
        raise BadOptions(f"the proxy of this machine cannot work: {flaw}; {MEND_PROXY}")
    return origin(address).named


def _check_authorities() -> None:
    named = authorities()
    if named is None:
        return
    place = Path(named)
    try:
        if not place.is_dir():
            ssl.create_default_context(cafile=named)
    except (OSError, ValueError) as error:
        raise BadOptions(
            f"the authorities in {named} cannot be read: name a file of PEM certificates in "
            "SSL_CERT_FILE or REQUESTS_CA_BUNDLE"
        ) from error
