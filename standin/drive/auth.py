"""Give out bearer tokens that live an hour, and know whose they are.

Signatures and secrets are not checked: whoever can reach a stand-in may have a token.
"""

import base64
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from standin.drive.errors import DriveRefusal
from standin.drive.faults import Faults, Kind, Revoked

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFRESH_GRANT = "refresh_token"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a request comes from. A bare service account owns no storage."""

    name: str
    is_service_account: bool = False


OWNER = Caller("owner@standin.example")
"""Whom every refresh token belongs to, and every request to an open Drive."""


class Tokens:
    """The tokens that were given out and have not run out."""

    def __init__(
        self, faults: Faults, *, clock: Callable[[], float], seconds: float, is_open: bool
    ) -> None:
        self._faults = faults
        self._clock = clock
        self._seconds = seconds
        self._is_open = is_open
        self._live: dict[str, tuple[Caller, float]] = {}

    def grant(self, caller: Caller) -> dict[str, object]:
        """Give `caller` a fresh token."""
        token = f"standin.{secrets.token_urlsafe(24)}"
        self._live[token] = caller, self._clock() + self._seconds
        return {"access_token": token, "expires_in": int(self._seconds), "token_type": "Bearer"}

    def identify(self, request: web.Request, kind: Kind) -> Caller:
        """Tell whom a request comes from; raise the Drive's 401 if its token is none.

        A session's address is a credential of its own: chunks and queries may come without token.
        """
        if self._is_open:
            return OWNER
        header = request.headers.get("Authorization")
        if header is None and kind in {Kind.CHUNK, Kind.QUERY}:
            return OWNER
        caller, until = self._live.get((header or "").removeprefix("Bearer "), (OWNER, 0.0))
        if self._clock() >= until or self._faults.take(Revoked, kind) is not None:
            raise unauthorized()
        return caller

    async def answer(self, request: web.Request, _: Caller) -> web.Response:
        """Serve the token endpoint."""
        form = await request.post()
        grant = form.get("grant_type")
        if self._faults.take(Revoked, Kind.TOKEN) is not None:
            return _no_grant("invalid_grant", "the token was revoked or has expired")
        if grant == REFRESH_GRANT and form.get("refresh_token"):
            return web.json_response(self.grant(OWNER))
        if grant == JWT_GRANT:
            caller = _bearer_of(str(form.get("assertion", "")))
            if caller is None:
                return _no_grant("invalid_grant", "the assertion is no JWT with an issuer")
            return web.json_response(self.grant(caller))
        return _no_grant("unsupported_grant_type", "send a refresh_token or a JWT assertion")


def unauthorized() -> DriveRefusal:
    """Say that the token is none, or has run out."""
    return DriveRefusal(401, "authError", "The request had no live access token.")


def _no_grant(error: str, description: str) -> web.Response:
    return web.json_response({"error": error, "error_description": description}, status=400)


def _bearer_of(assertion: str) -> Caller | None:
    """Read whom a JWT speaks for: its subject, or the service account that issued it."""
    try:
        payload = assertion.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if "sub" in claims and claims["sub"] != claims["iss"]:
            return Caller(str(claims["sub"]))
        return Caller(str(claims["iss"]), is_service_account=True)
    except (ValueError, LookupError, TypeError):
        return None
