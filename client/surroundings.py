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

from client.address import flaw_of_host, place_of
from client.errors import BadOptions
from client.reasons import Way

AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""The first one that is set counts; the first two are those of requests."""
MEND_PROXY = "give it like http://proxy.example:3128 in HTTPS_PROXY or HTTP_PROXY, or unset it"


def way_to(server: str) -> Way:
    """Tell how requests reach this address. Raises BadOptions when they never can."""
    secure = server.startswith("https:")
    if secure:
        _check_authorities()
    return Way(gateway=place_of(server), secure=secure, proxy=_proxy(server))


def authorities() -> str | None:
    """Give the file or folder of authorities to trust in place of the usual ones, if one is set."""
    return next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), None)


def _proxy(server: str) -> str:
    """Name the proxy on the way as host:port, never its password."""
    try:
        address = select_proxy(server, get_environ_proxies(server))
        if not address:
            return ""
        parts = urlsplit(address if "://" in address else f"http://{address}")
        place = place_of(parts.geturl())
    except ValueError as error:
        raise BadOptions(f"the proxy of this machine cannot work: {MEND_PROXY}") from error
    if parts.scheme not in {"http", "https"}:
        raise BadOptions(f"the proxy of this machine is none of http:// or https://: {MEND_PROXY}")
    if not parts.hostname or flaw_of_host(parts.hostname) or place.endswith(":0"):
        raise BadOptions(f"the proxy of this machine cannot work: {MEND_PROXY}")
    return place


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
