"""What came of a push: per file and as a whole, and the exit code that tells the truth."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from client.metadata import encodable
from client.plan import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from client.plan import Item
    from client.proof import Proof

INTERRUPTED = 130
"""What a shell reports for a program that Ctrl-C ended."""


class PushResult(StrEnum):
    """What became of one file."""

    PROVEN = "proven"
    ALREADY = "already_proven"
    """The gateway had all of it before: this run sent none of its bytes."""
    FAILED = "failed"
    LEFT = "left"
    """Not brought to an end in this run; what was sent of it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One file's fate: with a proof if it is proven, with a reason if it is not.

    `sent` counts the bytes of a proven file that left in this run, those that were lost included.
    """

    path: Path
    relative: str
    size: int
    fate: PushResult
    proof: Proof | None = None
    sent: int = 0
    reason: str = ""


def outcome_of(
    found: Item | Fault,
    fate: PushResult,
    *,
    proof: Proof | None = None,
    sent: int = 0,
    reason: str = "",
) -> Outcome:
    """Give the fate of what the plan found; a fault brings its own reason."""
    return Outcome(
        path=found.path,
        relative=found.relative,
        size=found.size,
        fate=fate,
        proof=proof,
        sent=sent,
        reason=found.reason if isinstance(found, Fault) else reason,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PushReport:
    """The whole push. `stopped` says why it ended early, if it did by itself.

    `notes` are what else a person should know.
    """

    server: str
    outcomes: tuple[Outcome, ...]
    seconds: float
    interrupted: bool = False
    stopped: str = ""
    notes: tuple[str, ...] = ()

    def count(self, *fates: PushResult) -> int:
        """Count the files with one of these fates."""
        return sum(outcome.fate in fates for outcome in self.outcomes)

    @property
    def failures(self) -> list[Outcome]:
        """Give the files that failed, in the order of the plan."""
        return [outcome for outcome in self.outcomes if outcome.fate is PushResult.FAILED]

    @property
    def sent(self) -> int:
        """Give the bytes that this run sent of the files that it proved."""
        return sum(outcome.sent for outcome in self.outcomes)

    @property
    def exit_code(self) -> int:
        """Give 0 only if there were files and each is proven at the gateway."""
        if self.interrupted:
            return INTERRUPTED
        proven = self.count(PushResult.PROVEN, PushResult.ALREADY)
        return 0 if self.outcomes and proven == len(self.outcomes) else 1

    def as_json(self) -> dict[str, Any]:
        """Give the report as plain values for json.dumps."""
        return {
            "exit_code": self.exit_code,
            "server": self.server,
            "counts": {fate.value: self.count(fate) for fate in PushResult},
            "bytes_sent": self.sent,
            "seconds": round(self.seconds, 3),
            "interrupted": self.interrupted,
            "stopped": encodable(self.stopped),
            "notes": [encodable(note) for note in self.notes],
            "files": [_entry(outcome) for outcome in self.outcomes],
        }


def _entry(outcome: Outcome) -> dict[str, Any]:
    proof = outcome.proof
    return {
        "path": encodable(str(outcome.path)),
        "relative_path": encodable(outcome.relative),
        "size": outcome.size,
        "fate": outcome.fate.value,
        "sent": outcome.sent,
        "upload": proof.upload if proof else None,
        "sha256": proof.sha256 if proof else None,
        "sealed_at": proof.sealed_at if proof else None,
        "reason": encodable(outcome.reason),
    }


class Notes:
    """What a person should know of a run besides the fates of the files, each told once.

    In the order in which they were first told. Safe for threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, None] = {}

    def tell(self, sentence: str) -> None:
        """Keep a sentence, unless it is there."""
        with self._lock:
            self._told.setdefault(sentence)

    def all(self) -> tuple[str, ...]:
        """Give every sentence once."""
        with self._lock:
            return tuple(self._told)
