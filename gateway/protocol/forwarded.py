"""At what address the sender sees this gateway, where proxies stand before it. Pure.

Only what a trusted proxy says counts, and only as far as it reads as an address: all else is as
if it were not there. Where `Forwarded` (RFC 7239) and `X-Forwarded-*` contradict each other,
neither counts: most proxies write one of them and pass on whatever they are sent as the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Network

    from gateway.protocol.commands import Fields

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a token of RFC 9110
_PAIR: Final = re.compile(
    rf'[ \t]*(?:({_TOKEN})=(?:"((?:[^"\\]|\\.)*)"|([^"\\,; \t]+)))?[ \t]*', re.ASCII
)
"""One `name=value`, or nothing; unquoted ports and brackets pass, since proxies write them."""

_HOST: Final = re.compile(
    r"(?P<name>[0-9a-z_](?:[0-9a-z_.-]{0,253}[0-9a-z.])?|\[(?P<v6>[0-9a-f:.]{2,45})\])"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII | re.IGNORECASE,
)
_PREFIX: Final = re.compile(r"(?:/[0-9a-z_~-][0-9a-z._~-]*)+", re.ASCII | re.IGNORECASE)

_PORTS: Final = {"http": 80, "https": 443}
_LAST_PORT: Final = (1 << 16) - 1


@dataclass(frozen=True, slots=True)
class _Told:
    """What Forwarded tells; empty where it tells nothing that can be used."""

    scheme: str = ""
    host: str = ""


def base_url(
    fields: Fields, *, peer: str, scheme: str, trusted: Sequence[Network], public_url: str = ""
) -> str:
    """Give the address before `/files/`, without a slash at its end; nothing if none is known.

    `peer` and `scheme` are what the connection tells by itself: its other end, http or https.
    `public_url` beats all; then what trusted proxies tell; then what the request says of itself.
    """
    if public_url:
        return public_url.rstrip("/")
    host, prefix = _host(next(iter(fields.getall("Host", ())), "")), ""
    if trusted and _is_trusted(_address(peer), trusted):
        rfc = _of_forwarded(fields, trusted)
        scheme = _agreed(rfc.scheme, _scheme(_last(fields, "X-Forwarded-Proto"))) or scheme
        told = _agreed(rfc.host, _host(_last(fields, "X-Forwarded-Host"))) or host
        host = _with_port(told, _last(fields, "X-Forwarded-Port"), scheme)
        prefix = _prefix(_last(fields, "X-Forwarded-Prefix"))
    return f"{scheme}://{host}{prefix}" if host and scheme in _PORTS else ""


def _agreed(one: str, other: str) -> str:
    return "" if one and other and one != other else one or other


def _of_forwarded(fields: Fields, trusted: Sequence[Network]) -> _Told:
    """Read the last element, and on to the left for as long as those come from trusted ones."""
    told = _Told()
    for element in reversed(_elements(",".join(fields.getall("Forwarded", ())))):
        told = _Told(
            scheme=_scheme(element.get("proto", "")) or told.scheme,
            host=_host(element.get("host", "")) or told.host,
        )
        if not _is_trusted(_node(element.get("for", "")), trusted):
            break
    return told


def _elements(text: str) -> list[dict[str, str]]:
    """Give the elements of a Forwarded header; none where it cannot be read."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while pair := _PAIR.match(text, at):
        name, quoted, plain = pair.groups()
        if name is not None:
            if name.lower() in elements[-1]:
                return []
            value = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            elements[-1][name.lower()] = value
        if pair.end() == len(text):
            break
        if text[pair.end()] == ",":
            elements.append({})
        elif text[pair.end()] != ";":
            return []
        at = pair.end() + 1
    return [one for one in elements if one]


def _last(fields: Fields, name: str) -> str:
    """Give the last value, which our peer itself wrote or let pass."""
    return ",".join(fields.getall(name, ())).rpartition(",")[2].strip(" \t")


def _scheme(text: str) -> str:
    return text.lower() if text.lower() in _PORTS else ""


def _host(text: str) -> str:
    """Give a host and its port in lower case, if it is one."""
    found = _HOST.fullmatch(text)
    if found is None:
        return ""
    if found["v6"] and not isinstance(_address(found["v6"]), IPv6Address):
        return ""
    if found["port"] and not 0 < int(found["port"]) <= _LAST_PORT:
        return ""
    return text.lower()


def _with_port(host: str, port: str, scheme: str) -> str:
    """Add the port that was told apart, where the host brings none and it is not the usual one."""
    found = _HOST.fullmatch(host)
    if found is None or found["port"] or not _host(f"{host}:{port}"):
        return host
    return host if int(port) == _PORTS.get(scheme) else f"{host}:{int(port)}"


def _prefix(text: str) -> str:
    path = text.rstrip("/")
    return path if _PREFIX.fullmatch(path) else ""


def _node(text: str) -> Address | None:
    """Read the node of `for`: an address, perhaps in brackets, perhaps with a port."""
    name = text.partition("]")[0].removeprefix("[") if "[" in text else text.partition(":")[0]
    return _address(name)


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_trusted(address: Address | None, trusted: Iterable[Network]) -> bool:
    return address is not None and any(address in network for network in trusted)
