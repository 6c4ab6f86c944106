"""Where a destination's answers may lead: nowhere that the operator did not name."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import structlog

from titip.errors import DestinationUnavailable
from titip.policies.origins import AddressError, ForeignOrigin, Origin, is_of, origin, place

if TYPE_CHECKING:
    from collections.abc import Collection

log = structlog.get_logger()


class BoundOrigin:
    """The origin of one destination's address, and those that it may lead to.

    `base` is the configured address, without a user and a password; `advice` says what to do about
    a Location that leads elsewhere. Raises AddressError for a base that is no address.
    """

    def __init__(self, base: str, allowed: Collection[Origin] = (), *, advice: str) -> None:
        self.base = base
        self._home = origin(base)
        self._allowed = tuple(allowed)
        self._advice = advice
        self._has_told = False

    def located(self, location: str) -> str:
        """Give the address that a Location means.

        Raises DestinationUnavailable for one that is not ours.
        """
        try:
            found = place(location, base=self.base, allowed=self._allowed)
        except ForeignOrigin as error:
            raise DestinationUnavailable(
                f"leads to {error.origin}, which is not its own origin: {self._advice}"
            ) from None
        except AddressError as error:
            raise DestinationUnavailable(f"gave a Location that cannot be used: {error}") from None
        if found.rewritten and not self._has_told:
            self._has_told = True
            log.warning("destination.location_rewritten", origin=str(self._home))
        return found.url

    def is_ours(self, url: str) -> bool:
        """Tell whether an address, as a checkpoint has it, is of a configured origin."""
        return is_of(url, (self._home, *self._allowed))


def without_login(url: str) -> str:
    """Give an address without the user and the password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def login_of(url: str) -> dict[str, str]:
    """Give the header that the user and the password in an address make; none where it has none."""
    parts = urlsplit(url)
    if not parts.username and not parts.password:
        return {}
    plain = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(plain.encode()).decode()}"}
