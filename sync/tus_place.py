"""Where the uploads of a tus registry may lie: nowhere that the operator did not name."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import structlog

from titip.errors import Unavailable
from titip.origins import AddressError, ForeignOrigin, is_of, origin, origins, place

if TYPE_CHECKING:
    from collections.abc import Collection

log = structlog.get_logger()


class TusPlace:
    """The origin of one registry, and those that it may lead to.

    `intake` is the configured address without its user and password; `login` the header that
    these make, where the address has any.
    """

    def __init__(self, url: str, allowed: Collection[str] = ()) -> None:
        parts = urlsplit(url)
        self.intake = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self.login = _login(parts.username, parts.password)
        self._allowed = origins(allowed)
        self._has_told = False

    def located(self, location: str) -> str:
        """Give the address that a Location means; raises Unavailable for one that is not ours."""
        try:
            found = place(location, base=self.intake, allowed=self._allowed)
        except ForeignOrigin as error:
            raise Unavailable(
                f"leads to {error.origin}, which is not its own origin: if files may go there, "
                "list it in registry.origins"
            ) from None
        except AddressError as error:
            raise Unavailable(f"gave a Location that cannot be used: {error}") from None
        if found.rewritten and not self._has_told:
            self._has_told = True
            log.warning("registry.location_rewritten", origin=str(origin(self.intake)))
        return found.url

    def is_ours(self, url: str) -> bool:
        """Tell whether an upload's address, as a checkpoint has it, is of a configured origin."""
        return is_of(url, (origin(self.intake), *self._allowed))


def _login(user: str | None, password: str | None) -> dict[str, str]:
    if not user and not password:
        return {}
    plain = f"{unquote(user or '')}:{unquote(password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(plain.encode()).decode()}"}
