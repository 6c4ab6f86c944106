"""Read the gateway's address as it was typed; say what is wrong with one that cannot work."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from client.errors import BadOptions

TUS_PATH = "/files"
ADVICE = "give the gateway's address like https://titip.example.org"
MOST_OF_A_HOST = 253
MOST_OF_A_LABEL = 63
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?")
_LABELS_END = re.compile("[.\u3002\uff0e\uff61]")
"""The dot, and those that international names may have in its place."""
_PORTS = range(1, 65536)
_USUAL_PORTS = {"http": 80, "https": 443}


def root_of(address: str) -> str:
    """Give the gateway's root, whether or not the tus path was typed behind it."""
    parts = _parts_of(address.strip())
    if parts.username is not None or parts.password is not None:
        raise BadOptions(
            "the address of the gateway has a user or a password before the @: leave them out and "
            f"hand the token over with --token-file; {ADVICE}"
        )
    if parts.query or parts.fragment:
        raise BadOptions(f"the address of the gateway has more in it than an address: {ADVICE}")
    flaw = flaw_of_host(parts.hostname or "") or _flaw_of_path(parts.path)
    if flaw:
        raise BadOptions(f"the address of the gateway cannot work: {flaw}; {ADVICE}")
    path = parts.path.rstrip("/").removesuffix(TUS_PATH)
    return f"{parts.scheme}://{parts.netloc}{path}"


def place_of(address: str) -> str:
    """Name a sound address as host:port, the usual port included."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{parts.port or _USUAL_PORTS.get(parts.scheme, 0)}"


def flaw_of_host(host: str) -> str:
    """Say why no machine can have this name or number, '' if one may."""
    if ":" in host:
        return "" if _is_number(host.partition("%")[0]) else "what stands in [ ] is no IPv6 address"
    name = host.removesuffix(".")
    if not all(_LABELS_END.split(name)):
        return "a part between two dots of its host is missing"
    try:
        name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return "its host is no name that can be looked up"
    return _flaw_of_name(name)


def _flaw_of_name(name: str) -> str:
    labels = name.split(".")
    if any(len(label) > MOST_OF_A_LABEL for label in labels):
        return f"a part of its host is longer than {MOST_OF_A_LABEL} letters"
    if len(name) > MOST_OF_A_HOST:
        return f"its host is longer than {MOST_OF_A_HOST} letters"
    if not all(_LABEL.fullmatch(label) for label in labels):
        return "its host has a sign that no name may have"
    return ""


def _parts_of(address: str) -> SplitResult:
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise BadOptions(f"the address of the gateway cannot be read: {ADVICE}") from error
    if parts.scheme not in _USUAL_PORTS or not parts.hostname:
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


def _flaw_of_path(path: str) -> str:
    if any(sign.isspace() or not sign.isprintable() for sign in path):
        return "its path has a sign that cannot be sent"
    return ""


def _is_number(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
