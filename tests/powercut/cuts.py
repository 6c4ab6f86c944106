"""What a cut leaves of that which was not synced: the rule of chance, the same for every disk."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from random import Random

T = TypeVar("T")

SECTOR = 512
"""What a disk writes whole or not at all."""


class Cut(StrEnum):
    """How much of what waited in the disk's cache got through."""

    NOTHING = "nothing"
    ALL = "all"
    SOME = "some"
    """Whole writes, each with a chance, so also later ones without earlier ones."""
    TORN = "torn"
    """The same by sectors: a write may be there in part."""


def through(cut: Cut, waiting: Iterable[T], rng: Random) -> Iterator[T]:
    """Give what got through of the writes, or changes of names, that waited."""
    chance = rng.choice((0.1, 0.5, 0.9))
    for one in waiting:
        match cut:
            case Cut.NOTHING:
                return
            case Cut.ALL | Cut.TORN:
                yield one
            case Cut.SOME:
                if rng.random() < chance:
                    yield one


def pieces(cut: Cut, at: int, data: bytes, rng: Random) -> Iterator[tuple[int, bytes]]:
    """Give what got through of one write that did: all of it, or sectors of it."""
    if cut is not Cut.TORN:
        yield at, data
        return
    unit = rng.choice((SECTOR, 4096))
    kept = rng.random()
    offset = 0
    while offset < len(data):
        size = unit - (at + offset) % unit
        if rng.random() < kept:
            yield at + offset, data[offset : offset + size]
        offset += size
