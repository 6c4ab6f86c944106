"""Folders as cuts leave them, when nothing survives but what was synced under its own name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.powercut.cuts import Cut, pieces, through
from tests.powercut.recording import Word, records

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.powercut.recording import Record

ROOT = 0


@dataclass(slots=True)
class File:
    """Bytes that are kept, and changes that wait."""

    kept: bytearray = field(default_factory=bytearray)
    waiting: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class Folder:
    """Names that are kept, each with the record that made it, and changes that wait."""

    kept: dict[str, Record] = field(default_factory=dict)
    waiting: list[Record] = field(default_factory=list)


class Names:
    """One recording; positions must be asked for in rising order."""

    def __init__(self, log: Path) -> None:
        self._coming = records(log)
        self._next: Record | None = next(self._coming, None)
        self._files: dict[int, File] = {}
        self._folders: dict[int, Folder] = {ROOT: Folder()}

    def forward(self, position: int) -> None:
        """Take in what was told up to there."""
        while self._next is not None and self._next.end <= position:
            self._take(self._next)
            self._next = next(self._coming, None)

    def leave(self, cut: Cut, root: Path, rng: Random) -> None:
        """Make the folder that a cut here leaves."""
        self._build(ROOT, cut, root, rng)

    def _take(self, record: Record) -> None:
        match record.word:
            case Word.WRITE | Word.RESIZE:
                self._files[record.of].waiting.append(record)
            case Word.SYNC:
                self._sync_file(self._files[record.of])
            case Word.FILE | Word.FOLDER | Word.LEAVE:
                self._make(record)
                self._folders[record.of].waiting.append(record)
            case Word.SYNC_FOLDER:
                self._sync_names(self._folders[record.of])

    def _make(self, record: Record) -> None:
        if record.word is Word.FILE:
            self._files.setdefault(record.at, File())
        elif record.word is Word.FOLDER:
            self._folders.setdefault(record.at, Folder())

    def _sync_file(self, file: File) -> None:
        for one in file.waiting:
            _change(file.kept, one, Cut.ALL, None)
        file.waiting.clear()

    def _sync_names(self, folder: Folder) -> None:
        for one in folder.waiting:
            _rename(folder.kept, one)
        folder.waiting.clear()

    def _build(self, number: int, cut: Cut, place: Path, rng: Random) -> None:
        place.mkdir(mode=0o700)
        folder = self._folders[number]
        names = dict(folder.kept)
        for one in through(cut, folder.waiting, rng):
            _rename(names, one)
        for name, record in names.items():
            if record.word is Word.FOLDER:
                self._build(record.at, cut, place / name, rng)
            else:
                (place / name).write_bytes(self._left(record.at, cut, rng))

    def _left(self, number: int, cut: Cut, rng: Random) -> bytearray:
        file = self._files[number]
        if not file.waiting:
            return file.kept
        left = bytearray(file.kept)
        for one in through(cut, file.waiting, rng):
            _change(left, one, cut, rng)
        return left


def _rename(names: dict[str, Record], record: Record) -> None:
    name = record.data.decode()
    if record.word is Word.LEAVE:
        names.pop(name, None)
    else:
        names[name] = record


def _change(content: bytearray, record: Record, cut: Cut, rng: Random | None) -> None:
    if record.word is Word.RESIZE:
        del content[record.at :]
        content.extend(bytes(record.at - len(content)))
        return
    whole = ((record.at, record.data),)
    for at, data in whole if rng is None else pieces(cut, record.at, record.data, rng):
        content.extend(bytes(max(0, at - len(content))))
        content[at : at + len(data)] = data
