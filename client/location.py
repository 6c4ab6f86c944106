"""Keep to the origin that was given to us, whatever address an answer names."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from client.errors import Refused, Trouble

MOST_OF_A_NAME = 512
STRANGER = "something else answered: does this network want a log-in?"


def upload_address(endpoint: str, location: str) -> tuple[str, str]:
    """Give the upload's address below our endpoint, and the other origin if one was named.

    A proxy may have made another scheme, port or path of it. Raises Refused for another host,
    Trouble for what is no address.
    """
    try:
        named = urljoin(endpoint, location)
        parts, ours = urlsplit(named), urlsplit(endpoint)
        host, origin = parts.hostname or "", (parts.scheme, parts.hostname, parts.port)
    except ValueError as error:
        raise Trouble(STRANGER) from error
    if _plain(host) != _plain(ours.hostname or ""):
        raise Refused(
            f"the gateway leads to another host ({host or 'none'}): nothing is sent there. Tell "
            "your operator to set gateway.public_url"
        )
    other = "" if origin == (ours.scheme, ours.hostname, ours.port) else _shown(parts.scheme, named)
    address = named.partition("#")[0]
    if address.startswith(endpoint) and address != endpoint:
        return address, other
    name = name_of(address)
    if name in {"", ".", ".."} or len(name) > MOST_OF_A_NAME:
        raise Trouble(STRANGER)
    return endpoint + name, other


def name_of(address: str) -> str:
    """Give an upload's id: the last part of its address."""
    return address.partition("?")[0].rstrip("/").rpartition("/")[2]


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


def _shown(scheme: str, address: str) -> str:
    return f"{scheme}://{urlsplit(address).netloc.rpartition('@')[2]}"
