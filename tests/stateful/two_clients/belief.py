"""What may be in an upload, by what was sent and what was answered: the model.

Each byte tells by its value which request brought it to which place, so that one that was lost,
moved, doubled or brought by somebody else is seen.
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from titip.upload import UploadState

if TYPE_CHECKING:
    from tests.stateful.two_clients.world import Seen
    from titip.upload import UploadId

ENDED = frozenset({UploadState.TERMINATED, UploadState.EXPIRED})


class Proof(StrEnum):
    """Whether a body comes with its checksum."""

    NONE = "none"
    RIGHT = "right"
    WRONG = "wrong"


class Moment(NamedTuple):
    """How an upload stood when a request was sent."""

    offset: int
    state: UploadState | None


class Shape(NamedTuple):
    """How a body goes over the wire: in pieces of so many bytes, 0 for all at once."""

    piece: int = 0
    chunked: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Try:
    """What one request offers, from this offset on.

    By the draft also whether it is the `last`; with the `length` that was left open before.
    """

    number: int
    offset: int
    body: bytes
    proof: Proof
    shape: Shape
    draft: bool = False
    last: bool = False
    length: int | None = None

    def __str__(self) -> str:
        how = f"{self.shape.piece}{' chunked' if self.shape.chunked else ''}"
        draft = f", draft{' last' if self.last else ''}" if self.draft else ""
        return f"#{self.number} at {self.offset} to {self.end}, by {how}, {self.proof}{draft}"

    @property
    def end(self) -> int:
        """Give the offset after the last byte."""
        return self.offset + len(self.body)

    @property
    def checksum(self) -> dict[str, str]:
        """Give the header that goes with it."""
        if self.proof is Proof.NONE:
            return {}
        meant = self.body if self.proof is Proof.RIGHT else self.body + b"?"
        digest = base64.b64encode(hashlib.sha256(meant).digest()).decode()
        if self.draft:
            return {"Content-Digest": f"sha-256=:{digest}:"}
        return {"Upload-Checksum": f"sha256 {digest}"}

    def shares(self, content: bytes, at: int) -> int:
        """Tell how many bytes of the content from `at` on can be this request's."""
        mine = self.body[at - self.offset :]
        most = min(len(mine), len(content) - at)
        count = bisect(range(1, most + 1), 0, key=lambda n: content[at : at + n] != mine[:n])
        whole = self.proof is Proof.NONE or (at == self.offset and count == len(mine))
        return count if whole and self.proof is not Proof.WRONG else 0


def bytes_of(number: int, offset: int, size: int) -> bytes:
    """Make the bytes of one request: at one place those of 256 requests all differ."""
    cycle = bytes((number * 37 + place * 101) % 256 for place in range(offset, offset + 256))
    return (cycle * (size // 256 + 1))[:size]


@dataclass(eq=False)
class Belief:
    """One upload as it must be.

    `may_end`: somebody asked for it. `may_stay_open`: although it is complete, since by the draft
    its last bytes may not have been said to be the last. `deferred`: its length is told later.
    """

    id: UploadId
    length: int
    known: bytes = b""
    told: int = 0
    state: UploadState | None = UploadState.OPEN
    tries: list[Try] = field(default_factory=list)
    acknowledged: list[Try] = field(default_factory=list)
    last: Try | None = None
    deferred: bool = False
    may_end: bool = False
    may_stay_open: bool = False

    @classmethod
    def never(cls, nobodys: UploadId) -> Belief:
        """Give one that nobody began."""
        return cls(nobodys, 0, state=None)

    @property
    def path(self) -> str:
        """Give its address."""
        return f"/files/{self.id}"

    @property
    def offset(self) -> int:
        """Give the committed offset as last seen."""
        return len(self.known)

    @property
    def now(self) -> Moment:
        """Give how it stands."""
        return Moment(self.offset, self.state)

    def tell(self, offset: int) -> None:
        """Take in that somebody was told that so much is kept."""
        self.told = max(self.told, offset)

    def refuse(self, offered: Try) -> None:
        """Take in that nothing more of a request will be kept."""
        self.tries.remove(offered)

    def see(self, seen: Seen) -> None:
        """Compare with what there is; learn what was not certain."""
        row = seen.upload
        if self.state is None:
            assert row is None, "nobody began it"
            return
        assert row is not None, "an upload never vanishes"
        if self.state in ENDED:
            assert row.state is self.state
            return
        if row.state in ENDED:
            assert self.may_end, "nobody ended it"
            self.state = row.state
            return
        assert self.state is not UploadState.SEALED or row.state is UploadState.SEALED
        assert row.length == self.length or (row.length is None and self.deferred)
        self.deferred = row.length is None
        assert row.offset >= max(self.told, self.offset), "an offset never goes back"
        assert len(seen.content) == row.offset, "committed bytes are there"
        assert seen.content.startswith(self.known), "committed bytes are never replaced"
        self._learn(seen.content)
        for one in self.acknowledged:
            kept = one.body[: self.length - one.offset]
            assert self.known[one.offset : one.end] == kept, "acknowledged bytes are kept"
        self.state = row.state
        complete = row.offset == row.length
        assert complete or self.state is not UploadState.SEALED
        assert not complete or self.state is UploadState.SEALED or self.may_stay_open
        if self.state is UploadState.SEALED:
            assert row.sha256 == hashlib.sha256(self.known).hexdigest()

    def _learn(self, content: bytes) -> None:
        """Tell for each new byte which request brought it."""
        while (at := self.offset) < len(content):
            may = [one for one in self.tries if one.offset == at]
            if self.last is not None and at < self.last.end:
                may.append(self.last)
            brought, by = max(
                ((one.shares(content, at), one) for one in may),
                key=lambda pair: pair[0],
                default=(0, None),
            )
            assert brought, f"byte {at} is nobody's"
            self.known, self.last = content[: at + brought], by
