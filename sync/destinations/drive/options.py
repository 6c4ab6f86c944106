"""How the Drive mirror is set up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from titip.policies.origins import is_address

if TYPE_CHECKING:
    from pathlib import Path

MIB: Final = 1 << 20
UNIT: Final = 256 * 1024
"""A chunk must be a multiple of this, except the last one (Drive's guide to uploads)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveOptions:
    """Credentials, place and pace; sizes in bytes.

    `folder` is the id of the folder that receives everything; empty: Titip makes one of its own.
    `endpoint` is another root URL, for tests; only there may `credentials` be missing.
    """

    credentials: Path | None = None
    folder: str = ""
    endpoint: str = ""
    chunk: int = 8 * MIB
    max_chunk: int = 64 * MIB
    """Chunks grow up to this; memory is bounded by `workers` times it."""
    workers: int = 4
    timeout: timedelta = timedelta(seconds=60)
    """How long an answer may take as a whole after the last byte, and one piece to leave."""
    creates_per_second: float = 2.0
    """What Drive bears, sustained (rclone's experience); its published quota is far above."""
    burst: int = 10
    quick_wait: timedelta = timedelta(seconds=0.5)
    """First wait before a call is repeated within an attempt; it doubles."""

    def check(self) -> None:
        """Raise ValueError that names every problem and its mend."""
        problems: list[str] = []
        if self.chunk < UNIT or self.chunk % UNIT:
            problems.append("mirror.drive.chunk must be a multiple of 256 KiB")
        if self.max_chunk < self.chunk:
            problems.append("mirror.drive.max_chunk must not be below mirror.drive.chunk")
        if self.workers < 1 or self.burst < 1 or self.creates_per_second <= 0:
            problems.append("mirror.drive: workers, burst and creates_per_second must be above 0")
        if self.endpoint and not is_address(self.endpoint):
            problems.append("mirror.drive.endpoint must be a root URL like http://127.0.0.1:9002/")
        if self.credentials is None and not self.endpoint:
            problems.append("mirror.drive.credentials must name a file with Google credentials")
        if problems:
            raise ValueError("; ".join(problems))
