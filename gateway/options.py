"""How the gateway is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from gateway.ingest.min_rate import Pace
from gateway.transport.connection_limits import ConnectionLimits

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network


class Auth(StrEnum):
    """Whether a token is asked for."""

    TOKEN = "token"  # noqa: S105 - the word of the option, not a secret
    NONE = "none"


@dataclass(frozen=True, slots=True)
class GatewayOptions:
    """How this gateway is set up; sizes in bytes.

    What `trusted_proxies` say of the address that senders see is believed: see
    `gateway/protocol/forwarded.py`.
    `origins` are those whose pages may call (CORS), `*` for all: it is safe, since the token
    travels in a header and never in a cookie.
    """

    public_url: str = ""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    max_upload: int = 50 << 30
    max_unfinished_age: timedelta | None = timedelta(days=7)
    auth: Auth = Auth.TOKEN
    reserve: int = 1 << 30
    origins: tuple[str, ...] = ("*",)
    pace: Pace = field(default_factory=Pace)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    max_open_uploads: int = 20_000

    @property
    def names_origins(self) -> bool:
        """Tell whether pages of certain other sites are let in, which may then send cookies."""
        return bool(self.origins) and "*" not in self.origins
