"""What was promised: every acknowledgement, kept until it is compared with what there is."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from random import Random


@dataclass(frozen=True, slots=True)
class Paper:
    """A file to hand in; its bytes come from its seed."""

    seed: str
    submitter: str
    length: int
    sha256: str
    key: str = ""

    @classmethod
    def make(cls, seed: str, *, submitter: str, length: int, key: str) -> Paper:
        """Make one; nothing but its digest is kept."""
        digest = hashlib.sha256(content(seed, length)).hexdigest()
        return cls(seed, submitter, length, digest, key)

    @property
    def content(self) -> bytes:
        """Give its bytes."""
        return content(self.seed, self.length)


def content(seed: str, length: int) -> bytes:
    """Make the bytes of a paper."""
    return Random(seed).randbytes(length)


@dataclass(slots=True)
class Promise:
    """What the server has acknowledged of one upload."""

    upload: str
    paper: Paper
    offset: int = 0
    sealed: bool = False
    withdrawn: bool = False
    maybe_withdrawn: bool = False


@dataclass(slots=True)
class Ledger:
    """Everything that was acknowledged, and everything that was found wrong."""

    promises: dict[str, Promise] = field(default_factory=dict)
    owners: dict[str, set[str]] = field(default_factory=dict)
    """By digest who has sent such a paper: the empty one is everybody's."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    bytes_acknowledged: int = 0

    def handing_in(self, paper: Paper) -> None:
        """Note a paper before its first byte leaves."""
        self.owners.setdefault(paper.sha256, set()).add(paper.submitter)

    def begun(self, upload: str, paper: Paper) -> Promise:
        """Note a creation that was answered; twice under one key it must be the same upload."""
        known = self.promises.get(upload)
        if known is not None:
            if known.paper != paper:
                self.complain("visible", f"{upload} was given to two papers")
            return known
        self.acknowledged["creations"] += 1
        self.promises[upload] = Promise(upload, paper)
        return self.promises[upload]

    def covers(self, promise: Promise, offset: int, *, digest: str | None, what: str) -> None:
        """Note an offset that a 2xx told, and with the last byte the digest."""
        if offset > promise.paper.length:
            self.complain("lost", f"{promise.upload}: {what} tells {offset} of fewer bytes")
        self.acknowledged[what] += 1
        self.bytes_acknowledged += max(0, offset - promise.offset)
        promise.offset = max(promise.offset, offset)
        if digest is not None:
            self._sealed(promise, digest, what)
        elif offset == promise.paper.length:
            self.complain("lost", f"{promise.upload}: {what} of the last byte tells no digest")

    def asked(self, promise: Promise, offset: int, *, floor: int) -> None:
        """Compare what HEAD or 409 tells with what was acknowledged before it was asked."""
        if offset < floor:
            self.complain("lost", f"{promise.upload}: {offset} after {floor} was acknowledged")

    def withdrawn(self, promise: Promise) -> None:
        """Note a termination that was answered."""
        self.acknowledged["withdrawals"] += 1
        promise.withdrawn = True

    def complain(self, kind: str, text: str) -> None:
        """Note what is wrong: lost, doubled, visible, unproven, freed, down, or answered badly."""
        self.wrong.append((kind, text))

    def count(self, kind: str) -> int:
        """Count the complaints of a kind."""
        return sum(1 for one, _ in self.wrong if one == kind)

    def _sealed(self, promise: Promise, digest: str, what: str) -> None:
        if digest != repr_digest(promise.paper.sha256):
            self.complain("lost", f"{promise.upload}: {what} tells another digest")
        if not promise.sealed:
            self.acknowledged["seals"] += 1
        promise.sealed = True


def repr_digest(sha256: str) -> str:
    """Spell a digest as Repr-Digest does."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
