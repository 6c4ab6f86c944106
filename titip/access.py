"""Who may come in: tokens, their roles, and what a role may touch.

A token is `titip_<id>_<secret>`. Only a digest of the secret is kept; the id is public.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

PREFIX: Final = "titip"


class Role(StrEnum):
    """What a token's bearer is."""

    LO = "lo"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: the digest of its secret, never the secret."""

    id: str
    role: Role
    submitter: str
    digest: str
    created_at: datetime
    revoked_at: datetime | None = None

    @property
    def live(self) -> bool:
        """Tell whether it still opens anything."""
        return self.revoked_at is None


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who is asking: the role and, for an LO, the one submitter whose uploads are theirs."""

    role: Role
    submitter: str

    def owns(self, submitter: str) -> bool:
        """Tell whether an upload of this submitter may be read, extended or ended."""
        return self.role is Role.OPERATOR or self.submitter == submitter


def spell(token_id: str, secret: str) -> str:
    """Write the token as its bearer carries it."""
    return f"{PREFIX}_{token_id}_{secret}"


def split(text: str) -> tuple[str, str] | None:
    """Give the id and the secret of a well-formed token, else None.

    Only ASCII is well-formed: a header may carry bytes that no digest and no database takes.
    """
    if not text.isascii():
        return None
    prefix, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    return (token_id, secret) if prefix == PREFIX and token_id and secret else None


def digest_of(secret: str) -> str:
    """Digest a secret for keeping; plain SHA-256, since the secret has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def opens(token: Token, secret: str) -> bool:
    """Tell whether the secret is the token's, in constant time, and the token is live."""
    return hmac.compare_digest(token.digest, digest_of(secret)) and token.live
