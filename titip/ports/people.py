"""Who may come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from titip.access import Token


class Tokens(Protocol):
    """Who may come in."""

    async def token(self, token_id: str) -> Token | None:
        """Give the token of that id, revoked ones too."""
