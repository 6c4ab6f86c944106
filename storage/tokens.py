"""Who may come in: implements titip.ports.people.Tokens. Only digests of secrets are kept."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from storage.clock import to_ms
from storage.journal.rows import TOKENS
from titip.access import Token, digest_of, spell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import apsw

    from storage.journal.database import Journal
    from titip.access import Role

SECRET_BYTES: Final = 32
"""256 random bits: nobody guesses it, so one plain digest protects it at rest."""

_INSERT: Final = f"INSERT INTO tokens ({TOKENS.columns}) VALUES ({TOKENS.marks})"


@dataclass(frozen=True, slots=True)
class JournalTokens:
    """One journal's tokens."""

    journal: Journal

    async def token(self, token_id: str) -> Token | None:
        """Give the token of that id, revoked ones too."""

        def look(db: apsw.Connection) -> Token | None:
            row = db.execute(
                f"SELECT {TOKENS.columns} FROM tokens WHERE id = ?", (token_id,)
            ).fetchone()
            return None if row is None else TOKENS.of(row)

        return await self.journal.read(look)

    async def tokens(self) -> Sequence[Token]:
        """List them all, oldest first."""
        return await self.journal.read(
            lambda db: [
                TOKENS.of(r)
                for r in db.execute(f"SELECT {TOKENS.columns} FROM tokens ORDER BY seq")
            ],
        )

    async def issue(self, role: Role, submitter: str, *, now: datetime) -> tuple[Token, str]:
        """Make a token; its text is given here once and never again."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        token = Token(secrets.token_hex(4), role, submitter, digest_of(secret), now)
        await self.journal.write(lambda db: _insert(db, token))
        return token, spell(token.id, secret)

    async def revoke(self, token_id: str, *, now: datetime) -> bool:
        """End a token; tell whether there was one."""

        def end(db: apsw.Connection) -> bool:
            db.execute(
                "UPDATE tokens SET revoked_at = ifnull(revoked_at, ?) WHERE id = ?",
                (to_ms(now), token_id),
            )
            return bool(db.changes())

        return await self.journal.write(end)


def _insert(db: apsw.Connection, token: Token) -> None:
    db.execute(_INSERT, TOKENS.row(token))
