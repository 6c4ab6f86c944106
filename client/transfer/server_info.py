"""What is asked of the gateway once per run: what it can do, and whose token this is.

Shared by all workers: the first one that needs an answer asks, the others wait for it.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from client.errors import FatalError
from client.transport.error_mapping import Step, judge
from titip import access

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.options import PushOptions
    from client.transfer.resume_store import ResumeStore
    from client.transport.connection import HttpConnection

TUS_VERSION = "1.0.0"
NOT_THEIRS = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the gateway offers: a body in the creating request, and its largest upload in bytes."""

    takes_body: bool = False
    max_size: int | None = None


class ServerInfo:
    """Knows the gateway and the bearer, asking at most once for each."""

    def __init__(self, options: PushOptions, *, store: ResumeStore) -> None:
        self._server = options.server
        self._mark = token_mark(options.token)
        self._store = store
        self._lock = threading.Lock()
        self._abilities: Capabilities | None = None
        self._identity: str | None = None

    def abilities(
        self, wire: HttpConnection, *, persist: Callable[[Callable[[], Capabilities]], Capabilities]
    ) -> Capabilities:
        """Give what the gateway can do. Raises FatalError if it is no tus gateway."""
        with self._lock:
            if self._abilities is None:
                self._abilities = persist(lambda: _ask_abilities(wire))
            return self._abilities

    def identity(self, wire: HttpConnection, *, persist: Callable[[Callable[[], str]], str]) -> str:
        """Give the name under which this token's files are remembered.

        A new token for the same submitter takes over what an older one proved: it does so if it
        may read one of those uploads, which only their owner and operators may.
        """
        with self._lock:
            if self._identity is None:
                self._identity = self._store.identity_of(self._server, self._mark)
            if self._identity is None:
                self._identity = persist(lambda: self._recognise(wire))
                self._store.adopt(self._server, self._mark, self._identity)
            return self._identity

    def _recognise(self, wire: HttpConnection) -> str:
        for identity, upload in self._store.samples(self._server):
            answer = wire.api(f"uploads/{upload}")
            if answer.status not in NOT_THEIRS:
                judge(answer, Step.PROVE)
                return identity
        return self._mark


def token_mark(token: str) -> str:
    """Tell tokens apart without keeping any: a token's public id, or a part of its digest."""
    if not token:
        return "open"
    parts = access.split(token)
    return parts[0] if parts else hashlib.sha256(token.encode()).hexdigest()[:16]


def _ask_abilities(wire: HttpConnection) -> Capabilities:
    answer = wire.ask("OPTIONS", wire.client.url, headers={})
    judge(answer, Step.GREET)
    if TUS_VERSION not in _listed(answer.headers.get("Tus-Version", "")):
        raise FatalError(
            "what answers at this address is no Titip gateway: check the address after --to, and "
            "whether this network wants a log-in"
        )
    extensions = _listed(answer.headers.get("Tus-Extension", ""))
    return Capabilities("creation-with-upload" in extensions, answer.number("Tus-Max-Size"))


def _listed(field: str) -> set[str]:
    return {part.strip() for part in field.split(",")}
