"""What was promised, and at which position of the log: the other half of a recording."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Kind(StrEnum):
    """What was said. A request is noted before it is sent, an answer after it came."""

    KEPT = "kept"
    """This many bytes of the file (`number`) are kept, as upload `text`."""
    SEALED = "sealed"
    LEAVING = "leaving"
    """Its end was asked for: from here on it may be gone."""
    ENDED = "ended"
    TOKEN = "token"
    """The token `text` was shown."""
    REVOKING = "revoking"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing said; `name` is the file's, or the token's id."""

    position: int
    kind: Kind
    name: str
    text: str = ""
    number: int = 0


@dataclass(slots=True)
class Account:
    """What is owed to the sender of one file."""

    offset: int = -1
    upload: str = ""
    sealed: bool = False
    leaving: bool = False
    ended: bool = False


@dataclass(slots=True)
class Owed:
    """All that was promised up to some position; tokens by id: text, and whether it lives."""

    files: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, tuple[str, bool | None]] = field(default_factory=dict)


@lru_cache(maxsize=1000)
def content(name: str) -> bytes:
    """Give a file's bytes: its name tells seed and size, so that a row is enough to know.

    What is joined from parts has their names, with a plus between.
    """
    if "+" in name:
        return b"".join(map(content, name.split("+")))
    seed, size = name.split("-")[-2:]
    return Random(seed).randbytes(int(size))


@lru_cache(maxsize=10_000)
def digest(name: str) -> str:
    """Give the digest that a seal of this file must have."""
    return sha256(content(name)).hexdigest()


class Ledger:
    """Notes promises with the position they were made at."""

    def __init__(self, position: Callable[[], int], promises: list[Promise] | None = None) -> None:
        self._position = position
        self.promises = promises or []

    def note(self, kind: Kind, name: str, text: str = "", *, number: int = 0) -> None:
        self.promises.append(Promise(self._position(), kind, name, text, number))

    def owed_at(self, position: int) -> Owed:
        owed = Owed()
        for one in self.promises:
            if one.position <= position:
                _add(owed, one)
        return owed

    def save(self, path: Path) -> None:
        path.write_text(json.dumps([asdict(one) for one in self.promises]))

    @classmethod
    def load(cls, path: Path) -> Ledger:
        rows = json.loads(path.read_text())
        return cls(lambda: 0, [Promise(**{**row, "kind": Kind(row["kind"])}) for row in rows])


def _add(owed: Owed, one: Promise) -> None:
    account = owed.files.setdefault(one.name, Account()) if "-" in one.name else Account()
    match one.kind:
        case Kind.KEPT:
            account.offset = max(account.offset, one.number)
            account.upload = one.text
        case Kind.SEALED:
            account.sealed = True
        case Kind.LEAVING:
            account.leaving = True
        case Kind.ENDED:
            account.ended = True
        case Kind.TOKEN:
            owed.tokens[one.name] = (one.text, True)
        case Kind.REVOKING:
            owed.tokens[one.name] = (owed.tokens[one.name][0], None)
        case Kind.REVOKED:
            owed.tokens[one.name] = (owed.tokens[one.name][0], False)
