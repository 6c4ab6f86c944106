"""What every destination must do, whatever it is; a subclass gives one and tells what it holds."""

from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

import pytest

from tests.destination_fakes import (
    Crash,
    MemoryContent,
    RecordingProgress,
    a_parcel,
    tried_again,
)
from titip.ports.delivery import Destination

SMALL = b"a supporter's statement \x00\xff" * 100
SEVERAL_PIECES = bytes(range(256)) * (10 * 1024) + b"and a tail"
MOST_CHECKPOINTS = 8


class Place(Protocol):
    """A destination under test, and the far side seen without it."""

    @property
    def destination(self) -> Destination:
        """The destination, as a new process would make it."""

    def held(self) -> list[bytes]:
        """Every copy that the far side holds."""


class DestinationContract:
    """Collect these by subclassing; `place` opens a fresh far side."""

    def place(self) -> AbstractAsyncContextManager[Place]:
        raise NotImplementedError

    @pytest.mark.parametrize("data", [SMALL, SEVERAL_PIECES, b""], ids=["small", "large", "empty"])
    async def test_what_arrives_is_what_was_sealed(self, data):
        async with self.place() as place:
            progress = RecordingProgress()

            arrival = await place.destination.deliver(a_parcel(data), MemoryContent(data), progress)

            assert place.held() == [data]
            assert arrival.size in (None, len(data))
            assert arrival.sha256 in (None, a_parcel(data).upload.sha256)
            assert progress.bytes_sent == len(data)
            assert progress.bodies == 1

    async def test_two_uploads_are_two_copies(self):
        async with self.place() as place:
            first, second = a_parcel(b"one", upload="u1"), a_parcel(b"two", upload="u2")

            one = await place.destination.deliver(first, MemoryContent(b"one"), RecordingProgress())
            two = await place.destination.deliver(
                second, MemoryContent(b"two"), RecordingProgress()
            )

            assert sorted(place.held()) == [b"one", b"two"]
            assert one.locator != two.locator

    @pytest.mark.parametrize("data", [SMALL, SEVERAL_PIECES, b""], ids=["small", "large", "empty"])
    async def test_a_delivery_whose_record_was_lost_makes_no_second_copy(self, data):
        async with self.place() as place:
            parcel, progress = a_parcel(data), RecordingProgress()
            before = await place.destination.deliver(parcel, MemoryContent(data), progress)
            again = tried_again(parcel, progress)

            after = await place.destination.deliver(again, MemoryContent(data), progress)

            assert place.held() == [data]
            assert after.locator == before.locator

    @pytest.mark.parametrize("number", range(1, MOST_CHECKPOINTS + 1))
    @pytest.mark.parametrize("committed", [False, True])
    async def test_dying_at_a_checkpoint_ends_in_one_copy(self, number, committed):
        async with self.place() as place:
            parcel = a_parcel(SEVERAL_PIECES)
            dying = (
                RecordingProgress(crash_after=number)
                if committed
                else RecordingProgress(crash_before=number)
            )
            with suppress(Crash):
                await place.destination.deliver(parcel, MemoryContent(SEVERAL_PIECES), dying)
            reborn = RecordingProgress(checkpoint=dying.last)

            arrival = await place.destination.deliver(
                tried_again(parcel, dying), MemoryContent(SEVERAL_PIECES), reborn
            )

            assert place.held() == [SEVERAL_PIECES]
            assert arrival.sha256 in (None, parcel.upload.sha256)

    async def test_a_probe_tells_nothing_or_that_it_is_well(self):
        async with self.place() as place:
            assert await place.destination.probe() is not False

    async def test_closing_twice_is_closing_once(self):
        async with self.place() as place:
            await place.destination.deliver(
                a_parcel(SMALL), MemoryContent(SMALL), RecordingProgress()
            )

            await place.destination.close()
            await place.destination.close()
