"""What a disk was told, in order: a log that one process appends to and others read.

A record is a word and up to two numbers and some bytes. On a disk of blocks there is one file,
number 0, and only WRITE and SYNC. The log's size at a moment is the position of that moment.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAME = "disk"
"""The one file that stands for a disk of blocks."""

HEAD = struct.Struct("<BQQI")


class Word(IntEnum):
    """What was done: a file's bytes, a file's size, a sync, a folder's names."""

    WRITE = 1
    """`data` at `at` of file `of`."""
    RESIZE = 2
    """File `of` to `at` bytes."""
    SYNC = 3
    """File `of`: all that was written to it is kept from here on."""
    FILE = 4
    """The name `data` in folder `of` means file `at`."""
    FOLDER = 5
    """The name `data` in folder `of` means folder `at`."""
    LEAVE = 6
    """The name `data` is no longer in folder `of`."""
    SYNC_FOLDER = 7
    """Folder `of`: its names are kept from here on."""


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the log; `end` is the position right after it."""

    word: Word
    of: int
    at: int
    data: bytes
    end: int


class Pen:
    """Appends to a log; a record is there as soon as `note` returned."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, word: Word, of: int = 0, *, at: int = 0, data: bytes = b"") -> None:
        os.writev(self._fd, (HEAD.pack(word, of, at, len(data)), data))


def records(log: Path) -> Iterator[Record]:
    """Read a log that is no longer written to."""
    end = 0
    with log.open("rb") as file:
        while len(head := file.read(HEAD.size)) == HEAD.size:
            word, of, at, size = HEAD.unpack(head)
            end += HEAD.size + size
            yield Record(Word(word), of, at, file.read(size), end)
