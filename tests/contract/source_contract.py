"""What every place must do that gives copies back; a subclass gives one that also receives."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from tests.destination_fakes import MemoryContent, RecordingProgress, a_parcel
from titip.errors import AttemptFailed
from titip.ports.delivery import Destination, Source

SMALL = b"a supporter's statement \x00\xff" * 100
SEVERAL_PIECES = bytes(range(256)) * (36 * 1024) + b"and a tail"
MOST_AT_ONCE = 8 << 20


class Both(Destination, Source, Protocol):
    """A mirror: what it receives it can give back."""


class Held(Protocol):
    """A mirror under test, and its far side seen without it."""

    @property
    def destination(self) -> Both:
        """The mirror."""

    def lose(self) -> None:
        """Remove every copy behind the mirror's back."""

    def rot(self) -> None:
        """Change a byte of every copy behind the mirror's back."""


class SourceContract:
    """Collect these by subclassing; `place` opens a fresh far side."""

    def place(self) -> AbstractAsyncContextManager[Held]:
        raise NotImplementedError

    @pytest.mark.parametrize("data", [SMALL, SEVERAL_PIECES, b""], ids=["small", "large", "empty"])
    async def test_what_was_delivered_is_given_back_in_pieces(self, data):
        async with self.place() as place:
            locator = await _delivered(place.destination, data)

            pieces = [piece async for piece in place.destination.fetch(locator)]

            assert b"".join(pieces) == data
            assert all(0 < len(piece) <= MOST_AT_ONCE for piece in pieces)

    async def test_a_damaged_copy_is_given_as_it_lies_there(self):
        async with self.place() as place:
            locator = await _delivered(place.destination, SMALL)
            place.rot()

            pieces = [piece async for piece in place.destination.fetch(locator)]

            assert b"".join(pieces) not in (SMALL, b"")

    async def test_a_copy_that_is_not_there_falters(self):
        async with self.place() as place:
            locator = await _delivered(place.destination, SMALL)
            place.lose()

            with pytest.raises(AttemptFailed, match="no such copy"):
                await anext(place.destination.fetch(locator))

    @pytest.mark.parametrize("locator", ["", "../journal.db", "/etc/hostname"])
    async def test_a_locator_that_is_none_gives_nothing(self, locator):
        async with self.place() as place:
            await _delivered(place.destination, SMALL)

            with pytest.raises(AttemptFailed):
                await anext(place.destination.fetch(locator))


async def _delivered(destination, data):
    arrival = await destination.deliver(a_parcel(data), MemoryContent(data), RecordingProgress())
    return arrival.locator
