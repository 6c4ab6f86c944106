"""Addresses as settings give them: refused where they can never work, and never repeated.

What is wrong is said with its mend; an address may hold a key, so none is shown.
"""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import AfterValidator

from sync.addresses import address_problem
from titip.origins import AddressError, origin, origins

LAST_PORT: Final = 65535

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
