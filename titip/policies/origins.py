"""Whose address it is: the scheme, host and port that a request, and its credentials, go to.

Two spellings of one origin compare equal: cases, a default port, a name in its own script or in
its ASCII form, the forms of an IPv6 address, a dot at the end.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urldefrag, urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
LONGEST: Final = 8192
"""Characters of an address that is still read."""

_LONGEST_NAME: Final = 253
_LONGEST_LABEL: Final = 63
_MOST_PORT: Final = 65535
_AUTHORITY: Final = re.compile(
    r"(?:\[(?P<six>[^\[\]@]*)\]|(?P<name>[^:@\[\]]*))(?::(?P<port>[0-9]{0,9}))?\Z"
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
_DOTS: Final = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_UNREADABLE: Final = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]|\A | \Z")
"""Characters that readers of addresses disagree about, or leave out before they read."""


class AddressError(ValueError):
    """An address that nothing may be sent to; the text shows neither its path nor its query."""


class ForeignOrigin(AddressError):
    """An address of an origin that is not the destination's."""

    def __init__(self, found: Origin) -> None:
        """Keep the origin, which may be shown."""
        super().__init__(f"{found} is not an origin of this destination")
        self.origin = found


@dataclass(frozen=True, slots=True)
class Origin:
    """A scheme, a host in ASCII and a port, each in its one spelling."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """Write the origin as an address without a path; a default port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if DEFAULT_PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def named(self) -> str:
        """Write the host and the port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go for a Location; `rewritten`: its scheme or port were not the configured ones."""

    url: str
    rewritten: bool = False


def origin(url: str) -> Origin:
    """Give an address's origin, user and password left aside; raises AddressError."""
    return _origin(_split(url))


def origins(texts: Iterable[str]) -> tuple[Origin, ...]:
    """Read origins as a configuration lists them; raises AddressError for one with more to it."""
    found = []
    for text in texts:
        parts = _split(text)
        if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
            raise AddressError("an origin is a scheme, a host and a port, and nothing else")
        found.append(_origin(parts))
    return tuple(found)


def is_address(url: str) -> bool:
    """Tell whether a text is an address that something can be asked at."""
    try:
        origin(url)
    except AddressError:
        return False
    return True


def same_origin(one: str, other: str) -> bool:
    """Tell whether two addresses have one origin; what is no address has none."""
    try:
        return origin(one) == origin(other)
    except AddressError:
        return False


def is_of(url: str, allowed: Collection[Origin]) -> bool:
    """Tell whether an address is of one of these origins, without a user and a password of its own.

    What is no address is of none.
    """
    try:
        parts = _split(url)
        return "@" not in parts.netloc and _origin(parts) in allowed
    except AddressError:
        return False


def place(location: str, *, base: str, allowed: Collection[Origin] = ()) -> Place:
    """Decide where a Location leads that the configured address `base` answered with.

    One of its own origin, or of an allowed one, is taken as it is. One of the same host with
    another scheme or port is what a registry writes that does not know of the proxy before it:
    the configured origin takes their place. A fragment is left out: it names no other resource. Any
    other raises ForeignOrigin; what is no address
    raises AddressError.
    """
    home = origin(base)
    try:
        url = urldefrag(urljoin(base, _readable(location))).url
    except ValueError as error:
        raise AddressError("the Location is no address") from error
    parts = _split(url)
    if "@" in parts.netloc:
        raise AddressError("the Location brings a user or a password of its own")
    found = _origin(parts)
    if found == home or found in allowed:
        return Place(url)
    if found.host != home.host:
        raise ForeignOrigin(found)
    moved = parts._replace(scheme=home.scheme, netloc=str(home).partition("//")[2])
    return Place(moved.geturl(), rewritten=True)


def shown(url: str) -> str:
    """Write what of an address may be shown: its origin. Anything can be given."""
    try:
        return str(origin(url))
    except AddressError:
        return "an address that cannot be read"


def _readable(text: str) -> str:
    if len(text) > LONGEST:
        raise AddressError("the address is too long")
    if _UNREADABLE.search(text):
        raise AddressError("the address has a character that no address can have")
    return text


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(_readable(url))
    except AddressError:
        raise
    except ValueError as error:
        raise AddressError("the address cannot be read") from error


def _origin(parts: SplitResult) -> Origin:
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise AddressError("the address does not begin with http:// or https://")
    found = _AUTHORITY.match(parts.netloc.rpartition("@")[2])
    if found is None:
        raise AddressError("the address names no host that can be asked")
    port = int(found["port"]) if found["port"] else DEFAULT_PORTS[scheme]
    if not 0 < port <= _MOST_PORT:
        raise AddressError("the address names a port that there is not")
    six = found["six"]
    return Origin(scheme, _name(found["name"]) if six is None else _six(six), port)


def _six(text: str) -> str:
    try:
        return IPv6Address(text).compressed
    except AddressValueError as error:
        raise AddressError("the address names no host that can be asked") from error


def _name(text: str) -> str:
    """Spell a host's name in ASCII, as the resolvers of our libraries do."""
    mapped = text.translate(_DOTS)
    if not mapped.isascii():
        mapped = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", mapped).lower())
    labels = [_label(label) for label in mapped.removesuffix(".").split(".")]
    name = ".".join(labels)
    if len(name) > _LONGEST_NAME or not all(_LABEL.match(label) for label in labels):
        raise AddressError("the address names no host that can be asked")
    return name


def _label(label: str) -> str:
    """Spell a label in ASCII; a sign that no script writes words with makes it none at all."""
    if label.isascii():
        return label.lower()
    if len(label) > _LONGEST_LABEL or not all(_in_words(sign) for sign in label):
        return ""
    return "xn--" + label.encode("punycode").decode("ascii")


def _in_words(sign: str) -> bool:
    return sign == "-" or unicodedata.category(sign)[0] in "LMN"
