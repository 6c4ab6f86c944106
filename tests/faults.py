"""What can be wrong with a line, as plans, and what one connection made of its plan."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

INTERIM: Final = b"HTTP/1.1 1"
"""How an answer begins that another one follows: 100, 104."""


class Way(StrEnum):
    """Up is towards the gateway."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Through:
    """Let all pass: each piece `delay` seconds late, at most `rate` bytes a second each way."""

    delay: float = 0.0
    rate: float = math.inf


@dataclass(frozen=True, slots=True)
class After(Through):
    """Strike once `count` bytes have passed that way: none of these goes further."""

    count: int = 0
    way: Way = Way.UP


@dataclass(frozen=True, slots=True)
class CutAfter(After):
    """Close: the end they went to gets all those bytes and a proper end, the other a reset."""


@dataclass(frozen=True, slots=True)
class Reset(After):
    """Reset both ends."""


@dataclass(frozen=True, slots=True)
class Stall(After):
    """Fall silent, both ways: whatever one end does from then on, the other hears nothing."""


@dataclass(frozen=True, slots=True)
class HalfClose(After):
    """End that way alone: what still comes is dropped, while the other way goes on."""


@dataclass(frozen=True, slots=True)
class LoseAnswer(Through):
    """Close in place of the first answer that comes when over `count` bytes have gone up.

    The gateway did what it was asked, and the sender cannot know. Interim answers pass.
    """

    count: int = 0


@dataclass(frozen=True, slots=True)
class Duplicate(Through):
    """Send the same bytes up on a second connection at the same time; its answers end here."""


class Strike(Exception):
    """The fault's moment has come."""


class Crossing:
    """One connection that has said something: its fault, and the bytes handed on each way."""

    def __init__(self, fault: Through) -> None:
        """Begin; `twin_answer` is to hold what a duplicate is answered."""
        self.fault = fault
        self.up = self.down = 0
        self.struck = asyncio.Event()
        self.ended = asyncio.Event()
        self.twin_answer = bytearray()

    def crossed(self, way: Way) -> int:
        """Tell how many bytes were handed on that way."""
        return self.up if way is Way.UP else self.down

    def count(self, way: Way, number: int) -> None:
        """Count bytes that are handed on."""
        if way is Way.UP:
            self.up += number
        else:
            self.down += number

    def most(self, way: Way, piece: bytes) -> int:
        """Tell how much of a piece may pass."""
        match self.fault:
            case After(count=most) if self.fault.way is way:
                return most - self.crossed(way)
            case LoseAnswer(count=count) if way is Way.DOWN and self.up > count:
                return _interim(piece)
            case _:
                return len(piece)

    def spent(self, way: Way) -> bool:
        """Tell whether all has passed that way that was to pass before the fault."""
        match self.fault:
            case After(count=most) if self.fault.way is way:
                return self.crossed(way) >= most
            case _:
                return False


def _interim(piece: bytes) -> int:
    """Tell how much of a piece is interim answers."""
    end = 0
    while piece.startswith(INTERIM, end) and (found := piece.find(b"\r\n\r\n", end)) >= 0:
        end = found + 4
    return end
