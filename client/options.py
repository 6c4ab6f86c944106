"""What a push is told: where to, as whom, how fast, how patiently. Checked here, once."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from client.address import TUS_PATH, root_of
from client.chunk_sizer import ChunkLimits
from client.errors import BadOptions

if TYPE_CHECKING:
    from pathlib import Path

MAX_PARALLEL = 32
"""More connections than this only make a bad line worse."""
SHORTEST_SILENCE = 0.1
"""Seconds: whatever the patience, an answer gets as long as this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for what, in seconds.

    `silence` bounds one 64 KiB write, one read, and an answer as a whole: at 1 KiB/s a line is
    still alive. `give_up_after` counts from the last progress; 0 means never.
    """

    floor: float = 0.5
    ceiling: float = 60.0
    longest_retry_after: float = 300.0
    give_up_after: float = 900.0
    connect: float = 10.0
    silence: float = 90.0

    def limits(self) -> tuple[float, float]:
        """Give the seconds for a connection and for a silence, neither beyond all patience."""
        most = max(self.give_up_after or math.inf, SHORTEST_SILENCE)
        return min(self.connect, most), min(self.silence, most)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """Everything `push` needs to know besides the paths.

    Raises BadOptions when the address, the token or a number cannot work.
    """

    server: str
    token: str = field(default="", repr=False)
    parallel: int = 4
    state: Path | None = None
    again: bool = False
    chunks: ChunkLimits = field(default_factory=ChunkLimits)
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        object.__setattr__(self, "server", root_of(self.server))
        if any(not "!" <= sign <= "~" for sign in self.token):
            raise BadOptions(
                "the token has a space or an unusual sign in it: copy it again, on one line"
            )
        if not 1 <= self.parallel <= MAX_PARALLEL:
            raise BadOptions(f"files at once must be between 1 and {MAX_PARALLEL}")
        if not self.patience.give_up_after >= 0:  # so that it holds for nan, too
            raise BadOptions("the time to give up after cannot be negative; 0 means never")

    @property
    def endpoint(self) -> str:
        """Give the address where uploads are created, with its closing slash."""
        return f"{self.server}{TUS_PATH}/"
