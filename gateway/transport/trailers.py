"""Reads the trailer section of a chunked body, which the framework parses and drops.

A reader goes along with the bytes of one body, from the end of its head, and keeps nothing of the
content. It is stricter than it must be: what it does not understand is unreadable, never guessed.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from multidict import CIMultiDict

MAX_LINE: Final = 4 << 10
"""Bytes of the line that tells a chunk's size, with its extensions; real ones have ten."""

MAX_SECTION: Final = 8 << 10
"""Bytes of all trailer fields: as many as servers commonly allow for a head."""

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]{0,4000})?")
_SIZE_LINE: Final = re.compile(_SIZE.pattern + rb"\r\n")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e\x80-\xff]*)")


class _Next(Enum):
    SIZE = auto()
    CONTENT = auto()
    BREAK = auto()
    FIELD = auto()
    NOTHING = auto()


class Trailer:
    """The trailer section of one chunked body, known once the body is `over`."""

    __slots__ = ("_begun", "_left", "_next", "_pairs", "_room", "readable")

    def __init__(self) -> None:
        self.readable = True
        self._next = _Next.SIZE
        self._left = 0
        self._begun = b""
        self._room = MAX_SECTION
        self._pairs: list[tuple[bytes, bytes]] = []

    @property
    def over(self) -> bool:
        """Tell whether the body is there with all that belongs to it."""
        return self._next is _Next.NOTHING

    @property
    def fields(self) -> CIMultiDict[str] | None:
        """Give the fields by name in any case; None before the end, or if they are unreadable."""
        if not (self.over and self.readable):
            return None
        return CIMultiDict(
            (name.decode("ascii"), value.decode("utf-8", "surrogateescape"))
            for name, value in self._pairs
        )

    @property
    def last(self) -> tuple[bytes, bytes] | None:
        """Give the last field as it was sent, None where there is none."""
        return self._pairs[-1] if self._pairs else None

    def follow(self, data: bytes, at: int = 0) -> int:
        """Go along with these bytes from `at`; give where the body ends in them, or their end."""
        while at < len(data) and self.readable and not self.over:
            if self._next is _Next.SIZE and not self._begun:
                at = _past_chunks(data, at)
            if self._next is _Next.CONTENT:
                took = min(self._left, len(data) - at)
                self._left -= took
                at += took
                if not self._left:
                    self._next = _Next.BREAK
            else:
                at = self._follow_line(data, at)
        return at if self.readable else len(data)

    def _follow_line(self, data: bytes, at: int) -> int:
        most = self._room if self._next is _Next.FIELD else MAX_LINE
        until = at + most + 1 - len(self._begun)
        end = data.find(b"\n", at, until) + 1
        piece = self._begun + data[at : end or until]
        if len(piece) > most or (end and not piece.endswith(b"\r\n")):
            self.readable = False
        elif not end:
            self._begun = piece
        else:
            self._begun = b""
            self._take(piece[:-2])
        return end or len(data)

    def _take(self, line: bytes) -> None:
        match self._next:
            case _Next.SIZE if told := _SIZE.fullmatch(line):
                self._left = int(told[1], 16)
                self._next = _Next.CONTENT if self._left else _Next.FIELD
            case _Next.BREAK if not line:
                self._next = _Next.SIZE
            case _Next.FIELD if not line:
                self._next = _Next.NOTHING
            case _Next.FIELD if field := _FIELD.fullmatch(line):
                self._room -= len(line) + 2
                self._pairs.append((field[1], field[2].strip(b" \t")))
            case _:
                self.readable = False


def _past_chunks(data: bytes, at: int) -> int:
    """Give where the chunks end that are there in whole: tiny ones are many."""
    while (told := _SIZE_LINE.match(data, at)) and (size := int(told[1], 16)):
        end = told.end() + size
        if not data.startswith(b"\r\n", end):
            break
        at = end + 2
    return at
