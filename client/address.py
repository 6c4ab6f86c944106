"""The gateway's address as it was typed, and the addresses of uploads that its answers name.

It is said what is wrong with one that cannot work; whatever an answer names, nothing is sent to
another origin than the one that was given to us.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit

from client.errors import BadOptions, Refused, TransientError
from titip.policies.origins import AddressError, ForeignOrigin, origin, place

TUS_PATH = "/files"
ADVICE = "give the gateway's address like https://titip.example.org"
MOST_OF_A_LABEL = 63
STRANGER = "something else answered: does this network want a log-in?"
_SCHEMES = {"http", "https"}
_PORTS = range(1, 65536)


def root_of(address: str) -> str:
    """Give the gateway's root, whether or not the tus path was typed behind it."""
    parts = _parts_of(address.strip())
    if "@" in parts.netloc:
        raise BadOptions(
            "the address of the gateway has a user or a password before the @: leave them out and "
            f"hand the token over with --token-file; {ADVICE}"
        )
    if parts.query or parts.fragment:
        raise BadOptions(f"the address of the gateway has more in it than an address: {ADVICE}")
    flaw = flaw_of(address.strip())
    if flaw:
        raise BadOptions(f"the address of the gateway cannot work: {flaw}; {ADVICE}")
    path = parts.path.rstrip("/").removesuffix(TUS_PATH)
    return f"{parts.scheme}://{parts.netloc}{path}"


def flaw_of(address: str) -> str:
    """Say why nobody can be asked at this address, '' if somebody may be."""
    parts = urlsplit(address)
    labels = (parts.hostname or "").removesuffix(".").split(".")
    if not all(labels):
        return "a part between two dots of its host is missing"
    if any(len(label) > MOST_OF_A_LABEL for label in labels) and ":" not in labels[0]:
        return f"a part of its host is longer than {MOST_OF_A_LABEL} letters"
    if any(sign.isspace() or not sign.isprintable() for sign in parts.path):
        return "its path has a sign that cannot be sent"
    try:
        origin(address)
    except AddressError as error:
        return str(error)
    return ""


def upload_address(endpoint: str, location: str) -> tuple[str, str]:
    """Give the upload's address below our endpoint, and the other origin if one was named.

    A proxy may have made another scheme, port or path of it. Raises Refused for another host,
    TransientError for what is no address.
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
        raise TransientError(STRANGER) from error
    address = found.url.partition("#")[0]
    if address.rstrip("/") == endpoint.rstrip("/"):
        raise TransientError(STRANGER)
    if address.startswith(endpoint):
        return address, other
    name = name_of(urlsplit(address).path)
    if name in {"", ".", ".."}:
        raise TransientError(STRANGER)
    return endpoint + name, other


def name_of(address: str) -> str:
    """Give an upload's id: the last part of its address."""
    return address.partition("?")[0].rstrip("/").rpartition("/")[2]


def _parts_of(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise BadOptions(f"the address of the gateway cannot be read: {ADVICE}") from error
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise BadOptions(
            f"the address of the gateway must begin with https:// or http://: {ADVICE}"
        )
    try:
        is_sound = parts.port is None or parts.port in _PORTS
    except ValueError:
        is_sound = False
    if not is_sound:
        raise BadOptions(
            "the port in the address of the gateway must be a number from 1 to 65535: "
            f"{ADVICE} or http://127.0.0.1:8080"
        )
    return parts
