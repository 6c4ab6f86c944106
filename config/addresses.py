"""Addresses as settings give them: refused where they can never work, and never repeated.

What is wrong is said with its mend; an address may hold a key, so none is shown. At the end, what
must not lead back to Titip itself: a registry's address, and the mirror's folder.
"""

from __future__ import annotations

import os
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

from sync.destinations.transport.addresses import address_problem
from titip.policies.origins import AddressError, origin, origins, same_origin

LAST_PORT: Final = 65535

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - to know it, not to listen
_THIS_MACHINE: Final = frozenset(_EVERYWHERE.values())

_OWN: Final = ("spool", "quarantine", "restoring", "ballast", "gateway.lock", "sync.lock")
_JOURNAL: Final = "journal.db"

_LISTEN: Final = 'write HOST:PORT, such as "127.0.0.1:8080"'
_EXAMPLE: Final = 'write an address, such as "https://registry.example/intake", or "" for none'


def _address(value: str, *, credential: str) -> str:
    if not value:
        return value
    if not value.startswith(("http://", "https://")):
        raise ValueError(f"is not well-formed; {_EXAMPLE}")
    if problem := address_problem(value, credential=credential):
        raise ValueError(problem)
    return value


def _public(value: str) -> str:
    _address(value, credential="the proxy that stands before Titip")
    if "?" in value or "#" in value:
        raise ValueError("must end with a path: leave out what begins with ? or #")
    if value.rstrip("/").endswith("/files"):
        raise ValueError("must not name /files: Titip adds it to the addresses of uploads itself")
    if value and (not value.isascii() or not value.isprintable()):
        raise ValueError("must be ASCII, since it is told in headers: percent-encode the rest")
    return value


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()):
        raise ValueError(f"is not well-formed; {_LISTEN}")
    if len(port.lstrip("0")) > len(str(LAST_PORT)) or int(port) > LAST_PORT:
        raise ValueError("names a port that there is not: one is between 0 and 65535")
    if not _can_be_bound(host):
        raise ValueError(f"names no host that can be listened at; {_LISTEN}")
    return value


def _can_be_bound(host: str) -> bool:
    inside = host.startswith("[") and host.endswith("]")
    try:
        ip_address(host[1:-1] if inside else host)
    except ValueError:
        return _is_name(host)
    return True


def _is_name(host: str) -> bool:
    if set(host) & set("/?#@[]\\"):
        return False
    try:
        origin(f"http://{host}/").host.encode("idna")
    except (AddressError, UnicodeError):
        return False
    return True


def _web_origin(value: str) -> str:
    """Give an origin as browsers write it: only the same letters are the same origin."""
    if value in {"*", "null"}:
        return value
    try:
        (found,) = origins([value])
    except AddressError:
        raise ValueError('write "*", or origins such as "https://forms.example"') from None
    return str(found)


Address = Annotated[
    str,
    AfterValidator(partial(_address, credential="registry.bearer or registry.headers")),
]
"""Where a registry is asked, "" for nowhere; placeholders may stand behind the host."""

Endpoint = Annotated[
    str, AfterValidator(partial(_address, credential="the file of mirror.drive.credentials"))
]
"""Where a mirror is asked, "" for where it is by itself."""

PublicAddress = Annotated[str, AfterValidator(_public)]
"""Where submitters find Titip, "" for where they ask."""

Listen = Annotated[str, AfterValidator(_listen)]
"""Where to listen; port 0 lets the system choose."""

WebOrigin = Annotated[str, AfterValidator(_web_origin)]
"""Whose pages may use Titip."""


def leads_here(url: str, *, listen: str, public_url: str) -> bool:
    """Tell whether a request to this address comes in at this very gateway.

    Another program may answer at other addresses of this machine, or behind the same proxy.
    """
    host, _, port = listen.rpartition(":")
    bare = host.strip("[]")
    try:
        there = origin(url)
        here = origin(f"http://[{bare}]:{port}/" if ":" in bare else f"http://{bare}:{port}/")
    except AddressError:  # port 0: only the system knows which
        return _is_public(url, public_url)
    comes_in = there.port == here.port and _is_one_host(there.host, here.host)
    return comes_in or _is_public(url, public_url)


def _is_public(url: str, public_url: str) -> bool:
    files = f"{urlsplit(public_url).path.rstrip('/')}/files"
    is_files = f"{urlsplit(url).path}/".startswith(f"{files}/")
    return bool(public_url) and is_files and same_origin(url, public_url)


def _is_one_host(asked: str, listening: str) -> bool:
    asked = _EVERYWHERE.get(asked, asked)
    if asked == _EVERYWHERE.get(listening, listening):
        return True
    names = {asked, _EVERYWHERE.get(listening, listening)}
    return "localhost" in names and names - {"localhost"} <= _THIS_MACHINE


def own_place(path: Path, *, data: Path) -> str:
    """Name what is ours of what a path is, holds or lies in; "" for nothing of it.

    A folder of a submitter may have any name, that of one of our files too.
    """
    way = Path(os.path.relpath(path.absolute(), data.absolute())).parts
    if set(way) <= {os.pardir}:
        return data.name
    inside = way[:1]
    ours = [name for name in inside if name in _OWN or name.startswith(_JOURNAL)]
    return ours[0] if ours else ""
