"""Read the gateway's address as it was typed; say what is wrong with one that cannot work."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from client.errors import BadOptions
from titip.origins import AddressError, origin

TUS_PATH = "/files"
ADVICE = "give the gateway's address like https://titip.example.org"
MOST_OF_A_LABEL = 63
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
