"""Keep to the origin that was given to us, whatever address an answer names."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from client.errors import Refused, Trouble
from titip.origins import AddressError, ForeignOrigin, origin, place

STRANGER = "something else answered: does this network want a log-in?"


def upload_address(endpoint: str, location: str) -> tuple[str, str]:
    """Give the upload's address below our endpoint, and the other origin if one was named.

    A proxy may have made another scheme, port or path of it. Raises Refused for another host,
    Trouble for what is no address.
    """
    try:
        found = place(location, base=endpoint)
        other = str(origin(urljoin(endpoint, location))) if found.rewritten else ""
    except ForeignOrigin as foreign:
        raise Refused(
            f"the gateway leads to another host ({foreign.origin}): nothing is sent there. Tell "
            "your operator to set gateway.public_url"
        ) from foreign
    except AddressError as error:
        raise Trouble(STRANGER) from error
    address = found.url.partition("#")[0]
    if address.rstrip("/") == endpoint.rstrip("/"):
        raise Trouble(STRANGER)
    if address.startswith(endpoint):
        return address, other
    name = name_of(urlsplit(address).path)
    if name in {"", ".", ".."}:
        raise Trouble(STRANGER)
    return endpoint + name, other


def name_of(address: str) -> str:
    """Give an upload's id: the last part of its address."""
    return address.partition("?")[0].rstrip("/").rpartition("/")[2]
