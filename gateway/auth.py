"""Who is asking: the Bearer token of a request, looked up at most once a second."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.options import Auth
from gateway.protocol.errors import Refusal
from gateway.protocol.problems import NO_TOKEN, NOT_ALLOWED
from titip.access import Bearer, Role, Token, digest_of, opens, split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from titip.ports.people import Tokens

FRESH: Final = 1.0
"""Seconds a looked-up token is good for: as long may a revoked one still open."""

REMEMBERED: Final = 4096
"""Ids remembered, known or not, so that made-up ones cannot fill the memory."""

EVERYONE: Final = Bearer(Role.OPERATOR, "everyone")
"""Who asks where no token is asked for."""

OPERATORS: Final = "operators"
"""The submitter of what an operator hands in whose token names none."""

_NOBODY: Final = Token(
    id="",
    role=Role.LO,
    submitter="",
    digest=digest_of(""),
    created_at=datetime(1970, 1, 1, tzinfo=UTC),
    revoked_at=datetime(1970, 1, 1, tzinfo=UTC),
)
"""Compared with where there is no such token, so that an unknown id costs what a known one does."""


class Authenticator:
    """Lets bearers of live tokens in."""

    def __init__(self, tokens: Tokens, auth: Auth) -> None:
        self._tokens = tokens
        self._auth = auth
        self._known: dict[str, tuple[float, Token]] = {}

    async def authenticate(self, headers: Mapping[str, str]) -> Bearer:
        """Tell who asks with these headers; raises Refusal."""
        if self._auth is Auth.NONE:
            return EVERYONE
        scheme, _, text = headers.get("Authorization", "").strip().partition(" ")
        parts = split(text.strip()) if scheme.lower() == "bearer" else None
        if parts is None:
            raise Refusal(NO_TOKEN)
        token_id, secret = parts
        token = await self._token(token_id)
        if not opens(token, secret):
            raise Refusal(NO_TOKEN)
        named = token.submitter or (OPERATORS if token.role is Role.OPERATOR else "")
        return Bearer(token.role, named)

    async def require_operator(self, headers: Mapping[str, str]) -> None:
        """Refuse all but operators."""
        if (await self.authenticate(headers)).role is not Role.OPERATOR:
            raise Refusal(NOT_ALLOWED.because("An operator's token is needed"))

    async def _token(self, token_id: str) -> Token:
        now = asyncio.get_running_loop().time()
        stale_at, token = self._known.get(token_id, (0.0, _NOBODY))
        if now < stale_at:
            return token
        token = await self._tokens.token(token_id) or _NOBODY
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[token_id] = (now + FRESH, token)
        return token
